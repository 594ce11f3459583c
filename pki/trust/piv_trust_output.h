// What the commands of piv-trust print.
#pragma once

#include <string>

#include "pki/cli/json_output.h"
#include "pki/trust/piv_trust_options.h"
#include "pki/trust/trust_changes.h"
#include "pki/trust/trust_report.h"

namespace piv {

nlohmann::ordered_json to_json(const TrustProblem& problem);
nlohmann::ordered_json to_json(const TrustReport& report);

/// Every row with its line of time.
void print_rows(const TrustReport& report, UnixTime now);
void print_problems(const TrustReport& report);

/// One sentence for each thing that was done, or with --dry-run would be.
void print_done(const TrustOptions& options, const Change& change);

/// Writes the change, logs it when it was forced, and says what was done. The exit status.
int finish(const TrustOptions& options, const TrustInventory& before, const Change& change);
int finish(const TrustOptions& options, const TrustInventory& before, const Result<Change>& change);

}  // namespace piv
