// Changes to the chain. Each takes an inventory and gives the one it should become; nothing is
// written here.
#pragma once

#include <string>
#include <vector>

#include "pki/trust/trust_dependents.h"

namespace piv {

struct Change {
    TrustInventory after;
    std::vector<std::string> done;  // one sentence each; empty: nothing changes
};

struct AddOptions {
    std::optional<TrustState> state;  // default: next beside others, active as the first
    std::string succeeds;             // id of the one it replaces; default: one of the same subject
};
/// Errors: TrustRefused (no CA, expired, weak, no issuer installed), TrustIdUnknown.
Result<Change> add_certificates(const TrustInventory& before,
                                const std::vector<Certificate>& certificates,
                                const AddOptions& options, UnixTime now);
/// Next to active. Error: TrustRefused (not valid at `now`, or not next).
Result<Change> promote(const TrustInventory& before, const std::string& id, UnixTime now);
/// Retired: still validates, is no longer counted on. Errors: TrustNeeded (unless `force`).
Result<Change> retire(const TrustInventory& before, const std::string& id,
                      const TrustEvidence& evidence, UnixTime now, bool force);
/// Errors: TrustNeeded (the last anchor, or something depends on it; unless `force`).
Result<Change> remove_entry(const TrustInventory& before, const std::string& id,
                            const TrustEvidence& evidence, UnixTime now, bool force);
/// What the timer does: promotes `next` certificates that have been there for promotion_threshold
/// days; retires predecessors that nothing is known to need, and ended ones that have a successor.
Change roll_over(const TrustInventory& before, const TrustEvidence& evidence, UnixTime now);

}  // namespace piv
