// What Kerberos on this machine takes from the CA chain: files that krb5.conf and kdc.conf name, and
// the certificate that a KDC shows.
#pragma once

#include <string>
#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

struct KerberosFile {
    std::string configuration;  // the file that names it
    std::string path;           // as the system in the tree sees it
};

struct KerberosEvidence {
    std::vector<Certificate> kdcs;      // of pkinit_identity
    std::vector<KerberosFile> anchors;  // FILE: of pkinit_anchors and pkinit_pool
};

/// Reads what is there; what cannot be read is no evidence. `root` as in TrustTree.
KerberosEvidence kerberos_evidence(const std::string& root);

}  // namespace piv
