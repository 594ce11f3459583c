// From options, certificates and a tree to a StagePlan, or to the list of what is wrong.
#pragma once

#include "image_builder/ca_lint.h"
#include "image_builder/nss_database.h"
#include "image_builder/pam_stack.h"
#include "image_builder/plan.h"
#include "image_builder/stage_options.h"

namespace piv {

// Where the chain goes.
inline constexpr char kAnchors[] = PIV_SYSCONFDIR "/trust/anchors/";
inline constexpr char kIntermediates[] = PIV_SYSCONFDIR "/trust/intermediates/";

struct StageOutcome {
    StagePlan plan;
    ImageProfile profile = ImageProfile::Al2;
    std::vector<Problem> problems;  // not empty: nothing may be written
    std::vector<Problem> warnings;
    PamProof proof;
    std::vector<std::string> services;  // that the configuration names
};

/// `tree` is the image as it was before staging; `staged`: what is staged of the files whose bytes are
/// not the same each time. Reads the option's files; writes nothing.
StageOutcome plan_stage(const Tree& tree, const StageOptions& options, const StagedFiles& staged);

/// Name of an installed certificate's file, from its subject and SHA-256.
std::string trust_file_name(const Certificate& certificate);

}  // namespace piv
