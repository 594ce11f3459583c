// What glibc calls. Enumeration keeps one number per database, the index of the next account;
// lookups keep nothing.
#include <errno.h>

#include <atomic>

#include "pam_module/nss/lookup.h"

#ifndef PIV_NSS_DATABASE
#define PIV_NSS_DATABASE PIV_STATEDIR "/accounts.db"
#define PIV_NSS_PASSWD "/etc/passwd"
#define PIV_NSS_SHADOW "/etc/shadow"
#endif

#define EXPORT extern "C" __attribute__((visibility("default"))) enum nss_status

using namespace piv::nss;

namespace {

constexpr Paths kPaths{PIV_NSS_DATABASE, PIV_NSS_PASSWD, PIV_NSS_SHADOW};

std::atomic<std::uint32_t> next_passwd{0};
std::atomic<std::uint32_t> next_group{0};
std::atomic<std::uint32_t> next_shadow{0};
static_assert(ATOMIC_INT_LOCK_FREE == 2, "no lock may hide in here");

// The next entry that there is; the index moves only past what was delivered or skipped, so that a
// caller with too small a buffer gets the same entry again.
template <typename Entry, typename At>
enum nss_status next(std::atomic<std::uint32_t>& index, At at, Entry* result, Out out) noexcept {
    for (;;) {
        std::uint32_t mine = index.load();
        const enum nss_status status = at(kPaths, mine, result, out);
        if (status != NSS_STATUS_SUCCESS && status != NSS_STATUS_RETURN) {
            return status;
        }
        if (index.compare_exchange_strong(mine, mine + 1) && status == NSS_STATUS_SUCCESS) {
            return status;
        }
    }
}

enum nss_status restart(std::atomic<std::uint32_t>& index) noexcept {
    index.store(0);
    return NSS_STATUS_SUCCESS;
}

}  // namespace

EXPORT _nss_piv_getpwnam_r(const char* name, struct passwd* result, char* buffer, size_t size,
                           int* error) {
    return passwd_by_name(kPaths, name, result, {buffer, size, error});
}
EXPORT _nss_piv_getpwuid_r(uid_t uid, struct passwd* result, char* buffer, size_t size,
                           int* error) {
    return passwd_by_uid(kPaths, uid, result, {buffer, size, error});
}
EXPORT _nss_piv_setpwent(int) {
    return restart(next_passwd);
}
EXPORT _nss_piv_endpwent(void) {
    return restart(next_passwd);
}
EXPORT _nss_piv_getpwent_r(struct passwd* result, char* buffer, size_t size, int* error) {
    return next(next_passwd, passwd_at, result, {buffer, size, error});
}

EXPORT _nss_piv_getgrnam_r(const char* name, struct group* result, char* buffer, size_t size,
                           int* error) {
    return group_by_name(kPaths, name, result, {buffer, size, error});
}
EXPORT _nss_piv_getgrgid_r(gid_t gid, struct group* result, char* buffer, size_t size, int* error) {
    return group_by_gid(kPaths, gid, result, {buffer, size, error});
}
EXPORT _nss_piv_setgrent(int) {
    return restart(next_group);
}
EXPORT _nss_piv_endgrent(void) {
    return restart(next_group);
}
EXPORT _nss_piv_getgrent_r(struct group* result, char* buffer, size_t size, int* error) {
    return next(next_group, group_at, result, {buffer, size, error});
}

// An account of ours is in its primary group alone: nothing is added to what the caller has.
EXPORT _nss_piv_initgroups_dyn(const char* name, gid_t, long*, long*, gid_t**, long, int* error) {
    return is_account(kPaths, name, error);
}

EXPORT _nss_piv_getspnam_r(const char* name, struct spwd* result, char* buffer, size_t size,
                           int* error) {
    return shadow_by_name(kPaths, name, result, {buffer, size, error});
}
EXPORT _nss_piv_setspent(int) {
    return restart(next_shadow);
}
EXPORT _nss_piv_endspent(void) {
    return restart(next_shadow);
}
EXPORT _nss_piv_getspent_r(struct spwd* result, char* buffer, size_t size, int* error) {
    return next(next_shadow, shadow_at, result, {buffer, size, error});
}
