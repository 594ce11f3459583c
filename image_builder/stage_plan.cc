#include "image_builder/stage_plan.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "image_builder/browser_files.h"
#include "image_builder/card_stack.h"
#include "image_builder/gnome_files.h"
#include "image_builder/kerberos_files.h"
#include "image_builder/pam_hooks.h"
#include "image_builder/pkcs11_module.h"
#include "image_builder/staged_answers.h"
#include "image_builder/system_files.h"
#include "image_builder/trust_copies.h"
#include "image_builder/verify_with.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

// Services at which nobody sits with a card reader: they are left out of the configured list.
constexpr std::array<std::string_view, 24> kNotAtAReader{
    {"sshd",    "cron",         "crond",   "atd",      "at",       "systemd-user",
     "runuser", "runuser-l",    "passwd",  "chpasswd", "newusers", "chfn",
     "chsh",    "other",        "vsftpd",  "proftpd",  "ppp",      "samba",
     "smtp",    "smtp.postfix", "dovecot", "cups",     "remote",   "config-util"}};

bool at_a_reader(const std::string& service) {
    if (std::find(kNotAtAReader.begin(), kNotAtAReader.end(), service) != kNotAtAReader.end()) {
        return false;
    }
    // A greeter's own session and a session without a login are no logins of a person.
    return service.find("-greeter") == std::string::npos &&
           service.find("launch-environment") == std::string::npos &&
           service.find("autologin") == std::string::npos;
}

class Planner {
  public:
    Planner(const Tree& tree, const StageOptions& options, const StagedFiles& staged)
        : tree_(tree), options_(options), staged_(staged) {}

    StageOutcome run() {
        if (!choose_profile()) {
            return std::move(out_);
        }
        certificates();
        if (!out_.problems.empty()) {
            return std::move(out_);
        }
        revocation();
        copies();
        if (!out_.problems.empty()) {
            return std::move(out_);
        }
        pam();
        nsswitch();
        card_stack();
        add(plan_system_files(tree_, out_.profile, out_.plan));
        if (!out_.problems.empty()) {
            return std::move(out_);
        }
        services();
        configuration();
        out_.plan.options = canonical_options(options_);
        out_.plan.finish();
        add(verify_with(out_.plan, options_));
        prove();
        return std::move(out_);
    }

  private:
    void problem(const Error& error) {
        out_.problems.push_back(
            {error.detail.empty() ? std::string(info(error.code).name) : error.detail,
             std::string(info(error.code).hint), error.code});
    }
    void problem(std::string what, std::string hint, ErrorCode code = ErrorCode::ImageTree) {
        out_.problems.push_back({std::move(what), std::move(hint), code});
    }
    void warning(std::string what, std::string hint) {
        out_.warnings.push_back({std::move(what), std::move(hint), ErrorCode::ImageTree});
    }

    bool choose_profile() {
        if (options_.profile) {
            out_.profile = *options_.profile;
        } else {
            Result<ImageProfile> found = detect_profile(tree_);
            if (!found) {
                problem(found.error().detail, "--profile al2, al2023, el8, el9, ubuntu or debian");
                return false;
            }
            out_.profile = *found;
        }
        out_.plan.profile = std::string(to_text(out_.profile));
        return true;
    }

    // Of the tree as it is without us: what an earlier run staged does not count.
    std::vector<Certificate> installed() const {
        std::vector<Certificate> found;
        for (const std::string folder : {kAnchors, kIntermediates}) {
            const auto names = tree_.list(folder.substr(0, folder.size() - 1));
            for (const std::string& name : names ? *names : std::vector<std::string>{}) {
                const Result<Bytes> content = tree_.read_plain(folder + name);
                if (!content) {
                    continue;
                }
                const auto read = read_certificates(*content, name);
                if (read) {
                    found.insert(found.end(), read->certificates.begin(), read->certificates.end());
                }
            }
        }
        return found;
    }

    void certificates() {
        const CaInputs inputs = read_ca_files(options_.ca_files);
        LintSettings settings;
        settings.now = options_.now;
        settings.min_ca_days = options_.min_ca_days;
        settings.image_lives = options_.image_lives;
        settings.installed = installed();
        settings.rollover = options_.rollover;
        settings.al2 = out_.profile == ImageProfile::Al2;
        LintResult lint = lint_cas(inputs, settings);
        out_.problems.insert(out_.problems.end(), lint.problems.begin(), lint.problems.end());
        out_.warnings.insert(out_.warnings.end(), lint.warnings.begin(), lint.warnings.end());
        chain_ = std::move(lint.certificates);
        for (const LintedCa& ca : chain_) {
            const Certificate& c = ca.input.certificate;
            out_.plan.add_file(
                (ca.anchor ? kAnchors : kIntermediates) + trust_file_name(c), to_pem(c),
                Phase::Inert,
                (ca.anchor ? "root CA from " : "intermediate CA from ") + ca.input.file);
            out_.plan.certificates.push_back({c.sha256_hex(), ca.anchor ? "anchor" : "intermediate",
                                              c.subject(), format_time(c.not_after()),
                                              ca.input.file, ca.input.file_sha256,
                                              std::string(to_text(ca.input.form))});
        }
        const auto first = std::min_element(
            chain_.begin(), chain_.end(), [](const LintedCa& a, const LintedCa& b) {
                return a.input.certificate.not_after() < b.input.certificate.not_after();
            });
        if (first != chain_.end()) {
            const Certificate& c = first->input.certificate;
            out_.plan.notes.push_back("the first CA to end is " + display_name(c) + ", at " +
                                      format_time(c.not_after()) +
                                      ": from then on its cards do not log in, unless its "
                                      "successor is in the image");
        }
    }

    void revocation() {
        std::vector<Certificate> cas = installed();
        for (const LintedCa& ca : chain_) {
            cas.push_back(ca.input.certificate);
        }
        StagedAnswerFiles files{options_.ocsp_responses, options_.crls, options_.now};
        add(plan_staged_answers(cas, files, out_.plan));
    }

    void copies() {
        TrustCopySettings settings;
        const auto compat = [this](const char* name) {
            return std::find(options_.compat.begin(), options_.compat.end(), name) !=
                   options_.compat.end();
        };
        settings.system_trust = options_.system_trust;
        settings.sssd = compat("sssd");
        settings.pam_pkcs11 = compat("pam_pkcs11");
        settings.debian = is_debian_like(out_.profile);
        settings.al2 = out_.profile == ImageProfile::Al2;
        settings.nss_db = options_.nss_db;
        add(plan_trust_copies(tree_, chain_, settings, out_.plan));
        PkinitSettings pkinit{options_.pkinit, settings.debian, false};
        pkinit.intermediates = std::any_of(chain_.begin(), chain_.end(),
                                           [](const LintedCa& ca) { return !ca.anchor; });
        add(plan_pkinit(tree_, pkinit, out_.plan));
        if (options_.browsers) {
            const BrowserSettings browsers{settings.debian, settings.al2, settings.system_trust,
                                           options_.nss_db};
            add(plan_browsers(tree_, chain_, browsers, out_.plan));
        }
        if (options_.nss_db && out_.problems.empty()) {
            nss_database(settings);
        }
    }

    void nss_database(const TrustCopySettings& copies) {
        NssDatabaseSettings settings;
        settings.old_format = copies.al2;
        settings.module = opensc_module_or_default(tree_, copies.debian);
        const std::string other =
            copies.pam_pkcs11 ? pam_pkcs11_nss_folder(tree_, copies.al2) : std::string();
        if (!other.empty() && other != kSystemNss) {
            settings.folders.push_back(other);
        }
        add(plan_nss_database(tree_, chain_, settings, staged_, out_.plan));
    }

    void add(Findings found) {
        std::move(found.problems.begin(), found.problems.end(), std::back_inserter(out_.problems));
        std::move(found.warnings.begin(), found.warnings.end(), std::back_inserter(out_.warnings));
    }

    void pam() {
        PamHookSettings settings;
        settings.required = options_.required;
        settings.break_glass = options_.break_glass;
        settings.watch_session = !options_.on_card_removal.empty();
        Status s;
        switch (out_.profile) {
            case ImageProfile::Al2:
                s = plan_authconfig(tree_, settings, out_.plan);
                break;
            case ImageProfile::Ubuntu:
            case ImageProfile::Debian:
                s = plan_pam_auth_update(tree_, settings, out_.plan);
                break;
            case ImageProfile::Al2023:
            case ImageProfile::El8:
            case ImageProfile::El9:
                s = plan_authselect(tree_, settings, out_.plan);
                break;
        }
        if (s.ok()) {
            s = plan_gnome(tree_, is_debian_like(out_.profile), out_.plan);
        }
        if (!s) {
            problem(s.error());
            return;
        }
        for (PlanEntry& entry : out_.plan.entries) {
            keep_mode(entry);
        }
    }

    // A file that is replaced keeps its mode and owner.
    void keep_mode(PlanEntry& entry) {
        if (entry.kind != NodeKind::File || entry.phase != Phase::Switch) {
            return;
        }
        const Result<Node> node = tree_.node(entry.path);
        if (node.ok() && node->kind == NodeKind::File) {
            entry.mode = node->mode & 0755U;
        }
    }

    void nsswitch() {
        if (!options_.nss || out_.plan.find("/etc/authselect/nsswitch.conf") != nullptr) {
            return;
        }
        const Result<std::string> at = tree_.follow("/etc/nsswitch.conf");
        const Result<std::string> text = tree_.read("/etc/nsswitch.conf");
        if (!at.ok() || !text.ok()) {
            return;  // no name service configuration: nothing to add to
        }
        const std::string changed = add_to_nsswitch(*text);
        if (changed != *text) {
            out_.plan.add_file(*at, changed, Phase::Switch,
                               "accounts and aliases that piv-accounts compiles");
            keep_mode(out_.plan.entries.back());
        }
    }

    void card_stack() {
        if (!options_.pcscd) {
            return;
        }
        for (Problem& w : plan_card_stack(tree_, is_debian_like(out_.profile), out_.plan)) {
            out_.warnings.push_back(std::move(w));
        }
    }

    [[nodiscard]] OverlayTree future() const {
        OverlayTree tree(tree_);
        for (const PlanEntry& entry : out_.plan.entries) {
            if (entry.kind == NodeKind::Link) {
                tree.put_link(entry.path, entry.target);
            } else {
                tree.put_file(entry.path, entry.content, entry.mode);
            }
        }
        return tree;
    }

    // The services whose stack asks our module, found in the tree as it will be.
    void services() {
        const OverlayTree tree = future();
        const Result<std::vector<std::string>> all = pam_services(tree);
        if (!all) {
            problem(all.error());
            return;
        }
        std::set<std::string> covered;
        for (const std::string& name : *all) {
            const Result<PamStack> stack = load_pam_stack(tree, name, PamType::Auth);
            if (stack.ok() && stack->uses("pam_piv.so")) {
                covered.insert(name);
            }
        }
        if (!options_.services.empty()) {
            out_.services = options_.services;
            for (const std::string& name : options_.services) {
                if (covered.count(name) == 0) {
                    warning("service " + name +
                                ": no PAM stack of that name in this tree asks the card",
                            "check the name; what is covered: piv-image prove --root DIR");
                }
            }
            return;
        }
        for (const std::string& name : covered) {
            if (at_a_reader(name)) {
                out_.services.push_back(name);
            }
        }
    }

    void configuration() {
        const std::string path = PIV_SYSCONFDIR "/piv-login.conf";
        const std::string text = config_text(options_, out_.services);
        const Result<std::string> present = tree_.read(path);
        if (present.ok() && has_settings(*present)) {
            out_.plan.add_file(
                PIV_SYSCONFDIR "/piv-login.conf.d/50-enable-smartcard.conf", text, Phase::Inert,
                "the options of this run; " + path + " has settings of its own and is left alone");
            out_.plan.notes.push_back(path +
                                      " has settings of its own: the options of this run "
                                      "went into piv-login.conf.d/50-enable-smartcard.conf");
            return;
        }
        out_.plan.add_file(path, text, Phase::Inert, "the options of this run");
    }

    static bool has_settings(const std::string& text) {
        std::size_t at = 0;
        while (at < text.size()) {
            const std::size_t lf = std::min(text.find('\n', at), text.size());
            const std::string line = text.substr(at, lf - at);
            const std::size_t first = line.find_first_not_of(" \t\r");
            if (first != std::string::npos && line[first] != '#' && line[first] != ';' &&
                line[first] != '[') {
                return true;
            }
            at = lf + 1;
        }
        return false;
    }

    void prove() {
        if (!out_.problems.empty()) {
            return;
        }
        PamProofSettings settings;
        settings.required = options_.required;
        settings.break_glass = options_.break_glass;
        settings.services = out_.services;
        settings.before = &tree_;
        Result<PamProof> proof = prove_pam(future(), settings);
        if (!proof) {
            problem(proof.error());
            return;
        }
        out_.proof = std::move(*proof);
        for (const std::string& what : out_.proof.problems) {
            problem("PAM: " + what, "the staging is not safe for this tree: see piv-image prove");
        }
        if (!out_.proof.strangers.empty()) {
            std::string names;
            for (const std::string& name : out_.proof.strangers) {
                names += (names.empty() ? "" : ", ") + name;
            }
            warning(
                "PAM modules that are not known here: " + names,
                "make sure that none of them lets anybody in by itself; the proof of the stacks "
                "takes it so");
        }
        removal_of_the_card();
        if (out_.proof.covered.empty()) {
            warning("no login service in this tree asks the card",
                    "install the programs that people log in with, then run this again");
        }
    }

    // Which sessions are watched, of those that a person opens at a reader.
    void removal_of_the_card() {
        if (options_.on_card_removal.empty()) {
            return;
        }
        const auto here = [this](const std::vector<std::string>& names) {
            std::string out;
            for (const std::string& name : names) {
                if (std::find(out_.services.begin(), out_.services.end(), name) !=
                    out_.services.end()) {
                    out += (out.empty() ? "" : ", ") + name;
                }
            }
            return out;
        };
        const std::string watched = here(out_.proof.watched);
        const std::string unwatched = here(out_.proof.unwatched);
        if (watched.empty()) {
            warning(
                "--on-card-removal: no session stack has pam_systemd.so before pam_piv.so, so "
                "no session is watched",
                "install the distribution's package of pam_systemd, then run this again");
        } else {
            out_.plan.notes.push_back("the removal of the card is noticed in sessions of: " +
                                      watched);
        }
        if (!watched.empty() && !unwatched.empty()) {
            out_.plan.notes.push_back(
                "it is not in sessions of these, whose stacks have no pam_systemd.so before "
                "pam_piv.so: " +
                unwatched);
        }
        if (options_.on_card_removal == "lock" &&
            (", " + watched + ",").find(", login,") != std::string::npos) {
            out_.plan.notes.emplace_back(
                "a text console has no screen that could be locked: for one, set "
                "session.on_card_removal = logout in [service login] of a drop-in");
        }
        if (!tree_.exists(PIV_LIBEXECDIR "/piv-login-watch")) {
            warning("--on-card-removal: " PIV_LIBEXECDIR "/piv-login-watch is not in the tree",
                    "install the package piv-login, built with libsystemd, into the image");
        }
    }

    const Tree& tree_;
    const StageOptions& options_;
    const StagedFiles& staged_;
    std::vector<LintedCa> chain_;  // anchors first
    StageOutcome out_;
};

}  // namespace

std::string trust_file_name(const Certificate& certificate) {
    // The most telling part of the subject, in letters that every file system and shell takes.
    const std::string subject = certificate.subject();
    std::string name;
    const std::size_t cn = subject.find("CN=");
    const std::size_t from = cn == std::string::npos ? 0 : cn + 3;
    for (std::size_t i = from; i < subject.size() && name.size() < 48; ++i) {
        const char c = subject[i];
        if (c == ',' && cn != std::string::npos) {
            break;
        }
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain) {
            name += c;
        } else if (!name.empty() && name.back() != '-') {
            name += '-';
        }
    }
    while (!name.empty() && name.back() == '-') {
        name.pop_back();
    }
    return (name.empty() ? "ca" : name) + "-" + certificate.sha256_hex().substr(0, 16) + ".pem";
}

StageOutcome plan_stage(const Tree& tree, const StageOptions& options, const StagedFiles& staged) {
    return Planner(tree, options, staged).run();
}

}  // namespace piv
