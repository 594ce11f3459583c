// piv-accounts: compiles and inspects the account map that PAM and NSS read.
#include <algorithm>

#include "pam_module/account/account_editor.h"
#include "pam_module/account/names.h"
#include "pam_module/nss/local_files.h"
#include "pam_module/nss/lookup.h"
#include "pki/base/text.h"
#include "pki/cli/command_line.h"
#include "pki/cli/json_output.h"
#include "pki/x509/certificate_reader.h"

using namespace piv;
using Json = nlohmann::ordered_json;

namespace {

constexpr char kTool[] = "piv-accounts";

struct Options {
    AccountTree tree{"", kDefaultConfigFile};
    bool json = false;
    std::string name;
    std::string certificate;
    std::string user;
    std::string key = "cert-sha256";
    std::string until;
    std::string comment;
};

void print_warnings(const std::vector<std::string>& warnings) {
    for (const std::string& w : warnings) {
        std::fprintf(stderr, "%s: warning: %s\n", kTool, escape_for_display(w, 4096).c_str());
    }
}

int report(const CompileOutcome& outcome, const Options& o, const std::string& what) {
    print_warnings(outcome.index.warnings);
    const std::string file = o.tree.root + kAccountIndex;
    if (o.json) {
        print_json({{"file", file},
                    {"changed", outcome.changed},
                    {"accounts", outcome.index.accounts},
                    {"aliases", outcome.index.aliases},
                    {"line", what},
                    {"warnings", outcome.index.warnings}});
    } else {
        if (!what.empty()) {
            std::printf("%s\n", escape_for_display(what, 4096).c_str());
        }
        std::printf("%s: %zu accounts, %zu aliases%s\n", file.c_str(), outcome.index.accounts,
                    outcome.index.aliases, outcome.changed ? "" : ", unchanged");
    }
    return 0;
}

int compile(const Options& o) {
    const auto loaded = load_account_map(o.tree);
    if (!loaded) {
        return fail(kTool, loaded.error(), o.json);
    }
    const auto outcome = write_account_index(o.tree, *loaded);
    return outcome ? report(*outcome, o, "") : fail(kTool, outcome.error(), o.json);
}

Json to_json(const MapLine& line, UnixTime now) {
    Json j{{"key", std::string(to_text(line.kind))},
           {"value", line.value},
           {"user", line.user},
           {"until", nullptr},
           {"active", !line.until || now <= *line.until},
           {"weak", is_weak(line.kind)},
           {"line", line.line}};
    if (line.until) {
        j["until"] = format_time(*line.until);
    }
    return j;
}

Json to_json(const LocalAccount& a) {
    return {{"name", a.name}, {"uid", a.uid},     {"gid", a.gid},  {"gecos", a.gecos},
            {"home", a.home}, {"shell", a.shell}, {"line", a.line}};
}

void print_line(const MapLine& line, UnixTime now) {
    const bool over = line.until && now > *line.until;
    std::printf("%s %s -> %s%s%s%s\n", std::string(to_text(line.kind)).c_str(),
                escape_for_display(line.value).c_str(), escape_for_display(line.user).c_str(),
                line.until ? (" until " + format_time(*line.until)).c_str() : "",
                over ? " (over)" : "", is_weak(line.kind) ? " (weak)" : "");
}

int list(const Options& o, UnixTime now) {
    const auto loaded = load_account_map(o.tree);
    if (!loaded) {
        return fail(kTool, loaded.error(), o.json);
    }
    Json document{{"file", o.tree.root + loaded->path},
                  {"lines", Json::array()},
                  {"accounts", Json::array()}};
    for (const MapLine& line : loaded->map.lines) {
        document["lines"].push_back(to_json(line, now));
        if (!o.json) {
            print_line(line, now);
        }
    }
    for (const LocalAccount& a : loaded->map.accounts) {
        document["accounts"].push_back(to_json(a));
        if (!o.json) {
            std::printf("account %s %u %u \"%s\" %s %s\n", a.name.c_str(), a.uid, a.gid,
                        a.gecos.c_str(), a.home.c_str(), a.shell.c_str());
        }
    }
    if (o.json) {
        print_json(document);
    }
    return 0;
}

// An account of the tree's own passwd(5).
Result<std::optional<Json>> local_account(const std::string& passwd_file, const std::string& name) {
    std::vector<char> line(64U << 10U);
    std::size_t used = 0;
    char* f[7];
    unsigned long uid = 0;
    unsigned long gid = 0;
    if (nss::find_line(passwd_file.c_str(), name.data(), name.size(), line.data(), line.size(),
                       used) != nss::Line::Found ||
        !nss::split_fields(line.data(), f, 7) || !nss::parse_number(f[2], UINT32_MAX, uid) ||
        !nss::parse_number(f[3], UINT32_MAX, gid)) {
        return std::optional<Json>();
    }
    return std::optional<Json>(Json{{"name", f[0]},
                                    {"uid", uid},
                                    {"gid", gid},
                                    {"gecos", f[4]},
                                    {"home", f[5]},
                                    {"shell", f[6]},
                                    {"source", "/etc/passwd"}});
}

// What the NSS modules of the tree would answer.
Result<std::optional<Json>> ask_module(const Options& o) {
    const std::string database = o.tree.root + kAccountIndex;
    const std::string passwd_file = o.tree.root + "/etc/passwd";
    const std::string shadow_file = o.tree.root + "/etc/shadow";
    std::vector<char> buffer(64U << 10U);
    struct passwd entry {};
    int error = 0;
    const auto status =
        nss::passwd_by_name({database.c_str(), passwd_file.c_str(), shadow_file.c_str()},
                            o.name.c_str(), &entry, {buffer.data(), buffer.size(), &error});
    if (status == NSS_STATUS_NOTFOUND) {
        return local_account(passwd_file, o.name);
    }
    if (status != NSS_STATUS_SUCCESS) {
        return Error(ErrorCode::FileUnreadable,
                     database + ": is damaged, or does not belong to root: piv-accounts compile");
    }
    return std::optional<Json>(Json{{"name", entry.pw_name},
                                    {"uid", entry.pw_uid},
                                    {"gid", entry.pw_gid},
                                    {"gecos", entry.pw_gecos},
                                    {"home", entry.pw_dir},
                                    {"shell", entry.pw_shell},
                                    {"source", o.name == entry.pw_name ? "account map" : "alias"}});
}

int lookup(const Options& o, UnixTime now) {
    const auto loaded = load_account_map(o.tree);
    if (!loaded) {
        return fail(kTool, loaded.error(), o.json);
    }
    const auto account = ask_module(o);
    if (!account) {
        return fail(kTool, account.error(), o.json);
    }
    const std::string canonical = *account ? (**account)["name"].get<std::string>() : o.name;
    Json document{{"name", o.name},
                  {"found", account->has_value()},
                  {"account", nullptr},
                  {"lines", Json::array()}};
    std::vector<const MapLine*> lines;
    for (const MapLine& line : loaded->map.lines) {
        if (line.user == o.name || line.user == canonical) {
            lines.push_back(&line);
            document["lines"].push_back(to_json(line, now));
        }
    }
    if (*account) {
        document["account"] = **account;
    }
    const bool known = *account || !lines.empty();
    document["found"] = known;
    if (o.json) {
        print_json(document);
        return known ? 0 : 1;
    }
    if (!known) {
        report_problem(kTool, "'" + o.name + "': neither an account nor mapped",
                       "piv-accounts list; after a change of the map, piv-accounts compile");
        return 1;
    }
    if (*account) {
        const Json& a = **account;
        std::printf("%s:x:%u:%u:%s:%s:%s\n", canonical.c_str(), a["uid"].get<unsigned>(),
                    a["gid"].get<unsigned>(), a["gecos"].get<std::string>().c_str(),
                    a["home"].get<std::string>().c_str(), a["shell"].get<std::string>().c_str());
    }
    for (const MapLine* line : lines) {
        print_line(*line, now);
    }
    return 0;
}

Result<Certificate> one_certificate(const std::string& file) {
    auto read = read_certificate_file(file);
    if (!read) {
        return std::move(read).error();
    }
    if (read->certificates.size() != 1) {
        return Error(ErrorCode::NoCertificateInFile, file + ": has " +
                                                         std::to_string(read->certificates.size()) +
                                                         " certificates; give the person's alone");
    }
    return read->certificates.front();
}

int add(const Options& o) {
    const auto kind = map_kind(o.key);
    if (!kind || *kind == MapKind::File) {
        return fail(kTool,
                    {ErrorCode::BadUsage, "--key " + o.key + ": not a key of the account map"},
                    o.json);
    }
    const auto certificate = one_certificate(o.certificate);
    if (!certificate) {
        return fail(kTool, certificate.error(), o.json);
    }
    const auto line = line_for(*certificate, {*kind, o.user, o.until, o.comment});
    if (!line) {
        return fail(kTool, line.error(), o.json);
    }
    const auto loaded = load_account_map(o.tree);
    if (!loaded) {
        return fail(kTool, loaded.error(), o.json);
    }
    const auto added = parse_account_map(*line, "the new line");
    if (!added) {
        return fail(kTool, {ErrorCode::BadUsage, added.error().detail}, o.json);
    }
    const MapLine& mine = added->lines.front();
    const bool there =
        std::any_of(loaded->map.lines.begin(), loaded->map.lines.end(), [&mine](const MapLine& l) {
            return l.kind == mine.kind && l.value == mine.value && l.user == mine.user &&
                   l.until == mine.until;
        });
    if (is_weak(*kind) && !loaded->settings.allow_weak) {
        print_warnings(
            {"'" + o.key + "' is a weak key: it counts only with mapping.allow_weak = yes"});
    }
    const auto outcome =
        replace_account_map(o.tree, *loaded, there ? loaded->text : loaded->text + *line);
    if (outcome) {
        keep_mapped(o.tree, *certificate);
    }
    const std::string shown = line->substr(0, line->size() - 1);
    return outcome ? report(*outcome, o, shown) : fail(kTool, outcome.error(), o.json);
}

// Every line that has all of what was asked for.
Result<std::vector<int>> lines_to_remove(const Options& o, const AccountMap& map) {
    std::optional<Certificate> certificate;
    if (!o.certificate.empty()) {
        auto read = one_certificate(o.certificate);
        if (!read) {
            return std::move(read).error();
        }
        certificate = std::move(*read);
    }
    std::vector<int> lines;
    for (const MapLine& line : map.lines) {
        if (!o.user.empty() && line.user != o.user) {
            continue;
        }
        if (certificate) {
            const auto values = certificate_values(*certificate, line.kind);
            if (!values || std::find(values->begin(), values->end(), line.value) == values->end()) {
                continue;
            }
        }
        lines.push_back(line.line);
    }
    for (const LocalAccount& a : map.accounts) {
        if (!certificate && a.name == o.user) {
            lines.push_back(a.line);
        }
    }
    return lines;
}

int remove(const Options& o) {
    if (o.user.empty() && o.certificate.empty()) {
        return fail(kTool, {ErrorCode::BadUsage, "remove needs --user NAME or --from-cert FILE"},
                    o.json);
    }
    const auto loaded = load_account_map(o.tree);
    if (!loaded) {
        return fail(kTool, loaded.error(), o.json);
    }
    const auto lines = lines_to_remove(o, loaded->map);
    if (!lines) {
        return fail(kTool, lines.error(), o.json);
    }
    if (lines->empty()) {
        return fail(kTool,
                    {ErrorCode::NotMapped, "no line of " + o.tree.root + loaded->path + " fits"},
                    o.json);
    }
    const auto outcome = replace_account_map(o.tree, *loaded, without_lines(loaded->text, *lines));
    if (const auto now_there = load_account_map(o.tree); outcome && now_there) {
        forget_unmapped(o.tree, now_there->map);
    }
    const std::string what = std::to_string(lines->size()) + " lines removed";
    return outcome ? report(*outcome, o, what) : fail(kTool, outcome.error(), o.json);
}

void define(CommandLine& app, Options& o) {
    app.version(std::string(kTool) + " " + PIV_VERSION);
    app.add_option("--root", o.tree.root, "Work in this image root instead of /");
    app.add_option("--config", o.tree.config, "Configuration file instead of the default");
    app.add_flag("--json", o.json, "One JSON document on stdout");
    app.require_command();
    app.fallthrough();
    app.add_command("compile", "Check the account map and write the index that NSS reads");
    app.add_command("list", "Show every line of the account map");
    auto* find = app.add_command("lookup", "Show an account and what maps to it");
    find->add_option("NAME", o.name, "Account, user@domain or DOMAIN\\user")->required();
    auto* add_line = app.add_command("add", "Map a certificate to an account");
    add_line->add_option("--from-cert", o.certificate, "Certificate of the person")->required();
    add_line->add_option("--user", o.user, "Account")->required();
    add_line->add_option("--key", o.key,
                         "upn, edipi, email, sid, issuer-serial, ski, spki-sha256, cert-sha256 "
                         "(default) or subject");
    add_line->add_option("--until", o.until, "Last day, YYYY-MM-DD, or TIME");
    add_line->add_option("--comment", o.comment, "Text behind the line");
    auto* remove_lines = app.add_command("remove", "Take lines out of the account map");
    remove_lines->add_option("--user", o.user, "Lines of this account, its account line too");
    remove_lines->add_option("--from-cert", o.certificate, "Lines that this certificate fits");
}

int run(CommandLine& app, const Options& o) {
    const UnixTime now = system_time_now();
    const std::string command = app.command();
    if (command == "compile") {
        return compile(o);
    }
    if (command == "list") {
        return list(o, now);
    }
    if (command == "lookup") {
        return lookup(o, now);
    }
    return command == "add" ? add(o) : remove(o);
}

}  // namespace

int main(int argc, char** argv) {
    Options o;
    CommandLine app{"Compiles and inspects the account map that PAM and NSS read.", kTool};
    try {
        define(app, o);
        if (const std::optional<int> end = app.parse(argc, argv)) {
            return *end;
        }
        while (!o.tree.root.empty() && o.tree.root.back() == '/') {
            o.tree.root.pop_back();
        }
        return run(app, o);
    } catch (const std::exception& e) {
        return fail(kTool, {ErrorCode::Internal, e.what()}, o.json);
    }
}
