// Revocation answers that are put into an image: judged before they are, as a login would judge them.
#pragma once

#include "image_builder/ca_lint.h"
#include "image_builder/plan.h"

namespace piv {

struct StagedAnswerFiles {
    std::vector<std::string> ocsp_responses;  // files
    std::vector<std::string> crls;            // files
    UnixTime now = 0;
};

/// Refused: unreadable; no OCSP response or CRL; about a CA that is not in `chain`; a signature that
/// is not that CA's or its delegate's (RFC 6960 section 4.2.2.2, RFC 5280 section 6.3.3); not yet
/// valid, or past its nextUpdate (without one, a day after thisUpdate). A note in the plan says which
/// answer ends first.
Findings plan_staged_answers(const std::vector<Certificate>& chain, const StagedAnswerFiles& files,
                             StagePlan& plan);

}  // namespace piv
