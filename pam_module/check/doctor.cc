#include "pam_module/check/doctor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>

#include "pam_module/check/check_run.h"
#include "pam_module/check/pam_files.h"
#include "pam_module/check/removal_check.h"
#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"
#include "pki/config/rooted_file.h"

namespace piv {

namespace {

using Json = nlohmann::ordered_json;

enum class Rank { Fail = 0, Warn = 1, Ok = 2 };

struct Finding {
    Rank rank = Rank::Fail;
    std::string area;
    std::string what;
    std::string fix;
    std::string plain;  // the same without any name, for a report; empty: the report has no words
};

const char* to_text(Rank rank) noexcept {
    switch (rank) {
        case Rank::Ok:
            return "ok";
        case Rank::Warn:
            return "warn";
        case Rank::Fail:
            break;
    }
    return "FAIL";
}

class Doctor {
  public:
    Doctor(const CheckOptions& options, UnixTime now) : options_(options), now_(now) {}
    void examine();
    [[nodiscard]] std::vector<Finding>& findings() { return findings_; }

  private:
    // Words of this program: they name nobody.
    void add(Rank rank, const char* area, const std::string& what, std::string fix = {}) {
        add_named(rank, area, what, what, std::move(fix));
    }
    // Words with names, numbers or file contents in them, and the same without.
    void add_named(Rank rank, const char* area, std::string what, std::string plain,
                   std::string fix = {}) {
        findings_.push_back({rank, area, std::move(what), std::move(fix), std::move(plain)});
    }
    void add(const char* area, const Error& error) {
        const ErrorInfo& row = info(error.code);
        add_named(Rank::Fail, area,
                  std::string(row.name) + (error.detail.empty() ? "" : ": " + error.detail),
                  std::string(row.name), std::string(row.hint));
    }
    void add(const Step& step, const char* area, std::string fix);
    void program(const char* area, const std::string& path);
    void programs();
    void clock();
    void authorities(const TrustStore& store);
    void pcsc();
    void names();
    void stacks();
    void card(CheckSetup& setup);
    void card_removal(const LoginPolicy& policy);
    void domain_controller();

    const CheckOptions& options_;
    UnixTime now_;
    std::vector<Finding> findings_;
};

// Root's, and nobody else may write it.
void Doctor::program(const char* area, const std::string& path) {
    struct stat st {};
    const std::string file = options_.root + path;
    if (stat(file.c_str(), &st) != 0) {
        const std::string why = std::string(": ") + std::strerror(errno);
        add_named(Rank::Fail, area, file + why, path + why, "install the package again");
    } else if (st.st_uid != 0 || (st.st_mode & 022U) != 0) {
        const std::string why = ": does not belong to root alone";
        add_named(Rank::Fail, area, file + why, path + why,
                  "chown root:root " + path + "; chmod go-w " + path);
    } else {
        add_named(Rank::Ok, area, file, path);
    }
}

void Doctor::programs() {
    program("module", PIV_PAMDIR "/pam_piv.so");
    program("module", PIV_LIBEXECDIR "/piv-login-helper");
    program("module", PIV_BINDIR "/piv-ocsp");
    program("module", PIV_NSSDIR "/libnss_piv.so.2");
    const Result<Bytes> users = read_followed(options_.root, "/etc/passwd", 16U << 20U);
    const bool there =
        users &&
        ("\n" + std::string(ByteView(*users).text())).find("\npiv-login:") != std::string::npos;
    if (there) {
        add(Rank::Ok, "user", "system user piv-login");
    } else {
        add(Rank::Warn, "user", "no system user piv-login: card code runs as nobody",
            "systemd-sysusers");
    }
}

void Doctor::clock() {
    constexpr int kFirstYear = 2024;
    constexpr int kLastYear = 2100;
    if (now_ < from_civil(kFirstYear, 1, 1, 0, 0, 0) ||
        now_ > from_civil(kLastYear, 1, 1, 0, 0, 0)) {
        add(Rank::Fail, "clock", "it is " + format_time(now_),
            "set the clock; enable chronyd or systemd-timesyncd");
    } else {
        add(Rank::Ok, "clock", format_time(now_));
    }
}

void Doctor::authorities(const TrustStore& store) {
    constexpr std::int64_t kDay = 86400;
    constexpr std::int64_t kSoonDays = 90;
    for (const TrustStore::Candidate& ca : store.all()) {
        const std::int64_t days = (ca.certificate.not_after() - now_) / kDay;
        const std::string role = ca.anchor ? "root" : "intermediate";
        const std::string name = role + " " + ca.certificate.subject();
        std::string state = ": " + std::to_string(days) + " days left";
        std::string fix = days < kSoonDays ? "piv-trust add FILE with its successor" : "";
        Rank rank = days < kSoonDays ? Rank::Warn : Rank::Ok;
        if (ca.certificate.not_after() < now_) {
            rank = Rank::Fail;
            state = ": ended " + format_time(ca.certificate.not_after());
        } else if (ca.certificate.not_before() > now_) {
            rank = Rank::Fail;
            state = ": begins " + format_time(ca.certificate.not_before());
            fix = "check the clock of this machine";
        }
        add_named(rank, "trust", name + state, role + state, fix);
    }
}

void Doctor::pcsc() {
    struct stat st {};
    if (stat("/run/pcscd/pcscd.comm", &st) != 0) {
        add(Rank::Fail, "pcscd", "its socket /run/pcscd/pcscd.comm is not there",
            "systemctl enable --now pcscd.socket");
        return;
    }
    add(Rank::Ok, "pcscd", "its socket is there");
    const bool polkit =
        access("/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy", F_OK) == 0;
    const bool rule = access("/usr/share/polkit-1/rules.d/50-piv-login.rules", F_OK) == 0 ||
                      access("/etc/polkit-1/rules.d/50-piv-login.rules", F_OK) == 0;
    if (polkit && !rule) {
        add(Rank::Warn, "polkit", "pcscd may ask polkit, and there is no rule for piv-login",
            "install the package again: it brings 50-piv-login.rules");
    } else if (polkit) {
        add(Rank::Ok, "polkit", "a rule lets piv-login use the reader");
    }
}

void Doctor::names() {
    const Result<Bytes> file = read_followed(options_.root, "/etc/nsswitch.conf", 1U << 20U);
    if (!file) {
        add_named(Rank::Warn, "nss", file.error().detail, std::string(info(file.code()).name),
                  "passwd: files piv");
        return;
    }
    const std::string text = "\n" + std::string(ByteView(*file).text());
    const std::size_t line = text.find("\npasswd:");
    const std::string passwd = line == std::string::npos
                                   ? ""
                                   : text.substr(line + 1, text.find('\n', line + 1) - line - 1);
    const bool served = (passwd + " ").find(" piv ") != std::string::npos;
    if (served) {
        add_named(Rank::Ok, "nss", passwd, "passwd in nsswitch.conf names piv");
    } else {
        add(Rank::Warn, "nss", "passwd in nsswitch.conf does not name piv",
            "needed for card-only accounts and for names like user@domain: enable-smartcard");
    }
}

void Doctor::stacks() {
    const std::vector<PamLine> lines = pam_lines(options_.root);
    if (lines.empty()) {
        add_named(Rank::Fail, "pam", "no file in " + options_.root + "/etc/pam.d names pam_piv.so",
                  "no file in /etc/pam.d names pam_piv.so",
                  "enable-smartcard --ca-cert root.cer int.cer");
    }
    for (const PamLine& line : lines) {
        const std::string problem = problem_of(line);
        const std::string place = line.file + ":" + std::to_string(line.number) + ": ";
        const std::string good = line.type + " " + line.control;
        add_named(problem.empty() ? Rank::Ok : Rank::Fail, "pam",
                  place + (problem.empty() ? good : problem),
                  place + (problem.empty() ? good : "is wrong"),
                  problem.empty() ? "" : "correct the line; see pam_piv(8)");
    }
}

void Doctor::card_removal(const LoginPolicy& policy) {
    const std::vector<RemovalFinding> found = check_removal(options_, policy);
    for (const RemovalFinding& one : found) {
        const Rank rank = one.kind == RemovalFinding::Kind::Good       ? Rank::Ok
                          : one.kind == RemovalFinding::Kind::Doubtful ? Rank::Warn
                                                                       : Rank::Fail;
        add_named(rank, "session", one.what, one.plain, one.fix);
    }
    if (!found.empty()) {
        program("session", PIV_LIBEXECDIR "/piv-login-watch");
    }
}

void Doctor::card(CheckSetup& setup) {
    CheckOptions options = options_;
    options.pin_from_stdin = false;
    const CheckResult result = check_card(options, setup);
    for (const Step& step : result.record.steps) {
        if (step.result != StepResult::Skip) {
            add(step, std::string(to_text(step.name)).c_str(), step.hint);
        }
    }
}

// What a card or certificate says of itself names people: a report has the code alone.
void Doctor::add(const Step& step, const char* area, std::string fix) {
    const bool failed = step.result == StepResult::Fail;
    add_named(failed ? Rank::Fail : Rank::Ok, area, (failed ? step.code + ": " : "") + step.detail,
              step.code, std::move(fix));
}

// What PKINIT asks of a KDC's certificate (RFC 4556 section 3.2.4), with the installed chain.
void Doctor::domain_controller() {
    CheckOptions options = options_;
    options.certificate = options_.kdc;
    options.purpose = "kdc";
    options.user.clear();
    options.service.clear();
    Result<CheckSetup> setup = prepare_check(options, now_);
    if (!setup) {
        return;  // said under "configuration"
    }
    const CheckResult result = check_certificate(options, *setup);
    for (const Step& step : result.record.steps) {
        if (step.result == StepResult::Skip || step.name == StepName::Mapping) {
            continue;
        }
        const bool wrong_use = step.code == info(ErrorCode::EkuWrong).name;
        add(step, "kdc",
            wrong_use ? "give the domain controller a certificate from the template \"Kerberos "
                        "Authentication\" (id-pkinit-KPKdc, 1.3.6.1.5.2.3.5)"
                      : step.hint);
    }
}

void Doctor::examine() {
    clock();
    programs();
    stacks();
    names();
    Result<CheckSetup> setup = prepare_check(options_, now_);
    if (!setup) {
        add("configuration", setup.error());
    } else {
        add(Rank::Ok, "configuration", "can be used");
        authorities(setup->store);
        card_removal(setup->policy);
        if (setup->policy.mapping.domains.empty() && setup->policy.mapping.accounts_file.empty()) {
            add(Rank::Fail, "mapping", "neither mapping.domain nor an account map",
                "set mapping.domain, or piv-accounts add");
        }
    }
    if (!options_.kdc.empty()) {
        domain_controller();
    }
    if (options_.root.empty()) {
        pcsc();
        if (setup) {
            card(*setup);
        }
    }
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.rank < b.rank; });
}

Json findings_json(const std::vector<Finding>& findings, bool redacted) {
    Json out = Json::array();
    for (const Finding& finding : findings) {
        out.push_back({{"result", to_text(finding.rank)},
                       {"area", finding.area},
                       {"what", redacted ? finding.plain : finding.what},
                       {"fix", finding.fix}});
    }
    return out;
}

// The worst first, and of those what others follow from.
void print_findings(const std::vector<Finding>& findings) {
    const auto count = [&findings](Rank rank) {
        return std::count_if(findings.begin(), findings.end(),
                             [rank](const Finding& f) { return f.rank == rank; });
    };
    for (const Finding& finding : findings) {
        std::printf("%-4s  %-13s %s\n", to_text(finding.rank), finding.area.c_str(),
                    escape_for_display(finding.what, 2000).c_str());
        if (!finding.fix.empty()) {
            std::printf("                    try: %s\n",
                        escape_for_display(finding.fix, 2000).c_str());
        }
    }
    std::printf(
        "%ld to put right%s, %ld to look at, %ld good\n", static_cast<long>(count(Rank::Fail)),
        count(Rank::Fail) > 1 ? " (from the top: later ones may follow from earlier ones)" : "",
        static_cast<long>(count(Rank::Warn)), static_cast<long>(count(Rank::Ok)));
}

}  // namespace

int run_doctor(const CheckOptions& options, UnixTime now) {
    Doctor doctor(options, now);
    doctor.examine();
    const std::vector<Finding>& findings = doctor.findings();
    const bool ill = std::any_of(findings.begin(), findings.end(),
                                 [](const Finding& f) { return f.rank == Rank::Fail; });
    if (!options.report.empty()) {
        const Json report{{"version", PIV_VERSION},
                          {"time", format_time(now)},
                          {"redacted", !options.report_names},
                          {"findings", findings_json(findings, !options.report_names)}};
        const std::string text = report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
        const Status written =
            write_file_atomically(options.report, ByteView(std::string_view(text)), 0600);
        if (!written) {
            return report_failure(written.error(), options.json);
        }
    }
    if (options.json) {
        print_json({{"healthy", !ill}, {"findings", findings_json(findings, false)}});
    } else {
        print_findings(findings);
    }
    return static_cast<int>(ill ? ExitStatus::No : ExitStatus::Yes);
}

}  // namespace piv
