// From a name, an alias or an id to a passwd, group or shadow entry in the caller's buffer.
#pragma once

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>

#include <cstddef>
#include <cstdint>

namespace piv::nss {

struct Paths {
    const char* database;
    const char* passwd;
    const char* shadow;
};

/// The caller's memory, and where errno for him goes.
struct Out {
    char* buffer;
    std::size_t size;
    int* error;
};

enum nss_status passwd_by_name(const Paths& paths, const char* name, struct passwd* result,
                               Out out) noexcept;
enum nss_status passwd_by_uid(const Paths& paths, uid_t uid, struct passwd* result,
                              Out out) noexcept;
/// The account at `index`; NOTFOUND past the end.
enum nss_status passwd_at(const Paths& paths, std::uint32_t index, struct passwd* result,
                          Out out) noexcept;
/// The private group of an account: the same name, gid equal to its uid, no members.
enum nss_status group_by_name(const Paths& paths, const char* name, struct group* result,
                              Out out) noexcept;
enum nss_status group_by_gid(const Paths& paths, gid_t gid, struct group* result, Out out) noexcept;
/// NSS_STATUS_RETURN: the account at `index` has no private group, go on.
enum nss_status group_at(const Paths& paths, std::uint32_t index, struct group* result,
                         Out out) noexcept;
/// A locked password for our accounts; for the alias of a local one its own entry of shadow(5).
enum nss_status shadow_by_name(const Paths& paths, const char* name, struct spwd* result,
                               Out out) noexcept;
enum nss_status shadow_at(const Paths& paths, std::uint32_t index, struct spwd* result,
                          Out out) noexcept;
/// SUCCESS when `name` is an account of ours; it has no supplementary groups.
enum nss_status is_account(const Paths& paths, const char* name, int* error) noexcept;

}  // namespace piv::nss
