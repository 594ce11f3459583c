#include "ocsp_client/url.h"

#include <strings.h>

#include <string_view>

#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::size_t kMaxUrl = 2048;

bool port_valid(std::string_view port) noexcept {
    int value = 0;
    for (const char c : port) {
        if (c < '0' || c > '9' || value > 65535) {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    return !port.empty() && value >= 1 && value <= 65535;
}

bool name_valid(std::string_view name) noexcept {
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') {
            return false;
        }
    }
    return !name.empty();
}

bool literal_v6_valid(std::string_view text) noexcept {
    for (const char c : text) {
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex && c != ':' && c != '.') {
            return false;
        }
    }
    return text.size() >= 2;
}

// HOST[:PORT] or [V6][:PORT]
bool authority_valid(std::string_view authority) noexcept {
    std::string_view rest;
    if (!authority.empty() && authority.front() == '[') {
        const std::size_t close = authority.find(']');
        if (close == std::string_view::npos || !literal_v6_valid(authority.substr(1, close - 1))) {
            return false;
        }
        rest = authority.substr(close + 1);
    } else {
        const std::size_t colon = authority.find(':');
        if (!name_valid(authority.substr(0, colon))) {
            return false;
        }
        rest = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
    }
    return rest.empty() || (rest.front() == ':' && port_valid(rest.substr(1)));
}

}  // namespace

Status check_responder_url(const std::string& url) {
    const auto bad = [&url](const char* why) {
        return Error(ErrorCode::OcspBadUrl, "'" + escape_for_display(url, 200) + "': " + why);
    };
    if (url.size() > kMaxUrl) {
        return bad("longer than 2048 octets");
    }
    for (const char c : url) {
        if (c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '<' || c == '>') {
            return bad("not a URL: only printable ASCII");
        }
    }
    constexpr std::string_view kScheme = "http://";
    if (url.size() < kScheme.size() ||
        strncasecmp(url.c_str(), kScheme.data(), kScheme.size()) != 0) {
        return bad("not an http URL");
    }
    const std::string_view rest = std::string_view(url).substr(kScheme.size());
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    if (authority.find('@') != std::string_view::npos) {
        return bad("a user name in the URL");
    }
    if (url.find('#') != std::string::npos) {
        return bad("a fragment in the URL");
    }
    if (!authority_valid(authority)) {
        return bad("no proper host and port");
    }
    return {};
}

}  // namespace piv
