// What piv-image and enable-smartcard print, for people and as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "image_builder/apply.h"
#include "image_builder/stage_plan.h"

namespace piv {

using Json = nlohmann::ordered_json;

Json problem_json(const Problem& problem);
Json certificate_json(const Certificate& certificate);
Json proof_json(const PamProof& proof);
/// One block per certificate, for `piv-image inspect`.
std::string describe(const Certificate& certificate, const std::string& indent);
/// The truth table, for `piv-image prove`.
std::string describe(const PamProof& proof);
std::string role_of(const Certificate& certificate);
void print_problem(const std::string& tool, const Problem& problem);
void print_warning(const std::string& tool, const Problem& problem);
/// The exit status of a run that ended with these problems.
int exit_status(const std::vector<Problem>& problems);

}  // namespace piv
