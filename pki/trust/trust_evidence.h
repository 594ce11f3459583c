// Who needs which CA: certificates of cards that logged in here, lines of the account map that name
// an issuer, and OCSP answers that are staged.
#pragma once

#include <string>
#include <vector>

#include "pki/trust/trust_inventory.h"

namespace piv {

struct StagedAnswer {
    std::string file;
    std::vector<Certificate> responders;       // delegated signers inside
    std::vector<std::string> issuer_key_sha1;  // of the CertIDs, hex; only SHA-1 ones
    UnixTime next_update = 0;                  // the earliest; 0: none given
};

struct TrustEvidence {
    std::vector<Certificate> cards;        // of cards that were seen or mapped, unverified
    std::vector<std::string> map_issuers;  // issuers that issuer-serial lines name, RFC 4514
    std::vector<StagedAnswer> answers;
};

/// Reads what is there; what cannot be read is no evidence.
TrustEvidence collect_evidence(const TrustInventory& inventory);

/// Sentences on what would no longer work without the entry at `index`, at time `now`, if only the
/// entries for which `keep` holds stay. Empty: nothing is known to need it.
std::vector<std::string> dependents_of(const TrustInventory& inventory, std::size_t index,
                                       const TrustEvidence& evidence, UnixTime now,
                                       bool (*keep)(const TrustEntry&));
bool keep_all(const TrustEntry& entry);
bool keep_unless_retired(const TrustEntry& entry);

/// Entries with the subject of `entries[index]`, or that name it as the one they succeed, of the same
/// role, ending later, and not retired.
std::vector<std::size_t> successors_of(const TrustInventory& inventory, std::size_t index);

}  // namespace piv
