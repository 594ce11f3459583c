// Names of people and accounts: what is one, and how a UPN comes apart. Checked here at the edge
// and again wherever a name is written to a file.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace piv {

/// A name that an account may have: 1 to 255 octets of valid UTF-8 without controls, white space,
/// ':', '/', ',' and invisible characters, not "." or "..", and not starting with '-'.
bool is_account_name(std::string_view name);
/// ASCII letters to lower case; other octets stay.
std::string lower_ascii(std::string_view text);
bool equal_ignoring_ascii_case(std::string_view a, std::string_view b) noexcept;

struct Upn {
    std::string local;   // as written
    std::string domain;  // lower case
};
/// One '@'; a local part of 1 to 64 ASCII letters, digits, '.', '_', '-' and no '.' or '-' at its
/// ends; a domain of DNS labels. Nothing else is a UPN here: no spaces, controls, quotes, '$'.
std::optional<Upn> parse_upn(std::string_view text);

/// Ids that no account of ours may have: 0 to 999, systemd's dynamic users 61184 to 65519, 65534,
/// 65535, and everything from 2^31.
bool is_reserved_id(unsigned long long id) noexcept;

}  // namespace piv
