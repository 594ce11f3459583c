// An attempt's record as the JSON of the contract, for piv-check and for the file of attempts.
#pragma once

#include <nlohmann/json.hpp>

#include "pam_module/decide/attempt_record.h"

namespace piv {

/// `{"subject":..,"issuer":..,"serial":..,"not_before":..,"not_after":..,"sha256":..,"upn":..,
/// "key":..,"eku":[..],"policies":[..]}`.
nlohmann::ordered_json certificate_json(const Certificate& certificate);
/// The steps in the contract's order.
nlohmann::ordered_json steps_json(const AttemptRecord& record);
nlohmann::ordered_json elapsed_json(const AttemptRecord& record);
nlohmann::ordered_json revocation_json(const AttemptRecord& record);
/// Text of any origin as JSON text: what is not UTF-8 becomes U+FFFD.
std::string dump_json(const nlohmann::ordered_json& document, int indent = -1);

std::string_view to_text(RevocationState state) noexcept;

}  // namespace piv
