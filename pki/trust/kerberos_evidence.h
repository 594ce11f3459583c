// What Kerberos on this machine takes from the CA chain: files that krb5.conf and kdc.conf name, and
// the certificate that a KDC shows.
#pragma once

#include <string>
#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

struct KerberosFile {
    std::string configuration;        // the file that names it
    std::string path;                 // as the system in the tree sees it
    bool in_folder = false;           // found in a DIR:, not named itself
    std::vector<std::string> sha256;  // of the certificates in it
};

struct KerberosEvidence {
    std::vector<Certificate> kdcs;  // of pkinit_identity
    std::vector<KerberosFile>
        anchors;  // of pkinit_anchors and pkinit_pool: FILE:, all files of DIR:
};

/// Reads krb5.conf, kdc.conf, what they include, and the certificates that these name (krb5.conf(5),
/// PKINIT options). What cannot be read is no evidence. `root` as in TrustTree.
KerberosEvidence kerberos_evidence(const std::string& root);

}  // namespace piv
