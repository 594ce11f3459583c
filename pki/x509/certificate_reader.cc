#include "pki/x509/certificate_reader.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include <algorithm>
#include <array>

#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/x509/base64.h"
#include "pki/x509/der.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

std::string_view to_text(FileForm form) noexcept {
    switch (form) {
        case FileForm::Der:
            return "DER";
        case FileForm::Pem:
            return "PEM";
        case FileForm::Base64:
            return "base64";
        case FileForm::Pkcs7Der:
            return "PKCS#7 (DER)";
        case FileForm::Pkcs7Pem:
            return "PKCS#7 (PEM)";
    }
    return "";
}

namespace {

// What a DER object is, by its first elements.
enum class DerKind { Certificate, Pkcs7, Pkcs12, PrivateKey, Other };

DerKind kind_of(ByteView der) {
    der::Reader outer(der);
    der::Element whole;
    der::Element first;
    der::Element second;
    if (!outer.any(whole) || whole.tag != der::kSequence) {
        return !der.empty() && der[0] == der::kSequence ? DerKind::Pkcs7 : DerKind::Other;  // BER?
    }
    der::Reader reader(whole.value);
    if (!reader.any(first)) {
        return DerKind::Other;
    }
    if (first.tag == der::kOid) {
        return DerKind::Pkcs7;
    }
    if (!reader.any(second)) {
        return DerKind::Other;
    }
    if (first.tag == der::kInteger) {
        if (first.value == Bytes{3} && second.tag == der::kSequence) {
            return DerKind::Pkcs12;
        }
        return DerKind::PrivateKey;  // PKCS#1, PKCS#8, SEC 1, DSA
    }
    if (first.tag == der::kSequence && second.tag == der::kOctetString && reader.at_end()) {
        return DerKind::PrivateKey;  // EncryptedPrivateKeyInfo
    }
    return first.tag == der::kSequence && second.tag == der::kSequence ? DerKind::Certificate
                                                                       : DerKind::Other;
}

Error named(ErrorCode code, const std::string& name, const std::string& what) {
    return {code, name + ": " + what};
}

struct Pkcs7Deleter {
    void operator()(PKCS7* p) const noexcept { PKCS7_free(p); }
};

Status read_pkcs7(ByteView der, const std::string& name, std::vector<Certificate>& out) {
    const std::uint8_t* p = der.data();
    const std::unique_ptr<PKCS7, Pkcs7Deleter> p7(
        d2i_PKCS7(nullptr, &p, static_cast<long>(der.size())));
    ERR_clear_error();
    if (p7 == nullptr || !PKCS7_type_is_signed(p7.get()) || p7->d.sign == nullptr) {
        return named(ErrorCode::CertMalformed, name, "is not PKCS#7 with certificates");
    }
    const STACK_OF(X509)* certificates = p7->d.sign->cert;
    for (int i = 0; certificates != nullptr && i < sk_X509_num(certificates); ++i) {
        std::uint8_t* encoded = nullptr;
        const int length = i2d_X509(sk_X509_value(certificates, i), &encoded);
        if (length <= 0) {
            return named(ErrorCode::CertMalformed, name, "a certificate cannot be encoded");
        }
        Result<Certificate> one =
            Certificate::from_der(ByteView(encoded, static_cast<std::size_t>(length)));
        OPENSSL_free(encoded);
        if (!one) {
            return named(one.code(), name,
                         "certificate " + std::to_string(i + 1) + ": " + one.error().detail);
        }
        out.push_back(std::move(one).value());
    }
    if (out.empty()) {
        return named(ErrorCode::NoCertificateInFile, name, "a PKCS#7 file without certificates");
    }
    return {};
}

// One or more certificates one after another, or PKCS#7.
Status read_der(ByteView der, const std::string& name, ReadCertificates& out, bool& pkcs7) {
    pkcs7 = false;
    switch (kind_of(der)) {
        case DerKind::Pkcs12:
            return named(ErrorCode::PrivateKeyInFile, name, "is PKCS#12, which holds private keys");
        case DerKind::PrivateKey:
            return named(ErrorCode::PrivateKeyInFile, name, "holds a private key");
        case DerKind::Pkcs7:
            pkcs7 = true;
            return read_pkcs7(der, name, out.certificates);
        case DerKind::Other:
            return named(ErrorCode::CertMalformed, name, "holds no certificate that can be read");
        case DerKind::Certificate:
            break;
    }
    der::Reader reader(der);
    while (!reader.at_end()) {
        der::Element one;
        if (!reader.element(der::kSequence, one)) {
            return named(ErrorCode::CertMalformed, name, "octets after the end of the certificate");
        }
        Result<Certificate> certificate = Certificate::from_der(one.whole);
        if (!certificate) {
            return named(certificate.code(), name, certificate.error().detail);
        }
        out.certificates.push_back(std::move(certificate).value());
    }
    return {};
}

// UTF-16 (with or without a byte order mark) and UTF-8 with one, to plain octets.
std::string to_octet_text(ByteView content) {
    const auto is = [content](std::size_t i, std::uint8_t octet) {
        return i < content.size() && content[i] == octet;
    };
    if (is(0, 0xEF) && is(1, 0xBB) && is(2, 0xBF)) {
        return std::string(content.sub(3).text());
    }
    const bool mark_le = is(0, 0xFF) && is(1, 0xFE);
    const bool mark_be = is(0, 0xFE) && is(1, 0xFF);
    const bool looks_le = content.size() >= 8 && is(1, 0) && is(3, 0) && is(5, 0) && !is(0, 0);
    const bool looks_be = content.size() >= 8 && is(0, 0) && is(2, 0) && is(4, 0) && !is(1, 0);
    if (!mark_le && !mark_be && !looks_le && !looks_be) {
        return std::string(content.text());
    }
    const bool little = mark_le || looks_le;
    std::string text;
    for (std::size_t i = mark_le || mark_be ? 2 : 0; i + 1 < content.size(); i += 2) {
        const std::uint8_t high = content[little ? i + 1 : i];
        const std::uint8_t low = content[little ? i : i + 1];
        text += high == 0 && low < 0x80 ? static_cast<char>(low) : '?';
    }
    return text;
}

std::string_view trimmed(std::string_view line) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\f' || c == '\v'; };
    while (!line.empty() && blank(line.front())) {
        line.remove_prefix(1);
    }
    while (!line.empty() && blank(line.back())) {
        line.remove_suffix(1);
    }
    return line;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find_first_of("\r\n");
        lines.push_back(trimmed(text.substr(0, end)));
        if (end == std::string_view::npos) {
            break;
        }
        const bool crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
        text.remove_prefix(end + (crlf ? 2 : 1));
    }
    return lines;
}

// "-----BEGIN label-----" or END; empty for other lines
std::string_view boundary(std::string_view line, std::string_view word) {
    const std::string start = "-----" + std::string(word) + " ";
    if (line.size() < start.size() + 5 || line.substr(0, start.size()) != start ||
        line.substr(line.size() - 5) != "-----") {
        return {};
    }
    return line.substr(start.size(), line.size() - start.size() - 5);
}

struct PemBlock {
    std::string label;
    Bytes der;
    bool readable = false;  // headers or damaged base64: `der` says nothing
};

// Text that only calls itself a key, and is none when decoded, does not count.
bool is_private_key(const PemBlock& block) {
    return block.label.find("PRIVATE KEY") != std::string::npos &&
           (!block.readable || (!block.der.empty() && block.der[0] == der::kSequence));
}

Status read_pem_blocks(std::string_view text, const std::string& name,
                       std::vector<PemBlock>& blocks) {
    std::string label;
    std::string body;
    bool inside = false;
    bool headers = false;
    for (const std::string_view line : lines_of(text)) {
        if (!inside) {
            const std::string_view begin = boundary(line, "BEGIN");
            if (!begin.empty()) {
                inside = true;
                label = std::string(begin);
                body.clear();
                headers = false;
            }
            continue;
        }
        if (line.substr(0, 5) == "-----") {
            PemBlock block;
            block.label = label;
            block.readable = base64_decode(body, block.der) && !headers;
            const bool key = label.find("PRIVATE KEY") != std::string::npos;
            if (boundary(line, "END") != label || (!key && block.der.empty())) {
                return named(ErrorCode::CertMalformed, name, "a damaged PEM block: " + label);
            }
            blocks.push_back(std::move(block));
            inside = false;
            continue;
        }
        // RFC 1421 headers, as OpenSSL's "Proc-Type: 4,ENCRYPTED", end with an empty line
        if (line.find(':') != std::string_view::npos && body.empty()) {
            headers = true;
            continue;
        }
        body += line;
        body += '\n';
    }
    if (inside) {
        return named(ErrorCode::CertMalformed, name, "a PEM block without its end: " + label);
    }
    return {};
}

// "TRUSTED CERTIFICATE" has OpenSSL's trust settings after the certificate: not ours to take over.
ByteView without_trust_settings(const PemBlock& block) {
    der::Reader reader(block.der);
    der::Element first;
    return block.label == "TRUSTED CERTIFICATE" && reader.any(first) ? first.whole
                                                                     : ByteView(block.der);
}

Result<ReadCertificates> read_pem(std::string_view text, const std::string& name) {
    std::vector<PemBlock> blocks;
    if (Status s = read_pem_blocks(text, name, blocks); !s) {
        return std::move(s).error();
    }
    static constexpr std::array<std::string_view, 5> kWanted = {
        "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "CMS"};
    ReadCertificates out;
    out.form = FileForm::Pem;
    if (std::any_of(blocks.begin(), blocks.end(), is_private_key)) {
        return named(ErrorCode::PrivateKeyInFile, name, "holds a private key");
    }
    for (const PemBlock& block : blocks) {
        if (std::find(kWanted.begin(), kWanted.end(), block.label) == kWanted.end()) {
            continue;
        }
        bool pkcs7 = false;
        ReadCertificates some;
        if (Status s = read_der(without_trust_settings(block), name, some, pkcs7); !s) {
            return std::move(s).error();
        }
        if (pkcs7) {
            out.form = FileForm::Pkcs7Pem;
        }
        out.certificates.insert(out.certificates.end(), some.certificates.begin(),
                                some.certificates.end());
    }
    if (out.certificates.empty()) {
        const std::string what = blocks.empty() ? "no PEM block" : "only " + blocks[0].label;
        return named(ErrorCode::NoCertificateInFile, name, what);
    }
    return out;
}

}  // namespace

Result<ReadCertificates> read_certificates(ByteView content, const std::string& name) {
    if (content.size() > kMaxCertificateFile) {
        return named(ErrorCode::FileTooLarge, name, "too large for certificates");
    }
    ReadCertificates out;
    bool pkcs7 = false;
    if (!content.empty() && content[0] == der::kSequence &&
        (content.size() < 2 || content[1] != 0)) {
        if (Status s = read_der(content, name, out, pkcs7); !s) {
            return std::move(s).error();
        }
        out.form = pkcs7 ? FileForm::Pkcs7Der : FileForm::Der;
        return out;
    }
    const std::string text = to_octet_text(content);
    if (text.find("-----BEGIN ") != std::string::npos) {
        return read_pem(text, name);
    }
    Bytes decoded;
    if (text.empty() || !base64_decode(text, decoded) || decoded.empty()) {
        return named(ErrorCode::NoCertificateInFile, name, "neither DER, PEM, base64 nor PKCS#7");
    }
    if (Status s = read_der(decoded, name, out, pkcs7); !s) {
        return std::move(s).error();
    }
    out.form = pkcs7 ? FileForm::Pkcs7Pem : FileForm::Base64;
    return out;
}

Result<ReadCertificates> read_certificate_file(const std::string& path) {
    Result<Bytes> content = read_file(path, kMaxCertificateFile);
    if (!content) {
        return std::move(content).error();
    }
    return read_certificates(*content, path);
}

std::string to_pem(const Certificate& certificate) {
    return to_pem(certificate.der());
}

std::string to_pem(ByteView certificate) {
    static constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----\n";
    static constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
    const std::string body = base64_encode(certificate);
    std::string out;
    out.reserve(kBegin.size() + body.size() + body.size() / 64 + 1 + kEnd.size());
    out += kBegin;
    for (std::size_t i = 0; i < body.size(); i += 64) {
        out.append(body, i, 64);
        out += '\n';
    }
    out += kEnd;
    return out;
}

}  // namespace piv
