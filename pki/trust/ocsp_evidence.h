// What the OCSP answers on this machine say about the CA chain: which issuers they are about, who
// signed them, until when they count, and when the last one came.
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

struct OcspEvidence {
    std::vector<StagedAnswer> answers;    // staged into the image
    std::vector<Certificate> responders;  // delegated signers of cached answers, each once
    UnixTime last_success = 0;            // when the newest cached answer was stored; 0: none
};

/// Reads what is there, unverified; what cannot be read is no evidence.
OcspEvidence ocsp_evidence(const TrustInventory& inventory);

/// SHA-1 of the public key's bits, hex, as in a CertID (RFC 6960 section 4.1.1).
std::string issuer_key_sha1(const Certificate& certificate);

}  // namespace piv
