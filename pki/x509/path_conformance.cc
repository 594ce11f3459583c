#include "pki/x509/path_conformance.h"

#include "pki/x509/certificate_fields.h"
#include "pki/x509/path_rules.h"

namespace piv {

namespace {

Error against(const Certificate& c, const std::string& what) {
    return {ErrorCode::PathRefused, describe(c) + ": " + what};
}

// Preferred name syntax (RFC 1034 section 3.5, RFC 1123 section 2.1); "*." in front is common.
bool preferred_name(std::string_view host) {
    if (host.substr(0, 2) == "*.") {
        host.remove_prefix(2);
    }
    if (host.empty() || host.size() > 253) {
        return false;
    }
    std::size_t label = 0;
    for (const char c : host) {
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            continue;
        }
        const bool good =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!good || ++label > 63) {
            return false;
        }
    }
    return label != 0;
}

Status check_alt_names(const Certificate& c) {
    const CertificateFields& f = c.fields();
    if (f.subject_name.empty() && (!f.subject_alt_names || !f.is_critical(oid::kSubjectAltName))) {
        return against(c, "no subject, and no critical subjectAltName (4.1.2.6)");
    }
    if (f.subject_alt_names) {
        for (const GeneralName& name : *f.subject_alt_names) {
            if (name.form == GeneralName::Form::Dns && !preferred_name(name.value.text())) {
                return against(c, "a dNSName that is not a host name (4.2.1.6)");
            }
        }
    }
    return {};
}

// Key identifiers chain certificates (4.2.1.1, 4.2.1.2): where one end of a link has one, the other
// has to have one too.
Status check_key_ids(const Certificate& child, const Certificate& issuer) {
    const bool aki = child.fields().authority_key_id.has_value();
    const bool ski = issuer.fields().subject_key_id.has_value();
    if (ski && !aki) {
        return against(child, "no authorityKeyIdentifier (4.2.1.1)");
    }
    if (aki && !ski) {
        return against(issuer, "no subjectKeyIdentifier (4.2.1.2)");
    }
    return {};
}

Status check_profile(const Certificate& c, bool anchor) {
    const CertificateFields& f = c.fields();
    const bool key_cert_sign = f.key_usage && (*f.key_usage & kKeyCertSign) != 0;
    if (f.basic_constraints && !f.basic_constraints->ca) {
        if (key_cert_sign) {
            return against(c, "keyCertSign without CA:TRUE (4.2.1.9)");
        }
        if (f.basic_constraints->path_length) {
            return against(c, "a path length without CA:TRUE (4.2.1.9)");
        }
    }
    if (f.name_constraints && !c.is_ca()) {
        return against(c, "nameConstraints outside a CA certificate (4.2.1.10)");
    }
    // A root is the administrator's own choice: it can be asked to be in order.
    if (anchor && c.self_signed()) {
        if (f.basic_constraints && !f.is_critical(oid::kBasicConstraints)) {
            return against(c, "basicConstraints is not critical (4.2.1.9)");
        }
        if (f.name_constraints && !f.is_critical(oid::kNameConstraints)) {
            return against(c, "nameConstraints is not critical (4.2.1.10)");
        }
    }
    return check_alt_names(c);
}

Status check_strict(const Certificate& c, bool anchor) {
    static const struct {
        const char* id;
        const char* what;
    } critical[] = {
        {oid::kBasicConstraints, "basicConstraints of a CA is not critical (4.2.1.9)"},
        {oid::kNameConstraints, "nameConstraints is not critical (4.2.1.10)"},
        {oid::kPolicyConstraints, "policyConstraints is not critical (4.2.1.11)"},
        {oid::kInhibitAnyPolicy, "inhibitAnyPolicy is not critical (4.2.1.14)"},
    };
    for (const auto& e : critical) {
        if (c.is_ca() && c.fields().find(e.id) != nullptr && !c.fields().is_critical(e.id)) {
            return against(c, e.what);
        }
    }
    if (!anchor && !c.self_signed() && !c.fields().authority_key_id) {
        return against(c, "no authorityKeyIdentifier (4.2.1.1)");
    }
    if (c.is_ca() && !c.fields().subject_key_id) {
        return against(c, "no subjectKeyIdentifier (4.2.1.2)");
    }
    return {};
}

}  // namespace

Status check_conformance(const std::vector<Certificate>& chain, Conformance conformance) {
    if (conformance == Conformance::Section6) {
        return {};
    }
    for (std::size_t i = chain.size(); i-- > 0;) {
        const bool anchor = i + 1 == chain.size();
        if (Status s = check_profile(chain[i], anchor); !s) {
            return s;
        }
        if (i > 0) {
            if (Status s = check_key_ids(chain[i - 1], chain[i]); !s) {
                return s;
            }
        }
        if (conformance == Conformance::Strict) {
            if (Status s = check_strict(chain[i], anchor); !s) {
                return s;
            }
        }
    }
    return {};
}

}  // namespace piv
