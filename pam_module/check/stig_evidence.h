// What a system has to show for each STIG topic: file, line, and whether it is enough.
#pragma once

#include <string>

#include "pam_module/check/check_run.h"
#include "pam_module/check/stig_rules.h"
#include "pki/config/settings.h"

namespace piv {

enum class StigVerdict { Met, NotMet, ByHand, NotApplicable };

struct StigEvidence {
    StigVerdict verdict = StigVerdict::NotMet;
    std::string where;  // "file:line" or a file, as the system itself would name it
    std::string what;
    std::string fix;
};

struct StigSystem {
    std::string root;  // empty: this system
    std::string config;
    Settings settings;
    std::size_t usable_anchors = 0;
};

StigEvidence stig_evidence(StigTopic topic, const StigSystem& system);

}  // namespace piv
