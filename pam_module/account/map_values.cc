// Keys and values of the account map: names, grammar, the one spelling that is compared.
#include <algorithm>
#include <iterator>

#include "pam_module/account/account_map.h"
#include "pam_module/account/names.h"
#include "pki/base/text.h"

namespace piv {

namespace {

struct KindName {
    MapKind kind;
    std::string_view text;
};
constexpr KindName kKinds[] = {
    {MapKind::Upn, "upn"},     {MapKind::File, "file"},
    {MapKind::Sid, "sid"},     {MapKind::IssuerSerial, "issuer-serial"},
    {MapKind::Ski, "ski"},     {MapKind::SpkiSha256, "spki-sha256"},
    {MapKind::Edipi, "edipi"}, {MapKind::CertSha256, "cert-sha256"},
    {MapKind::Email, "email"}, {MapKind::Subject, "subject"},
};

Error bad(const std::string& what) {
    return {ErrorCode::BadConfig, what};
}

bool all_of(std::string_view text, std::string_view set) {
    return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLowerHex = "0123456789abcdef";

// Lower-case hexadecimal of `octets` octets (0: any number from 1 to 64).
Result<std::string> hexadecimal(std::string_view text, std::size_t octets) {
    std::string plain;
    for (const char c : lower_ascii(text)) {
        if (c != ':' && c != ' ') {
            plain += c;
        }
    }
    const bool good = all_of(plain, kLowerHex) && plain.size() % 2 == 0 && plain.size() <= 128 &&
                      (octets == 0 || plain.size() == 2 * octets);
    if (!good) {
        return bad("not " +
                   (octets == 0 ? std::string() : std::to_string(2 * octets) + " digits of ") +
                   "lower-case hexadecimal");
    }
    if (plain != text) {
        return bad("hexadecimal is written in lower case without separators: " + plain);
    }
    return plain;
}

// The end of an attribute of an RFC 4514 name: the next ',' or '+' that is not escaped.
std::size_t attribute_end(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == ',' || text[i] == '+') {
            return i;
        }
    }
    return text.size();
}

std::string_view without_spaces(std::string_view text) {
    while (!text.empty() && text.front() == ' ') {
        text.remove_prefix(1);
    }
    while (!text.empty() && text.back() == ' ' &&
           (text.size() < 2 || text[text.size() - 2] != '\\')) {
        text.remove_suffix(1);
    }
    return text;
}

// RFC 4514 section 3: "CN=a, ou=b" and "CN=a,OU=b" are one name. Values are compared as they are.
std::optional<std::string> canonical_name(std::string_view text) {
    std::string out;
    while (true) {
        const std::size_t end = attribute_end(text);
        const std::string_view attribute = without_spaces(text.substr(0, end));
        const std::size_t equals = attribute.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            return std::nullopt;
        }
        for (const char c : without_spaces(attribute.substr(0, equals))) {
            out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        out += '=';
        out += without_spaces(attribute.substr(equals + 1));
        if (end == text.size()) {
            return out;
        }
        out += text[end];
        text.remove_prefix(end + 1);
    }
}

Result<std::string> canonical_serial(std::string_view text) {
    const std::string serial = lower_ascii(text);
    if (!all_of(serial, kLowerHex) || serial.size() > 64) {
        return bad("the serial is not hexadecimal");
    }
    const std::size_t first = serial.find_first_not_of('0');
    return first == std::string::npos ? std::string("0") : serial.substr(first);
}

Result<std::string> canonical_issuer_serial(std::string_view value) {
    const std::size_t space = value.rfind(' ');
    if (space == std::string_view::npos) {
        return bad("issuer-serial is the issuer as RFC 4514 text, a space, the serial");
    }
    const auto name = canonical_name(value.substr(0, space));
    const auto serial = canonical_serial(value.substr(space + 1));
    if (!name || !serial) {
        return bad("issuer-serial is the issuer as RFC 4514 text, a space, the serial");
    }
    return *name + " " + *serial;
}

// MS-DTYP section 2.4.2.1, of accounts: S-1-5-21-A-B-C-RID.
Result<std::string> canonical_sid(std::string_view value) {
    std::string_view rest = value;
    int numbers = 0;
    bool good = rest.substr(0, 4) == "S-1-";
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 4));
    while (good) {
        const std::size_t dash = rest.find('-');
        const std::string_view number = rest.substr(0, dash);
        good = all_of(number, kDigits) && number.size() <= 10 &&
               (number.size() == 1 || number.front() != '0');
        ++numbers;
        if (dash == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(dash + 1);
    }
    if (!good || numbers < 2 || numbers > 16) {
        return bad("a SID is written S-1-5-21-...");
    }
    return std::string(value);
}

Result<std::string> canonical_email(std::string_view value) {
    const std::size_t at = value.rfind('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == value.size() ||
        escape_for_display(value) != value || value.find(' ') != std::string_view::npos) {
        return bad("not an e-mail address");
    }
    return std::string(value.substr(0, at + 1)) + lower_ascii(value.substr(at + 1));
}

}  // namespace

std::string_view to_text(MapKind kind) noexcept {
    for (const KindName& row : kKinds) {
        if (row.kind == kind) {
            return row.text;
        }
    }
    return "";
}

std::optional<MapKind> map_kind(std::string_view text) noexcept {
    for (const KindName& row : kKinds) {
        if (row.text == text) {
            return row.kind;
        }
    }
    return std::nullopt;
}

bool is_weak(MapKind kind) noexcept {
    return kind == MapKind::Email || kind == MapKind::Subject;
}

Result<std::string> canonical_map_value(MapKind kind, std::string_view value) {
    switch (kind) {
        case MapKind::Upn:
            if (const auto upn = parse_upn(value); upn) {
                return upn->local + "@" + upn->domain;
            }
            return bad("a UPN is written user@domain");
        case MapKind::Edipi:
            if (value.size() == 10 && all_of(value, kDigits)) {
                return std::string(value);
            }
            return bad("an EDIPI has ten digits");
        case MapKind::Email:
            return canonical_email(value);
        case MapKind::Sid:
            return canonical_sid(value);
        case MapKind::IssuerSerial:
            return canonical_issuer_serial(value);
        case MapKind::Ski:
            return hexadecimal(value, 0);
        case MapKind::SpkiSha256:
        case MapKind::CertSha256:
            return hexadecimal(value, 32);
        case MapKind::Subject:
            if (auto name = canonical_name(value); name) {
                return std::move(*name);
            }
            return bad("a subject is written as RFC 4514 text, such as CN=Alice,O=Example");
        case MapKind::File:
            break;
    }
    return bad("not a key of the account map");
}

}  // namespace piv
