// piv-trust: the installed CA chain over its life.

#include "pki/cli/command_line.h"
#include "pki/trust/piv_trust_output.h"
#include "pki/trust/trust_lock.h"
#include "pki/x509/certificate_reader.h"

using namespace piv;

namespace {

constexpr int kLockMs = 5000;  // a change takes some milliseconds

int list_or_check(const TrustOptions& o, bool check) {
    const auto inventory = load_inventory(o.tree);
    if (!inventory) {
        return fail(kTrustTool, inventory.error(), o.json);
    }
    const TrustReport report = report_trust(*inventory, collect_evidence(*inventory), o.now);
    if (o.json) {
        print_json(to_json(report));
    } else {
        print_rows(report, o.now);
        if (check && report.problems.empty()) {
            std::puts("nothing asks for action");
        }
    }
    print_problems(report);
    return check && !report.problems.empty() ? 1 : 0;
}

Result<Change> add(const TrustOptions& o, const TrustInventory& before) {
    std::vector<Certificate> certificates;
    for (const std::string& file : o.files) {
        auto read = read_certificate_file(file);
        if (!read) {
            return std::move(read).error();
        }
        certificates.insert(certificates.end(), read->certificates.begin(),
                            read->certificates.end());
    }
    AddOptions options;
    options.succeeds = o.succeeds;
    if (!o.state.empty()) {
        options.state = o.state == "next" ? TrustState::Next : TrustState::Active;
    }
    return add_certificates(before, certificates, options, o.now);
}

int change(const TrustOptions& o, const std::string& command) {
    const auto before = load_inventory(o.tree);
    if (!before) {
        return fail(kTrustTool, before.error(), o.json);
    }
    if (command == "add") {
        return finish(o, *before, add(o, *before));
    }
    if (command == "promote") {
        return finish(o, *before, promote(*before, o.id, o.now));
    }
    const TrustEvidence evidence = collect_evidence(*before);
    return finish(o, *before,
                  command == "retire" ? retire(*before, o.id, evidence, o.now, o.force)
                                      : remove_entry(*before, o.id, evidence, o.now, o.force));
}

void define_bundle(CommandLine& app, TrustOptions& o) {
    auto* bundle = app.add_command("bundle", "Signed trust bundles for fleets");
    bundle->fallthrough();
    bundle->require_command();
    auto* create = bundle->add_command("create", "Sign the installed chain");
    create->add_option("--sign", o.key, "Private key of the signer, PEM")->required();
    create->add_option("--signer", o.signer,
                       "Certificate of the signer; default: the one in the file of the key");
    create->add_option("-o,--output", o.output, "File to write")->show_default();
    create->add_option("--sequence", o.sequence, "Number that only grows; default: the time")
        ->at_least(1);
    auto* apply = bundle->add_command("apply", "Bring the installed chain up to a bundle");
    apply->add_option("FILE", o.source, "Bundle")->required();
    apply->add_option("--signer", o.signer, "The one certificate whose signature counts")
        ->required();
    for (CommandLine* command : {create, apply}) {
        command->fallthrough();
    }
}

void define(CommandLine& app, TrustOptions& o, std::string& at) {
    app.version(std::string(kTrustTool) + " " + PIV_VERSION);
    app.add_option("--root", o.tree.root, "Work in this image root instead of /");
    app.add_option("--config", o.tree.config, "Configuration file instead of the default");
    app.add_option("--at", at, "Judge as if it were TIME");
    app.add_flag("--json", o.json, "One JSON document on stdout");
    app.add_flag("--dry-run", o.dry_run, "Say what would be done and write nothing");
    app.require_command();
    app.fallthrough();
    app.add_command("list", "Every CA and responder certificate over its life");
    app.add_command("check", "The same; exit status 1 when something asks for action");
    auto* add_files = app.add_command("add", "Install CA certificates");
    add_files->add_option("FILE", o.files, "Certificates in any form")->required();
    add_files->add_option("--state", o.state, "next (default beside others) or active")
        ->one_of({"next", "active"});
    add_files->add_option("--succeeds", o.succeeds, "ID of the certificate that these replace");
    for (const char* name : {"promote", "retire", "remove"}) {
        auto* command = app.add_command(name, std::string(name) + " one certificate");
        command->add_option("ID", o.id, "Start of its SHA-256, or its file")->required();
        if (std::string(name) != "promote") {
            command->add_flag("--force", o.force, "Even if something depends on it; logged");
        }
    }
    auto* roll =
        app.add_command("rollover", "What the timer runs: promote by date, warn, write metrics");
    roll->add_option("--metrics", o.metrics, "Text file for Prometheus' node exporter");
    roll->add_flag("--timer", o.timer,
                   "Only when rollover_interval has passed; priorities for the journal");
    auto* federation =
        app.add_command("federation", "Token-signing certificates in AD FS federation metadata");
    federation->add_option("SOURCE", o.source, "FederationMetadata.xml, or its https URL")
        ->required();
    federation->add_option("--relying-party-copy", o.relying_party,
                           "Metadata that the relying party has");
    federation->add_option("--trusted", o.trusted,
                           "Certificate that has to have signed the metadata");
    federation->add_option("--entity", o.entity, "entityID, where there are several");
    federation->add_option("--seen", o.seen,
                           "File that remembers the primary, instead of one in " PIV_STATEDIR);
    federation->add_option("--saml-provider-arn", o.saml_provider_arn,
                           "Of the relying party, for the command that updates it");
    define_bundle(app, o);
}

int run(const CommandLine& app, const TrustOptions& o) {
    const std::string command = app.command();
    if (command == "list" || command == "check") {
        return list_or_check(o, command == "check");
    }
    const bool writes = command != "federation" && !o.dry_run;
    const auto lock = writes ? lock_trust(o.tree.root, Deadline::after_ms(kLockMs))
                             : Result<UniqueFd>(UniqueFd());
    if (!lock) {
        return fail(kTrustTool, lock.error(), o.json);
    }
    if (command == "rollover") {
        return run_rollover(o);
    }
    if (command == "federation") {
        return run_federation(o);
    }
    if (command == "bundle create") {
        return run_bundle_create(o);
    }
    if (command == "bundle apply") {
        return run_bundle_apply(o);
    }
    return change(o, command);
}

}  // namespace

int main(int argc, char** argv) {
    TrustOptions o;
    std::string at;
    CommandLine app{"The installed CA chain over its life.", kTrustTool};
    try {
        define(app, o, at);
        if (const std::optional<int> end = app.parse(argc, argv)) {
            return *end;
        }
        o.now = system_time_now();
        if (!at.empty()) {
            const auto time = parse_time(at);
            if (!time) {
                return fail(kTrustTool, time.error(), o.json);
            }
            o.now = *time;
        }
        while (!o.tree.root.empty() && o.tree.root.back() == '/') {
            o.tree.root.pop_back();
        }
        return run(app, o);
    } catch (const std::exception& e) {
        return fail(kTrustTool, {ErrorCode::Internal, e.what()}, o.json);
    }
}
