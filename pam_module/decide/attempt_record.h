// What happened in one attempt, step by step: for piv-check, the journal and `piv-check --why`.
// It is written by the steps and read by nobody who decides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ocsp_client/revocation.h"

namespace piv {

enum class StepName { Reader, Card, Certificate, Path, Revocation, Mapping, Possession, Pam };
enum class StepResult { Fail, Pass, Skip };

std::string_view to_text(StepName step) noexcept;
std::string_view to_text(StepResult result) noexcept;

struct Step {
    StepName name = StepName::Pam;
    StepResult result = StepResult::Fail;
    std::string code;    // ErrorInfo::name when it failed, else "ok" or "skipped"
    std::string detail;  // may hold text from cards and certificates: escape it to show it
    std::string hint;    // for the administrator
};

struct StageTime {
    std::string stage;
    std::int64_t ms = 0;
};

struct AttemptRecord {
    std::vector<Step> steps;
    std::vector<StageTime> times;
    std::string reader;
    std::string card_id;
    std::optional<Certificate> certificate;
    std::vector<std::string> path_sha256;
    std::string anchor;  // its subject
    std::string user;    // of the binding
    std::string rule;    // that gave it
    std::vector<RevocationVerdict> verdicts;
    bool soft = false;
    unsigned card_commands = 0;

    void pass(StepName step, std::string detail);
    void fail(StepName step, const Error& error);
    void skip(StepName step, std::string detail);
    /// Adds to the time of `stage`.
    void add_time(std::string_view stage, std::int64_t ms);
};

/// Adds the time of its life to a stage.
class StageTimer {
  public:
    StageTimer(AttemptRecord& record, std::string_view stage) noexcept;
    ~StageTimer();
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;

  private:
    AttemptRecord& record_;
    std::string_view stage_;
    std::int64_t begun_;
};

}  // namespace piv
