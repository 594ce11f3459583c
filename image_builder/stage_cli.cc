#include "image_builder/stage_cli.h"

#include <algorithm>

#include "image_builder/card_leaf.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

std::vector<std::string> split_commas(const std::vector<std::string>& texts) {
    std::vector<std::string> out;
    for (const std::string& text : texts) {
        std::size_t at = 0;
        while (at <= text.size()) {
            const std::size_t comma = std::min(text.find(',', at), text.size());
            out.push_back(text.substr(at, comma - at));
            at = comma + 1;
        }
    }
    return out;
}

}  // namespace

void add_stage_options(CommandLine& app, StageCli& cli, bool ca_cert_required) {
    StageOptions& o = cli.command.options;
    auto* ca = app.add_option("--ca-cert", o.ca_files,
                              "CA certificates in any form; several files, also repeated");
    ca->type_name("FILE...")->expected(1, -1);
    if (ca_cert_required) {
        ca->required();
    }
    app.add_option("--profile", cli.profile, "auto, al2, al2023, el8, el9, ubuntu or debian")
        ->type_name("NAME");
    app.add_option("--ocsp", o.ocsp, "require, soft or off")
        ->type_name("POLICY")
        ->one_of({"require", "soft", "off"});
    const auto one_each = [&app](const char* name, std::vector<std::string>& list, const char* help,
                                 const char* type) {
        app.add_option(name, list, help)->type_name(type)->one_each();
    };
    one_each("--ocsp-url", o.ocsp_urls, "responder to configure", "URL");
    one_each("--ocsp-response", o.ocsp_responses, "DER response to stage", "FILE");
    one_each("--crl", o.crls, "CRL to stage", "FILE");
    one_each("--domain", o.domains, "UPN suffix of local accounts, and its NetBIOS name",
             "DNS[=NETBIOS]");
    one_each("--map", o.map, "kinds of mapping, in order", "KIND");
    one_each("--service", o.services, "PAM service for which cards count", "NAME");
    app.add_option("--mode", cli.mode,
                   "optional: a password works without a card; required: only a card")
        ->type_name("MODE")
        ->one_of({"optional", "required"});
    one_each("--exempt", o.exempt, "group whose members need no card", "GROUP");
    one_each("--verify-with", o.verify_with,
             "fail unless this certificate would be accepted; CARD: the card in the reader",
             "FILE|CARD");
    app.add_option("--min-ca-days", o.min_ca_days, "refuse a CA that ends sooner (default 30)")
        ->type_name("N")
        ->in_range(0, 36500);
    app.add_option("--image-lives", o.image_lives,
                   "refuse when a CA ends within so many days and its successor is not given")
        ->type_name("DAYS")
        ->in_range(1, 36500);
    app.add_flag("--system-trust", o.system_trust,
                 "put the roots into the distribution's trust store too: trusted for everything");
    one_each("--compat", o.compat, "keep the CAs of sssd or pam_pkcs11 in step", "PROGRAM");
    one_each("--pkinit", o.pkinit, "set Kerberos up for a ticket with the card", "REALM[=KDC]");
    app.add_flag("--browsers", o.browsers, "let Firefox and Chromium use the card");
    app.add_flag("--nss-db", o.nss_db,
                 "put the chain and the card's module into the system's NSS database");
    app.add_option("--on-card-removal", o.on_card_removal,
                   "what becomes of a session whose card is removed (default ignore)")
        ->type_name("ACTION")
        ->one_of({"lock", "logout", "ignore"});
    app.add_flag("--allow-weak-mapping", o.allow_weak_mapping,
                 "let e-mail addresses and subjects name accounts");
    app.add_flag("--rollover", o.rollover, "two keys of one CA are meant: it is changing its key");
    app.add_flag("--no-break-glass", cli.no_break_glass,
                 "with --mode required: root at the console needs a card too");
    app.add_flag("--dry-run", cli.command.dry_run, "print the differences, write nothing");
    app.add_flag("--force", cli.command.force, "also replace what was changed since it was staged");
}

Status finish_stage_options(StageCli& cli) {
    StageOptions& o = cli.command.options;
    if (cli.profile != "auto") {
        o.profile = profile_from(cli.profile);
        if (!o.profile) {
            return Error(ErrorCode::BadUsage,
                         "--profile " + cli.profile +
                             ": is not auto, al2, al2023, el8, el9, ubuntu or debian");
        }
    }
    o.required = cli.mode == "required";
    o.break_glass = !cli.no_break_glass;
    if (o.on_card_removal == "ignore") {
        o.on_card_removal.clear();
    }
    o.map = split_commas(o.map);  // --map upn,file as in the configuration file
    o.compat = split_commas(o.compat);
    Result<std::optional<UnixTime>> epoch = source_date_epoch();
    if (!epoch) {
        return std::move(epoch).error();
    }
    cli.command.epoch = *epoch;
    if (std::find(o.verify_with.begin(), o.verify_with.end(), kCardInReader) !=
        o.verify_with.end()) {
        constexpr std::int64_t kCardWaitMs = 20000;
        Result<TokenCertificate> card = read_card_leaf(Deadline::after_ms(kCardWaitMs));
        if (!card) {
            return std::move(card).error();
        }
        o.card = std::move(*card);
    }
    o.now = system_time_now();
    return {};
}

}  // namespace piv
