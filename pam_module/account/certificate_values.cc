// What a certificate has for each key of the account map.
#include "pam_module/account/account_map.h"
#include "pam_module/account/names.h"

namespace piv {

namespace {

// DoD: the UPN is the EDIPI, or the EDIPI and six more digits, at "mil".
std::optional<std::string> edipi_of(const Upn& upn) {
    if (upn.domain != "mil" || upn.local.find_first_not_of("0123456789") != std::string::npos ||
        (upn.local.size() != 10 && upn.local.size() != 16)) {
        return std::nullopt;
    }
    return upn.local.substr(0, 10);
}

}  // namespace

Result<std::optional<Upn>> certificate_upn(const Certificate& certificate) {
    const auto upns = certificate.upns();
    if (!upns) {
        return upns.error();
    }
    std::optional<Upn> found;
    for (const std::string& text : *upns) {
        if (text != upns->front()) {
            return Error(ErrorCode::UpnMalformed, "the certificate has two UPNs: '" +
                                                      upns->front() + "' and '" + text + "'");
        }
        found = parse_upn(text);
        if (!found) {
            return Error(ErrorCode::UpnMalformed, "'" + text + "'");
        }
    }
    return found;
}

Result<std::vector<std::string>> certificate_values(const Certificate& certificate, MapKind kind) {
    std::vector<std::string> raw;
    switch (kind) {
        case MapKind::Upn:
        case MapKind::Edipi: {
            const auto upn = certificate_upn(certificate);
            if (!upn) {
                return upn.error();
            }
            if (*upn && kind == MapKind::Upn) {
                raw.push_back((*upn)->local + "@" + (*upn)->domain);
            } else if (*upn) {
                if (const auto edipi = edipi_of(**upn); edipi) {
                    raw.push_back(*edipi);
                }
            }
            break;
        }
        case MapKind::Email:
            raw = certificate.emails();
            break;
        case MapKind::Sid: {
            const auto sid = certificate.sid();
            if (!sid) {
                return sid.error();
            }
            if (*sid) {
                raw.push_back(**sid);
            }
            break;
        }
        case MapKind::IssuerSerial:
            raw.push_back(certificate.issuer() + " " + certificate.serial_hex());
            break;
        case MapKind::Ski:
            if (const auto ski = certificate.subject_key_id(); ski) {
                raw.push_back(to_hex(*ski));
            }
            break;
        case MapKind::SpkiSha256:
            raw.push_back(certificate.spki_sha256_hex());
            break;
        case MapKind::CertSha256:
            raw.push_back(certificate.sha256_hex());
            break;
        case MapKind::Subject:
            raw.push_back(certificate.subject());
            break;
        case MapKind::File:
            break;
    }
    std::vector<std::string> values;
    for (const std::string& text : raw) {
        if (auto value = canonical_map_value(kind, text); value) {  // else: nothing can match it
            values.push_back(std::move(*value));
        }
    }
    return values;
}

}  // namespace piv
