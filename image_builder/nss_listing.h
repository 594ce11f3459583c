// What an NSS database lists, by certutil of the building machine.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "image_builder/build_tool.h"

namespace piv {

inline constexpr char kCertutil[] = "/usr/bin/certutil";
inline constexpr char kModutil[] = "/usr/bin/modutil";

/// Certificates of one subject: NSS keeps them together, and certutil does not say which of several
/// has which trust.
struct NssSubject {
    std::set<std::string> sha256;
    std::multiset<std::string> trust;     // as "CT,C,C", one for each certificate
    std::multiset<std::string> nickname;  // as many
};
inline bool operator==(const NssSubject& a, const NssSubject& b) {
    return a.sha256 == b.sha256 && a.trust == b.trust && a.nickname == b.nickname;
}

using NssListing = std::vector<NssSubject>;  // sorted by SHA-256

/// `database` is sql:NAME or dbm:NAME, NAME below `folder`. Errors: ImageTree, those of
/// run_build_tool().
Result<NssListing> list_nss_database(const WorkFolder& folder, const std::string& database);
/// The entry with that certificate, or nullptr.
const NssSubject* find_certificate(const NssListing& listing, const std::string& sha256);
/// How many of the entry's certificates have `flag` in their trust for TLS.
std::size_t count_trust(const NssSubject& subject, char flag);
/// "CT,C,C" with T in its first part.
std::string with_client_trust(const std::string& trust);

}  // namespace piv
