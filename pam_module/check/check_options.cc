#include "pam_module/check/check_options.h"

#include "pam_module/check/check_report.h"
#include "pki/cli/command_line.h"

namespace piv {

namespace {

struct Raw {
    CheckOptions out;
    std::string at;
    CommandOption* card = nullptr;
    CommandOption* stig = nullptr;
    std::string verify_kdc;
};

void define_question(CommandLine& app, Raw& raw) {
    CheckOptions& o = raw.out;
    raw.card = app.add_option("--card", o.reader, "Check the card in a reader (name or pattern)")
                   ->expected(0, 1)
                   ->type_name("[READER]");
    app.add_option("--cert", o.certificate, "Check a certificate file")->type_name("FILE");
    app.add_option("--untrusted", o.untrusted, "Certificates that may help to build the path")
        ->type_name("FILE")
        ->one_each();
    app.add_option("--user", o.user, "Account that asks; otherwise the certificate says");
    app.add_option("--service", o.service, "PAM service whose settings count");
    app.add_flag("--doctor", o.doctor, "Check everything that a login needs");
    app.add_option("--kdc", o.kdc, "With --doctor: the certificate of a domain controller")
        ->type_name("FILE");
    app.add_option("--verify-kdc", raw.verify_kdc, "The same as --doctor --kdc FILE")
        ->type_name("FILE");
    app.add_option("--report", o.report, "With --doctor: write a redacted report here")
        ->type_name("FILE");
    app.add_flag("--report-names", o.report_names,
                 "With --report: names, serials and file contents in it, too");
    raw.stig =
        app.add_option("--stig", o.stig_guide,
                       "Which STIG rules on smart card login are met; by os-release, or GUIDE")
            ->expected(0, 1)
            ->type_name("[GUIDE]");
    app.add_option("--why", o.why, "Explain the last login attempts of a user")->type_name("USER");
}

void define_inputs(CommandLine& app, CheckOptions& o) {
    app.add_option("--ca", o.cas, "CA certificates instead of the installed ones")
        ->type_name("FILE|DIR")
        ->one_each();
    app.add_option("--crl", o.crls, "CRLs: every certificate below the anchor must be good by one")
        ->type_name("FILE|DIR")
        ->one_each();
    app.add_option("--ocsp", o.ocsp, "require, soft or off; with --crl alone: off")
        ->one_of({"require", "soft", "off"});
    app.add_option("--ocsp-url", o.ocsp_urls, "Responder instead of those the certificates name")
        ->type_name("URL")
        ->one_each();
    app.add_option("--ocsp-response", o.ocsp_responses, "A stored OCSP response, DER")
        ->type_name("FILE")
        ->one_each();
    app.add_option("--purpose", o.purpose,
                   "smartcard-logon; any (RFC 5280 alone); client-auth, server-auth, kdc")
        ->one_of({"smartcard-logon", "any", "client-auth", "server-auth", "kdc"});
    app.add_option("--conformance", o.conformance,
                   "What is asked of CAs: section6, profile or strict")
        ->one_of({"section6", "profile", "strict"});
    app.add_option("--policy", o.policies, "Acceptable certificate policy (any-policy)")
        ->type_name("OID")
        ->one_each();
    app.add_flag("--require-explicit-policy", o.require_explicit_policy,
                 "RFC 5280 initial-explicit-policy");
    app.add_flag("--inhibit-policy-mapping", o.inhibit_policy_mapping,
                 "RFC 5280 initial-policy-mapping-inhibit");
    app.add_flag("--inhibit-any-policy", o.inhibit_any_policy,
                 "RFC 5280 initial-any-policy-inhibit");
}

void define_frame(CommandLine& app, Raw& raw) {
    CheckOptions& o = raw.out;
    app.version(std::string("piv-check " PIV_VERSION));
    app.add_option("--at", raw.at, "Judge at this time instead of now")->type_name("TIME");
    app.add_option("--config", o.config, "Configuration file instead of the default")
        ->type_name("FILE");
    app.add_option("--root", o.root, "Take files from this image root")->type_name("DIR");
    app.add_flag("--pin-from-stdin", o.pin_from_stdin,
                 "Read the PIN from standard input and use it");
    app.add_flag("--json", o.json, "One JSON document on stdout");
    app.footer(
        "Without a question it checks the card in the reader. The PIN is used only with\n"
        "--pin-from-stdin or when it is typed at the prompt.\n"
        "Exit: 0 accept, 1 reject, 2 cannot tell, 64 bad usage, 65 bad input, 78 bad "
        "configuration.\nExample: piv-check --cert alice.cer --ca root.cer --ca int.cer");
}

Status settle(Raw& raw) {
    CheckOptions& o = raw.out;
    o.card = raw.card->given();
    if (!raw.at.empty()) {
        Result<UnixTime> at = parse_time(raw.at);
        if (!at) {
            return Error(ErrorCode::BadUsage, "--at " + raw.at + ": " + at.error().detail);
        }
        o.at = *at;
    }
    o.stig = raw.stig->given();
    if (!raw.verify_kdc.empty()) {
        o.doctor = true;
        o.kdc = raw.verify_kdc;
    }
    const int questions = (o.card ? 1 : 0) + (o.certificate.empty() ? 0 : 1) + (o.doctor ? 1 : 0) +
                          (o.why.empty() ? 0 : 1) + (o.stig ? 1 : 0);
    if (questions > 1) {
        return Error(ErrorCode::BadUsage, "give one of --card, --cert, --doctor, --stig and --why");
    }
    if (!o.kdc.empty() && !o.doctor) {
        return Error(ErrorCode::BadUsage, "--kdc belongs to --doctor");
    }
    if ((!o.report.empty() && !o.doctor) || (o.report_names && o.report.empty())) {
        return Error(ErrorCode::BadUsage,
                     "--report belongs to --doctor, --report-names to --report");
    }
    o.card = o.card || questions == 0;
    while (!o.root.empty() && o.root.back() == '/') {
        o.root.pop_back();
    }
    return {};
}

}  // namespace

std::optional<CheckOptions> parse_check_options(int argc, char** argv, int& exit_status) {
    Raw raw;
    CommandLine app{
        "Says whether a card or a certificate would log in here, as whom, and if not, why.",
        "piv-check"};
    define_question(app, raw);
    define_inputs(app, raw.out);
    define_frame(app, raw);
    if (const std::optional<NotParsed> end = app.try_parse(argc, argv)) {
        exit_status = end->help ? 0 : report_failure(end->error, wants_json(argc, argv));
        return std::nullopt;
    }
    if (Status settled = settle(raw); !settled) {
        exit_status = report_failure(settled.error(), raw.out.json);
        return std::nullopt;
    }
    return raw.out;
}

}  // namespace piv
