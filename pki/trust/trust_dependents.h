// What would no longer work without a CA.
#pragma once

#include <string>
#include <vector>

#include "pki/trust/trust_evidence.h"

namespace piv {

bool keep_all(const TrustEntry& entry);
bool keep_unless_retired(const TrustEntry& entry);

/// Sentences on what works with the entries for which `keep` holds and the one at `index`, at time
/// `now`, and would not without it. Empty: nothing is known to need it.
std::vector<std::string> dependents_of(const TrustInventory& inventory, std::size_t index,
                                       const TrustEvidence& evidence, UnixTime now,
                                       bool (*keep)(const TrustEntry&));

/// Entries with the subject of `entries[index]`, or that name it as the one they succeed, of the same
/// role, ending later, and not retired.
std::vector<std::size_t> successors_of(const TrustInventory& inventory, std::size_t index);

}  // namespace piv
