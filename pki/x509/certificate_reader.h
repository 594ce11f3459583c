// Certificates out of whatever file people have: DER, PEM (LF, CRLF or CR, text before and after,
// UTF-8 BOM, UTF-16), bare base64, PKCS#7 (DER or PEM). Certificates only: a file that also holds a
// private key, or is PKCS#12, is refused by name.
#pragma once

#include <string>
#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

enum class FileForm { Der, Pem, Base64, Pkcs7Der, Pkcs7Pem };
std::string_view to_text(FileForm form) noexcept;

struct ReadCertificates {
    FileForm form = FileForm::Der;
    std::vector<Certificate> certificates;  // in the order of the file, at least one
};

inline constexpr std::size_t kMaxCertificateFile = 4U << 20U;

/// `name` is for messages. Errors: NoCertificateInFile, PrivateKeyInFile, CertMalformed.
Result<ReadCertificates> read_certificates(ByteView content, const std::string& name);
/// Reads the file first. Also: FileNotFound, FileUnreadable, FileTooLarge.
Result<ReadCertificates> read_certificate_file(const std::string& path);

/// One certificate as PEM: 64 columns, LF, nothing around it (RFC 7468 section 5).
std::string to_pem(const Certificate& certificate);
std::string to_pem(ByteView certificate);

}  // namespace piv
