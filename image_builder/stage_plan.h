// From options, certificates and a tree to a StagePlan, or to the list of what is wrong.
#pragma once

#include "image_builder/ca_lint.h"
#include "image_builder/pam_stack.h"
#include "image_builder/plan.h"
#include "image_builder/stage_options.h"

namespace piv {

struct StageOutcome {
    StagePlan plan;
    ImageProfile profile = ImageProfile::Al2;
    std::vector<Problem> problems;  // not empty: nothing may be written
    std::vector<Problem> warnings;
    PamProof proof;
    std::vector<std::string> services;  // that the configuration names
};

/// `tree` is the image as it was before staging. Reads the option's files; writes nothing.
StageOutcome plan_stage(const Tree& tree, const StageOptions& options);

/// Name of an installed certificate's file, from its subject and SHA-256.
std::string trust_file_name(const Certificate& certificate);

}  // namespace piv
