#include "pam_module/check/check_report.h"

#include <algorithm>
#include <cstdio>

#include "pam_module/decide/record_json.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

constexpr char kTool[] = "piv-check";

bool is_no(AuthOutcome outcome) noexcept {
    return outcome == AuthOutcome::Denied || outcome == AuthOutcome::MaxTries ||
           outcome == AuthOutcome::CredInsufficient || outcome == AuthOutcome::UserUnknown;
}

void print_json_report(const CheckResult& result) {
    const AttemptRecord& record = result.record;
    nlohmann::ordered_json out;
    out["decision"] = decision_text(result);
    out["code"] = result.error ? info(result.error->code).name : std::string_view("ok");
    out["user"] = record.user;
    out["steps"] = steps_json(record);
    out["certificate"] = record.certificate ? certificate_json(*record.certificate)
                                            : nlohmann::ordered_json(nullptr);
    out["path"] = record.path_sha256;
    out["elapsed_ms"] = elapsed_json(record);
    out["revocation"] = revocation_json(record);
    out["rule"] = record.rule;
    out["reader"] = record.reader;
    out["card"] = record.card_id;
    if (result.error) {
        out["detail"] = result.error->detail;
        out["hint"] = info(result.error->code).hint;
    }
    print_json(out);
}

void print_lines(const CheckResult& result) {
    std::vector<Step> steps = result.record.steps;
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step& a, const Step& b) { return a.name < b.name; });
    for (const Step& step : steps) {
        const std::string name(to_text(step.name));
        const std::string verdict = step.result == StepResult::Pass   ? "ok"
                                    : step.result == StepResult::Fail ? "FAIL"
                                                                      : "-";
        std::string text = step.result == StepResult::Fail ? step.code : "";
        if (!step.detail.empty()) {
            text += (text.empty() ? "" : ": ") + step.detail;
        }
        std::printf("%-12s %-4s  %s\n", name.c_str(), verdict.c_str(),
                    escape_for_display(text, 2000).c_str());
    }
    if (!result.error) {
        const std::string& user = result.record.user;
        std::printf("accept%s%s\n", user.empty() ? "" : ": as ",
                    escape_for_display(user, 256).c_str());
        return;
    }
    std::printf("%s: %s\n", std::string(decision_text(result)).c_str(),
                std::string(info(result.error->code).name).c_str());
}

}  // namespace

std::string_view decision_text(const CheckResult& result) noexcept {
    if (!result.error) {
        return "accept";
    }
    return is_no(info(result.error->code).outcome) ? "reject" : "unavailable";
}

int decision_status(const CheckResult& result) noexcept {
    if (!result.error) {
        return static_cast<int>(ExitStatus::Yes);
    }
    if (is_no(info(result.error->code).outcome)) {
        return static_cast<int>(ExitStatus::No);
    }
    const int status = exit_status(*result.error);
    return status >= static_cast<int>(ExitStatus::Usage) ? status
                                                         : static_cast<int>(ExitStatus::CannotTell);
}

int report_check(const CheckResult& result, bool json) {
    if (json) {
        print_json_report(result);
    } else {
        print_lines(result);
    }
    if (result.error) {
        report_problem(kTool, *result.error);
    }
    return decision_status(result);
}

int report_failure(const Error& error, bool json) {
    CheckResult result;
    result.error = error;
    if (json) {
        print_json_report(result);
    }
    report_problem(kTool, error);
    // Whatever the code means for a login: here it is the question that failed.
    const int status = exit_status(error);
    return status == static_cast<int>(ExitStatus::Yes) || status == static_cast<int>(ExitStatus::No)
               ? static_cast<int>(ExitStatus::BadData)
               : status;
}

}  // namespace piv
