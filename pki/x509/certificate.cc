#include "pki/x509/certificate.h"

#include <openssl/err.h>
#include <openssl/sha.h>

#include <atomic>
#include <new>

#include "pki/base/text.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/openssl_ptr.h"
#include "pki/x509/plain_certificate.h"
#include "pki/x509/public_key.h"

namespace piv {

struct Certificate::Data {
    Data() = default;
    ~Data() { X509_free(native.load()); }
    Data(const Data&) = delete;
    Data& operator=(const Data&) = delete;

    Bytes der;
    mutable std::atomic<X509*> native{nullptr};  // nullptr: nobody has asked for it yet
    SharedKey key;
    CertificateFields fields;
    std::string sha256;
    mutable std::atomic<int> self_signed{-1};  // -1: not asked yet
};

namespace {

std::string sha256_of(ByteView data) {
    std::uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(data.data(), data.size(), digest, &length, EVP_sha256(), nullptr) != 1) {
        return {};
    }
    return to_hex(ByteView(digest, length));
}

X509* decode(ByteView der) {
    const std::uint8_t* p = der.data();
    OpenSslPtr<X509> native(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
    ERR_clear_error();
    return p == der.data() + der.size() ? native.release() : nullptr;
}

std::string rfc4514(ByteView der) {
    const std::uint8_t* p = der.data();
    const OpenSslPtr<X509_NAME> name(d2i_X509_NAME(nullptr, &p, static_cast<long>(der.size())));
    const OpenSslPtr<BIO> out(BIO_new(BIO_s_mem()));
    const unsigned long flags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (name == nullptr || out == nullptr ||
        X509_NAME_print_ex(out.get(), name.get(), 0, flags) < 0) {
        ERR_clear_error();
        return {};
    }
    char* text = nullptr;
    const long length = BIO_get_mem_data(out.get(), &text);
    return length <= 0 ? std::string() : std::string(text, static_cast<std::size_t>(length));
}

std::vector<std::string> access_urls(const CertificateFields& fields, std::string_view method) {
    std::vector<std::string> urls;
    const Extension* aia = fields.find(oid::kAuthorityInfoAccess);
    ByteView contents;
    if (aia == nullptr || !der::only(aia->value, der::kSequence, contents)) {
        return urls;
    }
    // AccessDescription ::= SEQUENCE { accessMethod OID, accessLocation GeneralName }
    der::Reader list(contents);
    ByteView one;
    while (list.read(der::kSequence, one)) {
        der::Reader reader(one);
        ByteView id;
        der::Element location;
        GeneralName name;
        if (reader.read(der::kOid, id) && reader.any(location) && general_name(location, name) &&
            name.form == GeneralName::Form::Uri && der::oid_text(id) == method) {
            urls.emplace_back(name.value.text());
        }
    }
    return urls;
}

bool valid_sid(std::string_view text) {
    if (text.size() < 7 || text.size() > 184 || text.substr(0, 4) != "S-1-") {
        return false;
    }
    bool digit = false;
    for (const char c : text.substr(4)) {
        if (c == '-') {
            if (!digit) {
                return false;
            }
            digit = false;
        } else if (c >= '0' && c <= '9') {
            digit = true;
        } else {
            return false;
        }
    }
    return digit;
}

// KB5014754: the extension holds GeneralNames with one otherName 1.3.6.1.4.1.311.25.2.1 whose value
// is an OCTET STRING with the SID as text.
bool read_sid_extension(ByteView value, std::string& sid) {
    ByteView contents;
    std::vector<GeneralName> names;
    if (!der::only(value, der::kSequence, contents) || !general_names(contents, names)) {
        return false;
    }
    for (const GeneralName& name : names) {
        ByteView text;
        if (name.form == GeneralName::Form::Other && name.other_type == oid::kNtdsObjectSid) {
            if (!sid.empty() || !der::only(name.other_value, der::kOctetString, text) ||
                !valid_sid(text.text())) {
                return false;
            }
            sid = std::string(text.text());
        }
    }
    return !sid.empty();
}

}  // namespace

Certificate::Certificate(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Result<Certificate> Certificate::from_der(ByteView der) {
    auto data = std::make_shared<Data>();
    data->der = der.copy();
    // What is plain libcrypto decodes only when somebody needs its form: it decodes the key with it.
    if (!is_plain_certificate(data->der)) {
        data->native = decode(data->der);
        if (data->native == nullptr) {
            return Error(ErrorCode::CertMalformed, "not exactly one X.509 certificate in DER");
        }
    }
    if (!read_certificate_fields(data->der, data->fields)) {
        return Error(ErrorCode::CertMalformed, "not strict DER");
    }
    data->key = decode_public_key(data->fields.spki, nullptr);
    data->sha256 = sha256_of(data->der);
    return Certificate(std::move(data));
}

ByteView Certificate::der() const noexcept {
    return data_->der;
}
X509* Certificate::native() const {
    X509* known = data_->native.load();
    if (known == nullptr) {
        OpenSslPtr<X509> decoded(decode(data_->der));
        if (decoded == nullptr) {
            throw std::bad_alloc();  // a plain certificate fails for no other reason
        }
        if (data_->native.compare_exchange_strong(known, decoded.get())) {
            known = decoded.release();
        }
    }
    return known;
}
EVP_PKEY* Certificate::public_key() const noexcept {
    return data_->key.get();
}
const CertificateFields& Certificate::fields() const noexcept {
    return data_->fields;
}
std::string Certificate::subject() const {
    return rfc4514(data_->fields.subject);
}
std::string Certificate::issuer() const {
    return rfc4514(data_->fields.issuer);
}
Bytes Certificate::subject_der() const {
    return data_->fields.subject.copy();
}
Bytes Certificate::issuer_der() const {
    return data_->fields.issuer.copy();
}

std::string Certificate::serial_hex() const {
    ByteView serial = data_->fields.serial;
    while (serial.size() > 1 && serial[0] == 0) {
        serial = serial.sub(1);
    }
    return to_hex(serial);
}

UnixTime Certificate::not_before() const noexcept {
    return data_->fields.not_before.value_or(INT64_MAX);  // unreadable: never valid
}
UnixTime Certificate::not_after() const noexcept {
    return data_->fields.not_after.value_or(INT64_MIN);
}
const std::string& Certificate::sha256_hex() const noexcept {
    return data_->sha256;
}
std::string Certificate::spki_sha256_hex() const {
    return sha256_of(data_->fields.spki);
}

std::optional<Bytes> Certificate::subject_key_id() const {
    const auto& id = data_->fields.subject_key_id;
    return id ? std::optional<Bytes>(id->copy()) : std::nullopt;
}
std::optional<Bytes> Certificate::authority_key_id() const {
    const auto& id = data_->fields.authority_key_id;
    return id ? std::optional<Bytes>(id->copy()) : std::nullopt;
}

bool Certificate::self_issued() const noexcept {
    return data_->fields.issuer_name == data_->fields.subject_name;
}

bool Certificate::self_signed() const {
    int known = data_->self_signed.load();
    if (known < 0) {
        known = self_issued() && public_key() != nullptr && X509_verify(native(), public_key()) == 1
                    ? 1
                    : 0;
        ERR_clear_error();
        data_->self_signed.store(known);
    }
    return known == 1;
}

bool Certificate::is_ca() const noexcept {
    const auto& constraints = data_->fields.basic_constraints;
    return constraints && constraints->ca;
}
std::string Certificate::key_description() const {
    return describe_key(public_key());
}
std::vector<std::string> Certificate::eku() const {
    return data_->fields.extended_key_usage.value_or(std::vector<std::string>());
}
std::vector<std::string> Certificate::policies() const {
    return data_->fields.policies.value_or(std::vector<std::string>());
}

Result<std::vector<std::string>> Certificate::upns() const {
    std::vector<std::string> out;
    const CertificateFields& f = data_->fields;
    if (!f.subject_alt_names) {
        if (f.find(oid::kSubjectAltName) != nullptr) {
            return Error(ErrorCode::UpnMalformed, "the subject alternative name cannot be read");
        }
        return out;
    }
    for (const GeneralName& name : *f.subject_alt_names) {
        if (name.form != GeneralName::Form::Other || name.other_type != oid::kUpn) {
            continue;
        }
        der::Reader reader(name.other_value);
        der::Element value;
        std::string text;
        if (!reader.element(der::kUtf8String, value) || !reader.at_end() ||
            !string_to_utf8(value, text) || text.empty() || text.find('\0') != std::string::npos) {
            return Error(ErrorCode::UpnMalformed, "a UPN that is not a UTF8String with text");
        }
        out.push_back(std::move(text));
    }
    return out;
}

std::vector<std::string> Certificate::emails() const {
    std::vector<std::string> out;
    if (data_->fields.subject_alt_names) {
        for (const GeneralName& name : *data_->fields.subject_alt_names) {
            if (name.form == GeneralName::Form::Email) {
                out.emplace_back(name.value.text());
            }
        }
    }
    return out;
}

Result<std::optional<std::string>> Certificate::sid() const {
    static constexpr std::string_view kTag = "tag:microsoft.com,2022-09-14:sid:";
    const CertificateFields& f = data_->fields;
    std::string sid;
    if (const Extension* e = f.find(oid::kNtdsSecurity); e != nullptr) {
        if (!read_sid_extension(e->value, sid)) {
            return Error(ErrorCode::CertMalformed, "the SID extension cannot be read");
        }
    }
    if (f.subject_alt_names) {
        for (const GeneralName& name : *f.subject_alt_names) {
            if (name.form != GeneralName::Form::Uri ||
                name.value.text().substr(0, kTag.size()) != kTag) {
                continue;
            }
            const std::string_view text = name.value.text().substr(kTag.size());
            if (!valid_sid(text) || (!sid.empty() && sid != text)) {
                return Error(ErrorCode::CertMalformed, "a second or malformed SID");
            }
            sid = std::string(text);
        }
    }
    return sid.empty() ? std::optional<std::string>() : std::optional<std::string>(sid);
}

std::vector<std::string> Certificate::ocsp_urls() const {
    return access_urls(data_->fields, oid::kAdOcsp);
}
std::vector<std::string> Certificate::ca_issuer_urls() const {
    return access_urls(data_->fields, oid::kAdCaIssuers);
}

std::vector<std::string> Certificate::crl_urls() const {
    std::vector<std::string> urls;
    for (const DistributionPoint& point : data_->fields.distribution_points) {
        if (point.name) {
            for (const GeneralName& name : point.name->full_name) {
                if (name.form == GeneralName::Form::Uri) {
                    urls.emplace_back(name.value.text());
                }
            }
        }
    }
    return urls;
}

namespace {
// RFC 4122 section 3, in lower case
bool is_uuid(std::string_view text) {
    constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (std::size_t i = 0; i < kForm.size() && text.size() == kForm.size(); ++i) {
        const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (kForm[i] == 'x' ? !hex : text[i] != '-') {
            return false;
        }
    }
    return text.size() == kForm.size();
}
}  // namespace

std::optional<Bytes> Certificate::fasc_n() const {
    constexpr std::size_t kFascNSize = 25;  // 200 bits: 40 characters of 5 bits
    if (data_->fields.subject_alt_names) {
        for (const GeneralName& name : *data_->fields.subject_alt_names) {
            ByteView octets;
            if (name.form == GeneralName::Form::Other && name.other_type == oid::kPivFascN &&
                der::only(name.other_value, der::kOctetString, octets) &&
                octets.size() == kFascNSize) {
                return octets.copy();
            }
        }
    }
    return std::nullopt;
}

std::optional<std::string> Certificate::card_uuid() const {
    static constexpr std::string_view kPrefix = "urn:uuid:";
    if (data_->fields.subject_alt_names) {
        for (const GeneralName& name : *data_->fields.subject_alt_names) {
            const std::string text = ascii_lower(name.value.text());
            if (name.form == GeneralName::Form::Uri &&
                text.compare(0, kPrefix.size(), kPrefix) == 0 &&
                is_uuid(std::string_view(text).substr(kPrefix.size()))) {
                return text.substr(kPrefix.size());
            }
        }
    }
    return std::nullopt;
}

}  // namespace piv
