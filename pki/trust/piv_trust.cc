// piv-trust: the installed CA chain over its life.
#include <syslog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"
#include "pki/cli/usage.h"
#include "pki/config/rooted_file.h"
#include "pki/trust/piv_trust_options.h"
#include "pki/trust/trust_bundle.h"
#include "pki/trust/trust_report.h"
#include "pki/x509/certificate_reader.h"

using namespace piv;
using Json = nlohmann::ordered_json;

namespace {

constexpr char kMetrics[] = PIV_STATEDIR "/metrics.prom";

Json to_json(const TrustProblem& p) {
    return {{"code", p.code}, {"sha256", p.sha256}, {"detail", p.text}, {"hint", p.hint}};
}

Json to_json(const TrustRow& row) {
    Json j{{"role", row.role},
           {"state", row.state},
           {"subject", row.subject},
           {"sha256", row.sha256},
           {"file", row.file},
           {"not_before", nullptr},
           {"not_after", format_time(row.not_after)},
           {"days_left", row.days_left},
           {"since", nullptr},
           {"becomes_active", nullptr},
           {"successor", nullptr},
           {"breaks", row.breaks}};
    const std::pair<const char*, std::string> texts[] = {
        {"since", row.since}, {"becomes_active", row.becomes_active}, {"successor", row.successor}};
    for (const auto& [key, text] : texts) {
        if (!text.empty()) {
            j[key] = text;
        }
    }
    if (row.not_before != 0) {
        j["not_before"] = format_time(row.not_before);
    }
    return j;
}

Json to_json(const TrustReport& report) {
    Json document{{"certificates", Json::array()}, {"problems", Json::array()}};
    for (const TrustRow& row : report.rows) {
        document["certificates"].push_back(to_json(row));
    }
    for (const TrustProblem& p : report.problems) {
        document["problems"].push_back(to_json(p));
    }
    return document;
}

// The life of a certificate on a line of 40 columns between the earliest start and the latest end.
std::string bar(const TrustRow& row, UnixTime from, UnixTime to, UnixTime now) {
    constexpr UnixTime kColumns = 40;
    const auto column = [from, to](UnixTime time) {
        return std::min(kColumns - 1, std::max<UnixTime>(0, (time - from) * kColumns /
                                                                std::max<UnixTime>(1, to - from)));
    };
    std::string out(static_cast<std::size_t>(kColumns), ' ');
    for (UnixTime c = column(row.not_before); c <= column(row.not_after); ++c) {
        out[static_cast<std::size_t>(c)] = row.state == "active" ? '='
                                           : row.state == "next" ? '+'
                                                                 : '-';
    }
    out[static_cast<std::size_t>(column(now))] = '|';
    return out;
}

void print_rows(const TrustReport& report, UnixTime now) {
    UnixTime from = now;
    UnixTime to = now;
    for (const TrustRow& row : report.rows) {
        from = row.not_before != 0 ? std::min(from, row.not_before) : from;
        to = std::max(to, row.not_after);
    }
    for (const TrustRow& row : report.rows) {
        std::printf(
            "%s  %-12s %-7s %6lld days left, to %s  [%s]  %s\n",
            row.sha256.empty() ? std::string(16, '-').c_str() : row.sha256.substr(0, 16).c_str(),
            row.role.c_str(), row.state.c_str(), row.days_left,
            format_time(row.not_after).substr(0, 10).c_str(), bar(row, from, to, now).c_str(),
            escape_for_display(row.subject.empty() ? row.file : row.subject).c_str());
        if (!row.becomes_active.empty()) {
            std::printf("    becomes active: %s\n", row.becomes_active.c_str());
        }
        for (const std::string& what : row.breaks) {
            std::printf("    without it breaks: %s\n", escape_for_display(what).c_str());
        }
    }
}

void print_problems(const TrustReport& report) {
    for (const TrustProblem& p : report.problems) {
        report_problem(kTrustTool, p.text + " (" + p.code + ")", p.hint);
    }
}

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

// Writes the change and says what was done.
int finish(const TrustOptions& o, const TrustInventory& before, const Change& change) {
    if (!o.dry_run) {
        if (Status s = save_inventory(before, change.after); !s) {
            return fail(kTrustTool, s.error(), o.json);
        }
    }
    for (const std::string& what : change.done) {
        if (o.force && !o.dry_run && o.tree.root.empty()) {
            syslog(LOG_AUTHPRIV | LOG_NOTICE, "piv-trust --force by uid %u: %s",
                   static_cast<unsigned>(getuid()), escape_for_display(what).c_str());
        }
        if (!o.json) {
            std::printf("%s%s\n", o.dry_run ? "would be: " : "", escape_for_display(what).c_str());
        }
    }
    if (o.json) {
        print_json({{"changed", !change.done.empty() && !o.dry_run},
                    {"dry_run", o.dry_run},
                    {"changes", change.done}});
    } else if (change.done.empty()) {
        std::puts("nothing to change");
    }
    return 0;
}

int finish(const TrustOptions& o, const TrustInventory& before, const Result<Change>& change) {
    return change ? finish(o, before, *change) : fail(kTrustTool, change.error(), o.json);
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

int rollover(const TrustOptions& o) {
    const auto before = load_inventory(o.tree);
    if (!before) {
        return fail(kTrustTool, before.error(), o.json);
    }
    const TrustEvidence evidence = collect_evidence(*before);
    const Change change = roll_over(*before, evidence, o.now);
    const TrustReport report = report_trust(change.after, evidence, o.now);
    if (!o.dry_run) {
        const std::string metrics = trust_metrics(report, o.now);
        Status saved = save_inventory(*before, change.after);
        if (saved) {
            saved =
                o.metrics.empty()
                    ? write_rooted(o.tree.root, kMetrics, ByteView(std::string_view(metrics)), 0644)
                    : write_file_atomically(o.metrics, ByteView(std::string_view(metrics)), 0644);
        }
        if (!saved) {
            return fail(kTrustTool, saved.error(), o.json);
        }
    }
    if (o.json) {
        Json document = to_json(report);
        document["changes"] = change.done;
        document["dry_run"] = o.dry_run;
        print_json(document);
    } else {
        for (const std::string& what : change.done) {
            std::printf("%s%s\n", o.dry_run ? "would be: " : "", escape_for_display(what).c_str());
        }
    }
    print_problems(report);
    return report.problems.empty() ? 0 : 1;
}

Result<Certificate> one_certificate(const std::string& file) {
    auto read = read_certificate_file(file);
    if (!read) {
        return std::move(read).error();
    }
    if (read->certificates.size() != 1) {
        return Error(ErrorCode::NoCertificateInFile,
                     file + ": give the signer's certificate alone");
    }
    return read->certificates.front();
}

int bundle_create(const TrustOptions& o) {
    const auto inventory = load_inventory(o.tree);
    const auto signer = one_certificate(o.signer);
    const auto key = read_file(o.key, 1U << 20U);
    for (const Error* e : {inventory ? nullptr : &inventory.error(),
                           signer ? nullptr : &signer.error(), key ? nullptr : &key.error()}) {
        if (e != nullptr) {
            return fail(kTrustTool, *e, o.json);
        }
    }
    const long long sequence = o.sequence != 0 ? o.sequence : o.now;
    const auto bundle = create_bundle(*inventory, sequence, o.now, *signer, *key);
    if (!bundle) {
        return fail(kTrustTool, bundle.error(), o.json);
    }
    if (Status s = write_file_atomically(o.output, *bundle, 0644); !s) {
        return fail(kTrustTool, s.error(), o.json);
    }
    if (o.json) {
        print_json({{"file", o.output},
                    {"sequence", sequence},
                    {"certificates", inventory->entries.size()}});
    } else {
        std::printf("%s: sequence %lld, %zu certificates\n", o.output.c_str(), sequence,
                    inventory->entries.size());
    }
    return 0;
}

int bundle_apply(const TrustOptions& o) {
    const auto before = load_inventory(o.tree);
    const auto signer = one_certificate(o.signer);
    const auto content = read_file(o.source, kMaxBundle);
    for (const Error* e : {before ? nullptr : &before.error(), signer ? nullptr : &signer.error(),
                           content ? nullptr : &content.error()}) {
        if (e != nullptr) {
            return fail(kTrustTool, *e, o.json);
        }
    }
    const auto bundle = open_bundle(*content, *signer, o.now);
    if (!bundle) {
        return fail(kTrustTool, {bundle.code(), o.source + ": " + bundle.error().detail}, o.json);
    }
    const auto applied = read_rooted(o.tree.root, kLastBundle, kMaxBundle, Ownership::RootOnly);
    const auto change =
        apply_bundle(*before, *bundle, applied ? sequence_of_applied(*applied) : 0, o.now);
    if (!change) {
        return fail(kTrustTool, {change.code(), o.source + ": " + change.error().detail}, o.json);
    }
    const int status = finish(o, *before, *change);
    if (status == 0 && !o.dry_run) {  // the last good one is kept
        if (Status s = write_rooted(o.tree.root, kLastBundle, *content, 0644); !s) {
            report_problem(kTrustTool, s.error());
            return exit_status(s.error());
        }
    }
    return status;
}

void define_bundle(CLI::App& app, TrustOptions& o) {
    auto* bundle = app.add_subcommand("bundle", "Signed trust bundles for fleets");
    bundle->fallthrough();
    bundle->require_subcommand(1);
    auto* create = bundle->add_subcommand("create", "Sign the installed chain");
    create->add_option("--sign", o.key, "Private key of the signer, PEM")->required();
    create->add_option("--signer", o.signer, "Certificate of the signer")->required();
    create->add_option("-o,--output", o.output, "File to write")->required();
    create->add_option("--sequence", o.sequence, "Number that only grows; default: the time")
        ->check(CLI::PositiveNumber);
    auto* apply = bundle->add_subcommand("apply", "Bring the installed chain up to a bundle");
    apply->add_option("FILE", o.source, "Bundle")->required();
    apply->add_option("--signer", o.signer, "The one certificate whose signature counts")
        ->required();
    for (CLI::App* command : {create, apply}) {
        command->fallthrough();
    }
}

void define(CLI::App& app, TrustOptions& o, std::string& at) {
    app.set_version_flag("--version", std::string(kTrustTool) + " " + PIV_VERSION);
    app.add_option("--root", o.tree.root, "Work in this image root instead of /");
    app.add_option("--config", o.tree.config, "Configuration file instead of the default");
    app.add_option("--at", at, "Judge as if it were TIME");
    app.add_flag("--json", o.json, "One JSON document on stdout");
    app.add_flag("--dry-run", o.dry_run, "Say what would be done and write nothing");
    app.require_subcommand(1);
    app.fallthrough();
    app.add_subcommand("list", "Every CA and responder certificate over its life");
    app.add_subcommand("check", "The same; exit status 1 when something asks for action");
    auto* add_files = app.add_subcommand("add", "Install CA certificates");
    add_files->add_option("FILE", o.files, "Certificates in any form")->required();
    add_files->add_option("--state", o.state, "next (default beside others) or active")
        ->check(CLI::IsMember({"next", "active"}));
    add_files->add_option("--succeeds", o.succeeds, "ID of the certificate that these replace");
    for (const char* name : {"promote", "retire", "remove"}) {
        auto* command = app.add_subcommand(name, std::string(name) + " one certificate");
        command->add_option("ID", o.id, "Start of its SHA-256, or its file")->required();
        if (std::string(name) != "promote") {
            command->add_flag("--force", o.force, "Even if something depends on it; logged");
        }
    }
    auto* roll =
        app.add_subcommand("rollover", "What the timer runs: promote by date, warn, write metrics");
    roll->add_option("--metrics", o.metrics, "Text file for Prometheus' node exporter");
    auto* federation =
        app.add_subcommand("federation", "Token-signing certificates in AD FS federation metadata");
    federation->add_option("SOURCE", o.source, "FederationMetadata.xml, or its https URL")
        ->required();
    federation->add_option("--relying-party-copy", o.relying_party,
                           "Metadata that the relying party has");
    federation->add_option("--trusted", o.trusted,
                           "Certificate that has to have signed the metadata");
    federation->add_option("--entity", o.entity, "entityID, where there are several");
    federation->add_option("--seen", o.seen,
                           "File that remembers the primary, to report a rollover once");
    define_bundle(app, o);
}

int run(const CLI::App& app, const TrustOptions& o) {
    const CLI::App* chosen = app.get_subcommands().front();
    const std::string command = chosen->get_name();
    if (command == "list" || command == "check") {
        return list_or_check(o, command == "check");
    }
    if (command == "rollover") {
        return rollover(o);
    }
    if (command == "federation") {
        return run_federation(o);
    }
    if (command == "bundle") {
        return chosen->get_subcommands().front()->get_name() == "create" ? bundle_create(o)
                                                                         : bundle_apply(o);
    }
    return change(o, command);
}

}  // namespace

int main(int argc, char** argv) {
    TrustOptions o;
    std::string at;
    CLI::App app{"The installed CA chain over its life.", kTrustTool};
    try {
        define(app, o, at);
        app.parse(argc, argv);
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
    } catch (const CLI::ParseError& e) {
        return end_of_parse(kTrustTool, e, app, argc, argv);
    } catch (const std::exception& e) {
        return fail(kTrustTool, {ErrorCode::Internal, e.what()}, o.json);
    }
}
