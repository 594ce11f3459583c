#include "pki/config/setting_table.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "pki/config/ini.h"

namespace piv {

namespace {

bool ascii_word(std::string_view text, std::string_view more) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [more](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               more.find(c) != std::string_view::npos;
    });
}

template <typename Number>
bool set_number(Number& out, std::string_view text, long long low, long long high) {
    if (text.empty() || text.size() > 12) {
        return false;
    }
    long long value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    if (value < low || value > high || value > std::numeric_limits<Number>::max()) {
        return false;
    }
    out = static_cast<Number>(value);
    return true;
}

bool set_yes_no(bool& out, std::string_view text) {
    out = text == "yes";
    return text == "yes" || text == "no";
}

template <typename Enum>
bool set_word(Enum& out, std::string_view text,
              std::initializer_list<std::pair<std::string_view, Enum>> words) {
    for (const auto& [word, value] : words) {
        if (text == word) {
            out = value;
            return true;
        }
    }
    return false;
}

// An absolute path without "..": privileged code never looks relative to a caller's folder.
bool is_path(std::string_view text) {
    return text.size() > 1 && text.front() == '/' && text.find("/../") == std::string_view::npos &&
           (text.size() < 3 || text.substr(text.size() - 3) != "/..");
}

bool set_path(std::string& out, std::string_view text) {
    out = text;
    return is_path(text);
}

bool set_path_or_none(std::string& out, std::string_view text) {
    out = text;
    return text.empty() || is_path(text);
}

bool is_url(std::string_view text) {
    std::string_view rest;
    if (text.substr(0, 7) == "http://") {
        rest = text.substr(7);
    } else if (text.substr(0, 8) == "https://") {
        rest = text.substr(8);
    }
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    return !host.empty() && host.find('@') == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// RFC 4512 section 1.4 numericoid: numbers without leading zeros, at least two of them.
bool is_oid(std::string_view text) {
    int arcs = 0;
    while (true) {
        const std::size_t dot = text.find('.');
        const std::string_view arc = text.substr(0, dot);
        if (arc.empty() || arc.find_first_not_of("0123456789") != std::string_view::npos ||
            (arc.size() > 1 && arc[0] == '0')) {
            return false;
        }
        ++arcs;
        if (dot == std::string_view::npos) {
            return arcs >= 2;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_domain(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view dns = text.substr(0, equals);
    const bool dns_ok = ascii_word(dns, "-._") && dns.front() != '.' && dns.back() != '.' &&
                        dns.find("..") == std::string_view::npos && dns.size() <= 253;
    if (equals == std::string_view::npos) {
        return dns_ok;
    }
    // NetBIOS names: at most 15 octets.
    const std::string_view netbios = text.substr(equals + 1);
    return dns_ok && netbios.size() <= 15 && ascii_word(netbios, "-._");
}

bool is_kind(std::string_view text) {
    static const char* const kinds[] = {"upn",   "file",        "sid",         "issuer-serial",
                                        "ski",   "spki-sha256", "cert-sha256", "edipi",
                                        "email", "subject"};
    return std::find(std::begin(kinds), std::end(kinds), text) != std::end(kinds);
}

// SP 800-73-4 part 1 table 4b: key references with a certificate.
bool is_slot(std::string_view text) {
    if (text.size() != 2) {
        return false;
    }
    if (text[0] == '9') {
        return text[1] == 'A' || text[1] == 'C' || text[1] == 'D' || text[1] == 'E';
    }
    return (text[0] == '8' && text[1] >= '2' && ascii_word(text.substr(1), "") &&
            (text[1] <= '9' || (text[1] >= 'A' && text[1] <= 'F')));
}

bool is_retired_slot_9x(std::string_view text) {
    return text.size() == 2 && text[0] == '9' && text[1] >= '0' && text[1] <= '5';
}

bool is_service(std::string_view text) {
    return ascii_word(text, "-_.+@") && text != "." && text != "..";
}

bool set_list(std::vector<std::string>& out, std::string_view text,
              bool (*good)(std::string_view)) {
    if (!split_list(text, out) ||
        !std::all_of(out.begin(), out.end(), [good](const std::string& s) { return good(s); })) {
        return false;
    }
    std::vector<std::string> sorted = out;
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
}

bool set_slots(std::vector<std::string>& out, std::string_view text) {
    std::string upper(text);
    for (char& c : upper) {
        c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return set_list(out, upper,
                    [](std::string_view s) { return is_slot(s) || is_retired_slot_9x(s); }) &&
           !out.empty();
}

bool set_services(std::vector<std::string>& out, std::string_view text) {
    if (!set_list(out, text, is_service)) {
        return false;
    }
    return out.size() == 1 || std::find(out.begin(), out.end(), "all") == out.end();
}

bool set_name(std::string& out, std::string_view text) {
    out = text;
    return text.empty() ||
           (text.size() <= 255 && text.find_first_of(" \t:,/\\") == std::string::npos);
}

using S = Settings;
constexpr long long kDay = 86400;
constexpr long long kYear = 366 * kDay;

const std::vector<SettingRow> rows = {
    {"trust", "anchors", "an absolute path",
     [](S& s, std::string_view v) { return set_path(s.trust.anchors, v); }},
    {"trust", "intermediates", "an absolute path",
     [](S& s, std::string_view v) { return set_path(s.trust.intermediates, v); }},
    {"trust", "crl", "an absolute path, or nothing",
     [](S& s, std::string_view v) { return set_path_or_none(s.trust.crl, v); }},
    {"trust", "fetch_issuers", "yes or no",
     [](S& s, std::string_view v) { return set_yes_no(s.trust.fetch_issuers, v); }},

    {"revocation", "ocsp", "require, soft or off",
     [](S& s, std::string_view v) {
         using Ocsp = S::Revocation::Ocsp;
         return set_word(s.revocation.ocsp, v,
                         {{"require", Ocsp::Require}, {"soft", Ocsp::Soft}, {"off", Ocsp::Off}});
     }},
    {"revocation", "ocsp_url", "http URLs without user names, separated by commas",
     [](S& s, std::string_view v) { return set_list(s.revocation.ocsp_url, v, is_url); }},
    {"revocation", "nonce", "auto, require or off",
     [](S& s, std::string_view v) {
         using Nonce = S::Revocation::Nonce;
         return set_word(s.revocation.nonce, v,
                         {{"auto", Nonce::Auto}, {"require", Nonce::Require}, {"off", Nonce::Off}});
     }},
    {"revocation", "timeout_ms", "milliseconds from 1 to 600000",
     [](S& s, std::string_view v) { return set_number(s.revocation.timeout_ms, v, 1, 600000); }},
    {"revocation", "skew", "seconds from 0 to 86400",
     [](S& s, std::string_view v) { return set_number(s.revocation.skew, v, 0, kDay); }},
    {"revocation", "max_age", "seconds from 0 to one year",
     [](S& s, std::string_view v) { return set_number(s.revocation.max_age, v, 0, kYear); }},
    {"revocation", "soft_max_age", "seconds from 0 to one year",
     [](S& s, std::string_view v) { return set_number(s.revocation.soft_max_age, v, 0, kYear); }},
    {"revocation", "proxy", "a http URL without a user name, or nothing",
     [](S& s, std::string_view v) {
         s.revocation.proxy = v;
         return v.empty() || is_url(v);
     }},
    {"revocation", "cache", "an absolute path",
     [](S& s, std::string_view v) { return set_path(s.revocation.cache, v); }},

    {"mapping", "map",
     "upn, file, sid, issuer-serial, ski, spki-sha256, cert-sha256, edipi, email, subject, "
     "separated by commas",
     [](S& s, std::string_view v) {
         return set_list(s.mapping.map, v, is_kind) && !s.mapping.map.empty();
     }},
    {"mapping", "domain", "DNS[=NETBIOS], separated by commas",
     [](S& s, std::string_view v) { return set_list(s.mapping.domain, v, is_domain); }},
    {"mapping", "accounts", "an absolute path",
     [](S& s, std::string_view v) { return set_path(s.mapping.accounts, v); }},
    {"mapping", "allow_weak", "yes or no",
     [](S& s, std::string_view v) { return set_yes_no(s.mapping.allow_weak, v); }},
    {"mapping", "exempt_group", "the name of a group, or nothing",
     [](S& s, std::string_view v) { return set_name(s.mapping.exempt_group, v); }},

    {"card", "backend", "auto, piv or pkcs11",
     [](S& s, std::string_view v) {
         using Backend = S::Card::Backend;
         return set_word(
             s.card.backend, v,
             {{"auto", Backend::Auto}, {"piv", Backend::Piv}, {"pkcs11", Backend::Pkcs11}});
     }},
    {"card", "module", "an absolute path, or nothing",
     [](S& s, std::string_view v) { return set_path_or_none(s.card.module, v); }},
    {"card", "reader", "a pattern of at most 255 octets",
     [](S& s, std::string_view v) {
         s.card.reader = v;
         return v.size() <= 255;
     }},
    {"card", "slots", "9A, 9C, 9D, 9E or 82 to 95, separated by commas",
     [](S& s, std::string_view v) { return set_slots(s.card.slots, v); }},
    {"card", "tries_floor", "a number from 0 to 14",
     [](S& s, std::string_view v) { return set_number(s.card.tries_floor, v, 0, 14); }},
    {"card", "wait", "seconds from 0 to 3600",
     [](S& s, std::string_view v) { return set_number(s.card.wait, v, 0, 3600); }},

    {"policy", "purpose", "smartcard-logon or any",
     [](S& s, std::string_view v) {
         using Purpose = S::Policy::Purpose;
         return set_word(s.policy.purpose, v,
                         {{"smartcard-logon", Purpose::SmartcardLogon}, {"any", Purpose::Any}});
     }},
    {"policy", "policies", "dotted OIDs, separated by commas",
     [](S& s, std::string_view v) { return set_list(s.policy.policies, v, is_oid); }},
    {"policy", "user_from_card", "yes or no",
     [](S& s, std::string_view v) { return set_yes_no(s.policy.user_from_card, v); }},
    {"policy", "services", "names of PAM services separated by commas, or all",
     [](S& s, std::string_view v) { return set_services(s.policy.services, v); }},
    {"policy", "deadline_ms", "milliseconds from 100 to 600000",
     [](S& s, std::string_view v) { return set_number(s.policy.deadline_ms, v, 100, 600000); }},

    {"rollover", "generation_threshold", "days from 0 to 3650",
     [](S& s, std::string_view v) {
         return set_number(s.rollover.generation_threshold, v, 0, 3650);
     }},
    {"rollover", "promotion_threshold", "days from 0 to 3650",
     [](S& s, std::string_view v) {
         return set_number(s.rollover.promotion_threshold, v, 0, 3650);
     }},
    {"rollover", "rollover_interval", "minutes from 1 to 525600",
     [](S& s, std::string_view v) {
         return set_number(s.rollover.rollover_interval, v, 1, 525600);
     }},
    {"rollover", "expiry_notice", "days from 0 to 3650",
     [](S& s, std::string_view v) { return set_number(s.rollover.expiry_notice, v, 0, 3650); }},

    {"session", "on_card_removal", "ignore, lock or logout",
     [](S& s, std::string_view v) {
         using Removal = S::Session::OnCardRemoval;
         return set_word(
             s.session.on_card_removal, v,
             {{"ignore", Removal::Ignore}, {"lock", Removal::Lock}, {"logout", Removal::Logout}});
     }},
    {"session", "removal_debounce_ms", "milliseconds from 0 to 600000",
     [](S& s, std::string_view v) {
         return set_number(s.session.removal_debounce_ms, v, 0, 600000);
     }},
};

}  // namespace

const std::vector<SettingRow>& setting_table() {
    return rows;
}

}  // namespace piv
