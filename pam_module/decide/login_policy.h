// LoginPolicy: the configuration as the types that the steps of a login take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ocsp_client/issuer_fetch.h"
#include "ocsp_client/revocation.h"
#include "pam_module/account/account_binding.h"
#include "pam_module/card/card_session.h"
#include "pki/config/settings.h"
#include "pki/x509/certification_path.h"

namespace piv {

enum class OnCardRemoval : std::uint8_t { Ignore = 0, Lock = 1, Logout = 2 };

struct LoginPolicy {
    PathPolicy path;
    RevocationSettings revocation;
    IssuerFetchSettings issuer_fetch;
    MappingSettings mapping;
    CardSettings card;
    std::string trust_anchors;
    std::string trust_intermediates;
    std::vector<std::string> services;
    int deadline_ms = 15000;
    int expiry_notice_days = 14;  // 0: never
    OnCardRemoval on_card_removal = OnCardRemoval::Ignore;
    int removal_debounce_ms = 3000;
};

/// Turns `settings` into types; `root` prefixes the paths of files that are read.
/// Error: BadConfig.
Result<LoginPolicy> login_policy(const Settings& settings, const std::string& root = {});

/// Whether policy.services covers this attempt. Without the key: every service, but only from this
/// machine. `remote_host` is PAM_RHOST and `this_host` our own name.
bool service_in_scope(const LoginPolicy& policy, const std::string& service,
                      const std::string& remote_host, const std::string& this_host);

}  // namespace piv
