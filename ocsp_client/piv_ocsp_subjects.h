// The certificates that piv-ocsp is asked about, each with its issuer.
#pragma once

#include "ocsp_client/piv_ocsp_options.h"

namespace piv {

struct NamedSubject {
    std::string name;  // the file; "#2" and so on behind it for further certificates in it
    CertSubject subject;
    /// OcspIssuerMismatch: none of the given CAs issued it, by name and by key. Then nobody is
    /// asked: neither its URLs nor its serial number are the CA's word.
    Status issued;
};

/// Certificates of a file, or of the files of a folder that hold any. Errors: as
/// read_certificate_file; NoCertificateInFile for a folder without certificates.
Status add_certificates(const std::string& path, std::vector<Certificate>& out);

/// One for each certificate in the files of the command line. Of a file with several, those that
/// are themselves given as CAs without their own issuer, and self-signed ones, are left out: they
/// are what the others hang from.
Result<std::vector<NamedSubject>> read_subjects(const OcspOptions& options);

}  // namespace piv
