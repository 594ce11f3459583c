// The account map, /etc/piv-login/accounts: which certificate belongs to which account, and the
// card-only accounts that NSS serves. Text, one statement a line, strict.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pam_module/account/account_binding.h"
#include "pam_module/account/names.h"

namespace piv {

/// `KEY VALUE -> USER [until DATE] [# comment]`
struct MapLine {
    MapKind kind = MapKind::CertSha256;  // never File
    std::string value;                   // canonical, see canonical_map_value
    std::string user;
    std::optional<UnixTime> until;  // the last second in which it counts
    int line = 0;
};

/// `account NAME uid gid gecos home shell`; uid and gid may be SIDs (see sid_to_id).
struct LocalAccount {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string gecos;
    std::string home;
    std::string shell;
    int line = 0;
};

struct AccountMap {
    std::vector<MapLine> lines;  // in the order of the file
    std::vector<LocalAccount> accounts;
};

inline constexpr std::size_t kMaxAccountMap = 64U << 20U;

/// Refuses the whole file for one bad line, for a name or uid that two account lines share, and for
/// a map line that stands twice. Error: BadConfig, the detail `name:line: what`.
Result<AccountMap> parse_account_map(std::string_view text, const std::string& name);
/// A missing file is an empty map only at the default place. Also: BadConfig, InsecureConfig.
Result<AccountMap> read_account_map(const std::string& path);

/// "upn", "edipi", ...; empty for a text that is none, or "file".
std::string_view to_text(MapKind kind) noexcept;
std::optional<MapKind> map_kind(std::string_view text) noexcept;
/// Those that somebody other than the CA may influence: e-mail and subject.
bool is_weak(MapKind kind) noexcept;

/// The one spelling of `value` that is compared: domains in lower case, DNs without optional white
/// space and with attribute types in upper case, serials without leading zeros.
/// Error: BadConfig with what is wrong and, where it can be told, the right spelling.
Result<std::string> canonical_map_value(MapKind kind, std::string_view value);
/// The canonical values that a certificate has for `kind`; empty if none.
/// Errors: UpnMalformed, CertMalformed (a SID extension that is none).
Result<std::vector<std::string>> certificate_values(const Certificate& certificate, MapKind kind);

/// The UPN, if there is exactly one or the same one several times; nothing when there is none.
/// Error: UpnMalformed (two different, or outside the grammar of parse_upn).
Result<std::optional<Upn>> certificate_upn(const Certificate& certificate);

}  // namespace piv
