#include "pam_module/account/names.h"

#include <algorithm>

#include "pki/base/text.h"

namespace piv {

namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

// RFC 1035 section 2.3.1, and '_' as Windows allows it.
bool is_dns_name(std::string_view text) {
    if (text.empty() || text.size() > 253) {
        return false;
    }
    for (;;) {
        const std::size_t dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        const bool good =
            !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
            std::all_of(label.begin(), label.end(),
                        [](char c) { return alphanumeric(c) || c == '-' || c == '_'; });
        if (!good) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

}  // namespace

std::string lower_ascii(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

bool equal_ignoring_ascii_case(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

bool is_account_name(std::string_view name) {
    if (name.empty() || name.size() > 255 || name.front() == '-' || name == "." || name == "..") {
        return false;
    }
    if (name.find_first_of(" \t:,/#\"'") != std::string_view::npos) {
        return false;
    }
    // What has to be escaped to be shown is no name; the backslash of DOMAIN\user is.
    std::string plain(name);
    plain.erase(std::remove(plain.begin(), plain.end(), '\\'), plain.end());
    return !plain.empty() && escape_for_display(plain) == plain &&
           plain.find("\xC2\xA0") == std::string::npos &&    // no-break space
           plain.find("\xE3\x80\x80") == std::string::npos;  // ideographic space
}

std::optional<Upn> parse_upn(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view local = text.substr(0, at);
    const std::string_view domain = text.substr(at + 1);
    const auto end_ok = [](char c) { return alphanumeric(c) || c == '_'; };
    const bool local_ok =
        !local.empty() && local.size() <= 64 && end_ok(local.front()) && end_ok(local.back()) &&
        std::all_of(local.begin(), local.end(),
                    [](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
    if (!local_ok || !is_dns_name(domain)) {
        return std::nullopt;
    }
    return Upn{std::string(local), lower_ascii(domain)};
}

bool is_reserved_id(unsigned long long id) noexcept {
    return id < 1000 || (id >= 61184 && id <= 65519) || id == 65534 || id == 65535 ||
           id >= 0x80000000ULL;
}

}  // namespace piv
