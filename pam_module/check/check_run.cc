#include "pam_module/check/check_run.h"

#include <sys/stat.h>

#include "pam_module/account/name_service.h"
#include "pam_module/check/fetch_child.h"
#include "pam_module/check/root_names.h"
#include "pam_module/check/terminal.h"
#include "pam_module/decide/card_client.h"
#include "pam_module/helper/card_role.h"
#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/crl.h"

namespace piv {

namespace {

constexpr std::size_t kMaxOcspResponse = 64U << 10U;

void apply_purpose(const CheckOptions& options, PathPolicy& policy) {
    if (options.purpose != "smartcard-logon") {
        policy = PathPolicy::standards_only();
    }
    if (options.purpose == "client-auth") {
        policy.purpose = Purpose::ClientAuth;
    } else if (options.purpose == "server-auth") {
        policy.purpose = Purpose::ServerAuth;
    } else if (options.purpose == "kdc") {
        policy.purpose = Purpose::KdcAuth;
    }
    if (options.conformance == "section6") {
        policy.conformance = Conformance::Section6;
    } else if (options.conformance == "profile") {
        policy.conformance = Conformance::Profile;
    } else if (options.conformance == "strict") {
        policy.conformance = Conformance::Strict;
    }
    if (!options.policies.empty()) {
        policy.user_initial_policy_set = options.policies;
        policy.require_explicit_policy = false;
    }
    policy.require_explicit_policy |= options.require_explicit_policy;
    policy.inhibit_policy_mapping |= options.inhibit_policy_mapping;
    policy.inhibit_any_policy |= options.inhibit_any_policy;
}

Status apply_revocation(const CheckOptions& options, RevocationSettings& revocation) {
    if (!options.crls.empty()) {
        revocation.crl_paths.clear();  // asked here, for every certificate
        revocation.ocsp = OcspMode::Off;
    }
    if (!options.ocsp.empty()) {
        revocation.ocsp = options.ocsp == "off"    ? OcspMode::Off
                          : options.ocsp == "soft" ? OcspMode::Soft
                                                   : OcspMode::Require;
        if (revocation.ocsp == OcspMode::Off) {
            revocation.crl_paths.clear();
        }
    }
    if (!options.ocsp_urls.empty()) {
        revocation.urls = options.ocsp_urls;
    }
    for (const std::string& file : options.ocsp_responses) {
        Result<Bytes> response = read_file(file, kMaxOcspResponse);
        if (!response) {
            return std::move(response).error();
        }
        revocation.staged_responses.push_back(std::move(*response));
    }
    // A question about another time must not be answered from, or leave traces in, today's cache.
    struct stat st {};
    if (options.at || stat(revocation.cache_dir.c_str(), &st) != 0) {
        revocation.cache_dir.clear();
    }
    return {};
}

Result<TrustStore> trust_store(const CheckOptions& options, const LoginPolicy& policy) {
    if (!options.cas.empty()) {
        return TrustStore::from_paths(options.cas);
    }
    return TrustStore::open(policy.trust_anchors, policy.trust_intermediates, options.root.empty());
}

// With --crl: every certificate below the anchor is good by a CRL, or the answer is no.
Status check_crl_files(const CheckOptions& options, const CheckSetup& setup,
                       const CertificationPath& path, AttemptRecord& record) {
    const StageTimer timer(record, "revocation");
    Result<CrlSet> crls = CrlSet::open(options.crls);
    if (!crls) {
        return std::move(crls).error();
    }
    const CrlContext context{setup.store, setup.untrusted, setup.policy.path, setup.now, 0};
    std::optional<Error> bad;
    for (const CrlVerdict& verdict : check_path_crls(path, *crls, context)) {
        RevocationVerdict row;
        row.state = verdict.state == CrlState::Good      ? RevocationState::Good
                    : verdict.state == CrlState::Revoked ? RevocationState::Revoked
                                                         : RevocationState::Unavailable;
        row.why = verdict.why;
        row.source = "crl";
        row.this_update = verdict.this_update;
        row.next_update = verdict.next_update;
        row.revocation_time = verdict.revocation_time;
        row.reason = verdict.reason;
        record.verdicts.push_back(row);
        if (verdict.state == CrlState::Revoked ||
            (verdict.state != CrlState::Good && (!bad || bad->code != ErrorCode::Revoked))) {
            if (!bad || bad->code != ErrorCode::Revoked) {
                bad = verdict.why;
            }
        }
    }
    return bad ? Status(*bad) : Status();
}

// Revocation of an identified attempt: CRL files if there are some, then what the policy asks.
Status check_revocation(const CheckOptions& options, CheckSetup& setup, LoginAttempt& attempt,
                        AttemptRecord& record) {
    std::vector<RevocationVerdict> by_crl;
    if (!options.crls.empty()) {
        const CertificationPath* path = attempt.path();
        if (path == nullptr) {
            return Error(ErrorCode::Internal, "no path for the CRLs");
        }
        if (Status crl = check_crl_files(options, setup, *path, record); !crl) {
            record.fail(StepName::Revocation, crl.error());
            return crl;
        }
        by_crl = record.verdicts;
        if (setup.policy.revocation.ocsp == OcspMode::Off) {
            record.pass(StepName::Revocation, "good by CRL");
        }
    }
    const std::size_t steps = record.steps.size();
    attempt.ask_revocation();
    Status settled = attempt.settle_revocation();
    if (!by_crl.empty()) {
        record.verdicts.insert(record.verdicts.begin(), by_crl.begin(), by_crl.end());
        if (settled && setup.policy.revocation.ocsp == OcspMode::Off) {
            record.steps.resize(steps);  // "not asked" is about OCSP alone
        }
    }
    return settled;
}

// Mapping that failed although nobody asks as whom: said, and not held against the certificate.
bool excuse_mapping(const CheckSetup& setup, AttemptRecord& record) {
    if (setup.mapping_decides || record.steps.empty() ||
        record.steps.back().name != StepName::Mapping) {
        return false;
    }
    const Step failed = record.steps.back();
    record.steps.pop_back();
    record.skip(StepName::Mapping,
                "no --user: " + failed.code + (failed.detail.empty() ? "" : ": " + failed.detail));
    return true;
}

void skip_rest(AttemptRecord& record, StepName from) {
    constexpr StepName order[] = {StepName::Path, StepName::Revocation, StepName::Mapping,
                                  StepName::Possession};
    for (const StepName step : order) {
        bool there = false;
        for (const Step& s : record.steps) {
            there = there || s.name == step;
        }
        if (!there && step >= from) {
            record.skip(step, "not reached");
        }
    }
}

Status check_service(const CheckOptions& options, const LoginPolicy& policy,
                     AttemptRecord& record) {
    if (options.service.empty()) {
        record.skip(StepName::Pam, "no --service");
        return {};
    }
    if (!service_in_scope(policy, options.service, "", "")) {
        const Error error(ErrorCode::OutOfScope, "service " + options.service);
        record.fail(StepName::Pam, error);
        return error;
    }
    record.pass(StepName::Pam, "service " + options.service + " is in scope");
    return {};
}

}  // namespace

Result<CheckSetup> prepare_check(const CheckOptions& options, UnixTime system_time) {
    Result<Settings> settings = load_settings(
        options.config.empty() ? kDefaultConfigFile : options.config, options.service,
        options.root.empty() ? ConfigTrust::RootOwned : ConfigTrust::Anyone, options.root);
    if (!settings) {
        return std::move(settings).error();
    }
    Result<LoginPolicy> policy = login_policy(*settings, options.root);
    if (!policy) {
        return std::move(policy).error();
    }
    CheckSetup setup;
    setup.policy = std::move(*policy);
    apply_purpose(options, setup.policy.path);
    if (Status applied = apply_revocation(options, setup.policy.revocation); !applied) {
        return std::move(applied).error();
    }
    if (!options.reader.empty()) {
        setup.policy.card.reader = options.reader;
    }
    Result<TrustStore> store = trust_store(options, setup.policy);
    if (!store) {
        return std::move(store).error();
    }
    setup.store = std::move(*store);
    for (const std::string& file : options.untrusted) {
        Result<ReadCertificates> read = read_certificate_file(file);
        if (!read) {
            return std::move(read).error();
        }
        setup.untrusted.insert(setup.untrusted.end(), read->certificates.begin(),
                               read->certificates.end());
    }
    setup.names = options.root.empty() ? system_name_service() : root_name_service(options.root);
    setup.transport = []() { return make_fetch_child(); };
    setup.now = options.at.value_or(system_time);
    const bool only_the_path =
        options.purpose != "smartcard-logon" ||
        (!options.cas.empty() && options.config.empty() && options.root.empty());
    setup.mapping_decides = options.card || !options.user.empty() || !only_the_path;
    if (only_the_path && !options.card) {
        setup.policy.mapping.user_from_card = true;
    }
    return setup;
}

CheckResult check_certificate(const CheckOptions& options, CheckSetup& setup) {
    CheckResult result;
    Result<ReadCertificates> read = read_certificate_file(options.certificate);
    if (!read) {
        result.error = read.error();
        result.record.fail(StepName::Certificate, read.error());
        skip_rest(result.record, StepName::Path);
        return result;
    }
    setup.untrusted.insert(setup.untrusted.end(), read->certificates.begin() + 1,
                           read->certificates.end());
    const LoginTools tools{setup.policy,    setup.store, setup.names,
                           setup.transport, setup.now,   setup.untrusted};
    LoginAttempt attempt(tools, {options.user, FirstPass::Never},
                         Deadline::after_ms(setup.policy.deadline_ms), result.record);
    result.record.skip(StepName::Reader, "a file is checked");
    result.record.skip(StepName::Card, "a file is checked");
    Status identified = attempt.identify(read->certificates.front().der());
    const bool excused = !identified && excuse_mapping(setup, result.record);
    if (!identified && !excused) {
        result.error = identified.error();
    }
    if (identified || attempt.path() != nullptr) {
        Status revocation = check_revocation(options, setup, attempt, result.record);
        if (!revocation && !result.error) {
            result.error = revocation.error();
        }
    }
    if (Status service = check_service(options, setup.policy, result.record);
        !service && !result.error) {
        result.error = service.error();
    }
    skip_rest(result.record, StepName::Path);
    return result;
}

CheckResult check_card(const CheckOptions& options, CheckSetup& setup) {
    CheckResult result;
    Result<CardRoleProcess> role = CardRoleProcess::start();
    if (!role) {
        result.error = role.error();
        return result;
    }
    CardClient cards(role->take_socket());
    Terminal terminal(options.pin_from_stdin);
    const LoginTools tools{setup.policy,    setup.store, setup.names,
                           setup.transport, setup.now,   setup.untrusted};
    LoginAttempt attempt(tools, {options.user, FirstPass::Never},
                         Deadline::after_ms(setup.policy.deadline_ms), result.record);
    Status step = attempt.identify(cards, terminal);
    const bool identified = step.ok();
    if (identified || attempt.path() != nullptr) {
        Status revocation = check_revocation(options, setup, attempt, result.record);
        step = step ? std::move(revocation) : std::move(step);
    }
    if (step) {
        step = check_service(options, setup.policy, result.record);
    }
    if (step && terminal.can_ask()) {
        step = attempt.ask_pin(cards, terminal);
        if (!step && step.code() == ErrorCode::ConversationFailed && !options.pin_from_stdin) {
            result.record.steps.pop_back();
            result.record.skip(StepName::Possession, "no PIN was typed");
            step = Status();
        } else if (step) {
            step = attempt.prove(cards);
        }
    } else if (step) {
        result.record.skip(StepName::Possession, "the PIN is not used without --pin-from-stdin");
    }
    if (!step) {
        result.error = step.error();
        if (cards.lost() || step.code() == ErrorCode::DeadlineOver) {
            role->kill_now();
        }
    }
    skip_rest(result.record, StepName::Path);
    return result;
}

}  // namespace piv
