// The configuration: /etc/piv-login/piv-login.conf and its drop-ins, strict. An unknown section,
// key or value is refused with file, line and a "did you mean"; nothing is ever ignored.
#pragma once

#include <string>
#include <vector>

#include "pki/base/result.h"

namespace piv {

/// Values as text lists and numbers, named as in the file; the parts that use them turn them into
/// their own types. Defaults are the contract's.
struct Settings {
    struct Trust {
        std::string anchors = PIV_SYSCONFDIR "/trust/anchors";
        std::string intermediates = PIV_SYSCONFDIR "/trust/intermediates";
        std::string crl;
        bool fetch_issuers = false;
    } trust;
    struct Revocation {
        enum class Ocsp { Require, Soft, Off } ocsp = Ocsp::Require;
        enum class Nonce { Auto, Require, Off } nonce = Nonce::Auto;
        std::vector<std::string> ocsp_url;
        int timeout_ms = 5000;
        long skew = 300;
        long max_age = 86400;
        long soft_max_age = 0;
        std::string proxy;
        std::string cache = PIV_STATEDIR "/cache";
    } revocation;
    struct Mapping {
        std::vector<std::string> map{"upn", "file"};
        std::vector<std::string> domain;  // DNS[=NETBIOS]
        std::string accounts = PIV_SYSCONFDIR "/accounts";
        bool allow_weak = false;
        std::string exempt_group;
    } mapping;
    struct Card {
        enum class Backend { Auto, Piv, Pkcs11 } backend = Backend::Auto;
        std::string module;
        std::string reader;
        std::vector<std::string> slots{"9A"};
        int tries_floor = 0;
        int wait = 0;
    } card;
    struct Policy {
        enum class Purpose { SmartcardLogon, Any } purpose = Purpose::SmartcardLogon;
        std::vector<std::string> policies;
        bool user_from_card = true;
        std::vector<std::string> services;  // empty: see docs; "all"
        int deadline_ms = 15000;
    } policy;
    struct Rollover {
        int generation_threshold = 20;
        int promotion_threshold = 5;
        int rollover_interval = 720;
        int expiry_notice = 14;  // days; 0: never
    } rollover;
    struct Session {
        enum class OnCardRemoval { Ignore, Lock, Logout } on_card_removal = OnCardRemoval::Ignore;
        int removal_debounce_ms = 3000;
    } session;
};

/// Copies of certificates that `piv-accounts add` mapped: piv-trust sees by them which CAs are needed.
inline constexpr char kMappedCertificates[] = PIV_STATEDIR "/mapped";
inline constexpr char kDefaultConfigFile[] = PIV_SYSCONFDIR "/piv-login.conf";

enum class ConfigTrust { RootOwned, Anyone };
/// Reads `file` and, for the default file, `piv-login.conf.d/*.conf` in bytewise order; then
/// applies
/// `[service NAME]` for `service` (empty: none). A missing default file is all defaults; a missing
/// named one is FileNotFound. With a `root` the paths below it are read, and the paths inside the
/// settings stay as written. Errors: BadConfig, InsecureConfig, with "file:line: what".
Result<Settings> load_settings(const std::string& file, const std::string& service,
                               ConfigTrust trust, const std::string& root = {});

}  // namespace piv
