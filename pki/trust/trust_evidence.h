// Who needs which CA: certificates of cards that logged in here, people who logged in, lines of the
// account map that name an issuer, OCSP answers that are staged, and Kerberos.
#pragma once

#include <string>
#include <vector>

#include "pki/trust/kerberos_evidence.h"
#include "pki/trust/ocsp_evidence.h"
#include "pki/trust/trust_inventory.h"

namespace piv {

/// The last successful login of a person, from the file that `piv-check --why` reads.
struct SeenLogin {
    std::string user;
    std::string issuer;  // of the certificate, RFC 4514
    std::string anchor;  // subject of the anchor, RFC 4514
    std::string sha256;  // of the certificate
    UnixTime not_after = 0;
};

struct TrustEvidence {
    std::vector<Certificate> cards;        // of cards that were seen or mapped, unverified
    std::vector<Certificate> listed;       // kNeededFolder: the administrator says so
    std::vector<std::string> map_issuers;  // issuers that issuer-serial lines name, RFC 4514
    std::vector<SeenLogin> logins;         // of people whose card is not among `cards`
    OcspEvidence ocsp;
    KerberosEvidence kerberos;
};

/// Certificates of any kind that have to stay valid here, put there by the administrator: those of
/// domain controllers, for example, which a workstation does not otherwise see.
inline constexpr char kNeededFolder[] = PIV_SYSCONFDIR "/trust/needed";

/// Reads what is there; what cannot be read is no evidence.
TrustEvidence collect_evidence(const TrustInventory& inventory);

/// A name for comparing: "CN=a, O=b" and "CN=a,O=b" are one.
std::string comparable_name(std::string_view name);

}  // namespace piv
