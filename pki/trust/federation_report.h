// What `piv-trust federation` says about an identity provider's token-signing certificates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/config/settings.h"
#include "pki/trust/federation_metadata.h"
#include "pki/trust/trust_report.h"

namespace piv {

struct FederationRow {
    std::string use;  // primary, secondary
    std::string subject;
    std::string sha256;
    UnixTime not_before = 0;
    UnixTime not_after = 0;
    long long days_left = 0;
    std::string promoted_about;                // of a secondary: when AD FS makes it primary
    std::optional<bool> relying_party_has_it;  // when a copy was given
};

struct FederationReport {
    std::string entity_id;
    std::vector<FederationRow> rows;
    std::vector<TrustProblem> problems;
    std::string update_command;  // when the relying party lacks one
};

struct FederationInput {
    const FederationMetadata& provider;
    const FederationMetadata* relying_party = nullptr;
    std::string source;             // file or https URL, for the command
    std::string saml_provider_arn;  // for the command; empty: a placeholder
    std::string last_primary;       // SHA-256 that an earlier run saw, or empty
};
/// Pure.
FederationReport report_federation(const FederationInput& input, const Settings::Rollover& limits,
                                   UnixTime now);

}  // namespace piv
