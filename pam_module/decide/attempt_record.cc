#include "pam_module/decide/attempt_record.h"

#include <algorithm>

namespace piv {

std::string_view to_text(StepName step) noexcept {
    switch (step) {
        case StepName::Reader:
            return "reader";
        case StepName::Card:
            return "card";
        case StepName::Certificate:
            return "certificate";
        case StepName::Path:
            return "path";
        case StepName::Revocation:
            return "revocation";
        case StepName::Mapping:
            return "mapping";
        case StepName::Possession:
            return "possession";
        case StepName::Pam:
            break;
    }
    return "pam";
}

std::string_view to_text(StepResult result) noexcept {
    switch (result) {
        case StepResult::Pass:
            return "pass";
        case StepResult::Skip:
            return "skip";
        case StepResult::Fail:
            break;
    }
    return "fail";
}

void AttemptRecord::pass(StepName step, std::string detail) {
    steps.push_back({step, StepResult::Pass, "ok", std::move(detail), {}});
}

void AttemptRecord::fail(StepName step, const Error& error) {
    const ErrorInfo& row = info(error.code);
    steps.push_back(
        {step, StepResult::Fail, std::string(row.name), error.detail, std::string(row.hint)});
}

void AttemptRecord::skip(StepName step, std::string detail) {
    steps.push_back({step, StepResult::Skip, "skipped", std::move(detail), {}});
}

void AttemptRecord::add_time(std::string_view stage, std::int64_t ms) {
    const auto known = std::find_if(times.begin(), times.end(),
                                    [&](const StageTime& t) { return t.stage == stage; });
    if (known != times.end()) {
        known->ms += ms;
    } else {
        times.push_back({std::string(stage), ms});
    }
}

StageTimer::StageTimer(AttemptRecord& record, std::string_view stage) noexcept
    : record_(record), stage_(stage), begun_(monotonic_ms()) {}

StageTimer::~StageTimer() {
    record_.add_time(stage_, monotonic_ms() - begun_);
}

}  // namespace piv
