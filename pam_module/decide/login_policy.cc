#include "pam_module/decide/login_policy.h"

#include <strings.h>

#include <algorithm>

namespace piv {

namespace {

OcspMode ocsp_mode(Settings::Revocation::Ocsp mode) noexcept {
    switch (mode) {
        case Settings::Revocation::Ocsp::Off:
            return OcspMode::Off;
        case Settings::Revocation::Ocsp::Soft:
            return OcspMode::Soft;
        case Settings::Revocation::Ocsp::Require:
            break;
    }
    return OcspMode::Require;
}

NonceMode nonce_mode(Settings::Revocation::Nonce mode) noexcept {
    switch (mode) {
        case Settings::Revocation::Nonce::Off:
            return NonceMode::Off;
        case Settings::Revocation::Nonce::Require:
            return NonceMode::Require;
        case Settings::Revocation::Nonce::Auto:
            break;
    }
    return NonceMode::Auto;
}

CardBackend card_backend(Settings::Card::Backend backend) noexcept {
    switch (backend) {
        case Settings::Card::Backend::Piv:
            return CardBackend::Piv;
        case Settings::Card::Backend::Pkcs11:
            return CardBackend::Pkcs11;
        case Settings::Card::Backend::Auto:
            break;
    }
    return CardBackend::Auto;
}

OnCardRemoval on_card_removal(Settings::Session::OnCardRemoval what) noexcept {
    switch (what) {
        case Settings::Session::OnCardRemoval::Ignore:
            return OnCardRemoval::Ignore;
        case Settings::Session::OnCardRemoval::Logout:
            return OnCardRemoval::Logout;
        case Settings::Session::OnCardRemoval::Lock:
            break;
    }
    return OnCardRemoval::Lock;
}

void set_revocation(RevocationSettings& out, const Settings& settings, const std::string& root) {
    const Settings::Revocation& from = settings.revocation;
    out.ocsp = ocsp_mode(from.ocsp);
    out.nonce = nonce_mode(from.nonce);
    out.urls = from.ocsp_url;
    if (!settings.trust.crl.empty()) {
        out.crl_paths.push_back(root + settings.trust.crl);
    }
    out.cache_dir = from.cache.empty() ? from.cache : root + from.cache;
    out.skew = from.skew;
    out.max_age = from.max_age;
    out.soft_max_age = from.soft_max_age;
    out.timeout_ms = from.timeout_ms;
    out.proxy = from.proxy;
}

// Another name for this machine, or an X display of it: not a login from elsewhere.
bool is_local(const std::string& host, const std::string& this_host) {
    static const char* const names[] = {"localhost", "localhost.localdomain", "127.0.0.1", "::1"};
    if (host.empty() || (host.size() > 1 && host[0] == ':' && host[1] >= '0' && host[1] <= '9')) {
        return true;
    }
    return std::any_of(std::begin(names), std::end(names),
                       [&](const char* name) { return host == name; }) ||
           strcasecmp(host.c_str(), this_host.c_str()) == 0;
}

}  // namespace

Result<LoginPolicy> login_policy(const Settings& settings, const std::string& root) {
    Result<MappingSettings> mapping = mapping_settings(settings, root);
    if (!mapping) {
        return std::move(mapping).error();
    }
    LoginPolicy policy;
    policy.mapping = std::move(mapping).value();
    policy.path.purpose = settings.policy.purpose == Settings::Policy::Purpose::Any
                              ? Purpose::Any
                              : Purpose::SmartcardLogon;
    policy.path.user_initial_policy_set = settings.policy.policies;
    // A configured policy that nobody asserts must not pass for want of a policy tree.
    policy.path.require_explicit_policy = !settings.policy.policies.empty();
    set_revocation(policy.revocation, settings, root);
    policy.issuer_fetch.allowed = settings.trust.fetch_issuers;
    policy.issuer_fetch.timeout_ms = settings.revocation.timeout_ms;
    policy.issuer_fetch.proxy = settings.revocation.proxy;
    policy.card.backend = card_backend(settings.card.backend);
    policy.card.module = settings.card.module;
    policy.card.reader = settings.card.reader;
    policy.card.slots = settings.card.slots;
    policy.card.tries_floor = settings.card.tries_floor;
    policy.card.wait_seconds = settings.card.wait;
    if (!settings.revocation.cache.empty()) {
        policy.card.cache_dir = root + settings.revocation.cache + "/cards";
    }
    policy.trust_anchors = root + settings.trust.anchors;
    policy.trust_intermediates = root + settings.trust.intermediates;
    policy.services = settings.policy.services;
    policy.deadline_ms = settings.policy.deadline_ms;
    policy.expiry_notice_days = settings.rollover.expiry_notice;
    policy.on_card_removal = on_card_removal(settings.session.on_card_removal);
    policy.removal_debounce_ms = settings.session.removal_debounce_ms;
    return policy;
}

bool service_in_scope(const LoginPolicy& policy, const std::string& service,
                      const std::string& remote_host, const std::string& this_host) {
    if (policy.services.empty()) {
        return is_local(remote_host, this_host);
    }
    return std::any_of(policy.services.begin(), policy.services.end(),
                       [&](const std::string& s) { return s == "all" || s == service; });
}

}  // namespace piv
