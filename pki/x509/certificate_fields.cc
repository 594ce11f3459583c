#include "pki/x509/certificate_fields.h"

#include <algorithm>
#include <set>

namespace piv {

bool read_extensions(ByteView contents, std::vector<Extension>& out) {
    out.clear();
    std::set<std::string> seen;
    der::Reader list(contents);
    while (!list.at_end()) {
        // Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET
        // STRING }
        ByteView one;
        ByteView id;
        ByteView critical;
        bool has_critical = false;
        Extension extension;
        if (!list.read(der::kSequence, one)) {
            return false;
        }
        der::Reader reader(one);
        if (!reader.read(der::kOid, id) ||
            !reader.optional(der::kBoolean, critical, has_critical) ||
            !reader.read(der::kOctetString, extension.value) || !reader.at_end() ||
            (has_critical && !der::boolean(critical, extension.critical))) {
            return false;
        }
        extension.id = der::oid_text(id);
        // RFC 5280 section 4.2: not more than one instance of a particular extension.
        if (extension.id.empty() || !seen.insert(extension.id).second) {
            return false;
        }
        out.push_back(std::move(extension));
    }
    return !out.empty();
}

namespace {

bool read_oids(ByteView value, std::vector<std::string>& out) {
    ByteView contents;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    while (!reader.at_end()) {
        ByteView id;
        if (!reader.read(der::kOid, id)) {
            return false;
        }
        out.push_back(der::oid_text(id));
        if (out.back().empty()) {
            return false;
        }
    }
    return !out.empty();  // SIZE (1..MAX)
}

// RFC 5280 section 4.2.1.9
bool read_basic_constraints(ByteView value, BasicConstraints& out) {
    ByteView contents;
    ByteView ca;
    ByteView length;
    bool has_ca = false;
    bool has_length = false;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.optional(der::kBoolean, ca, has_ca) ||
        !reader.optional(der::kInteger, length, has_length) || !reader.at_end() ||
        (has_ca && !der::boolean(ca, out.ca))) {
        return false;
    }
    if (has_length) {
        std::uint32_t n = 0;
        if (!der::small_unsigned(length, n)) {
            return false;
        }
        out.path_length = n;
    }
    return true;
}

// RFC 5280 section 4.2.1.4; qualifiers are shown to nobody, so only their form is read
bool read_policies(ByteView value, std::vector<std::string>& out) {
    ByteView contents;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader list(contents);
    while (!list.at_end()) {
        ByteView one;
        ByteView id;
        ByteView qualifiers;
        bool has_qualifiers = false;
        if (!list.read(der::kSequence, one)) {
            return false;
        }
        der::Reader reader(one);
        if (!reader.read(der::kOid, id) ||
            !reader.optional(der::kSequence, qualifiers, has_qualifiers) || !reader.at_end() ||
            (has_qualifiers && qualifiers.empty())) {
            return false;
        }
        std::string text = der::oid_text(id);
        // "A certificate policy OID MUST NOT appear more than once"
        if (text.empty() || std::find(out.begin(), out.end(), text) != out.end()) {
            return false;
        }
        out.push_back(std::move(text));
    }
    return !out.empty();
}

// RFC 5280 section 4.2.1.5
bool read_policy_mappings(ByteView value, std::vector<PolicyMapping>& out) {
    ByteView contents;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader list(contents);
    while (!list.at_end()) {
        ByteView one;
        ByteView from;
        ByteView to;
        if (!list.read(der::kSequence, one)) {
            return false;
        }
        der::Reader reader(one);
        if (!reader.read(der::kOid, from) || !reader.read(der::kOid, to) || !reader.at_end()) {
            return false;
        }
        out.push_back({der::oid_text(from), der::oid_text(to)});
        if (out.back().issuer_domain.empty() || out.back().subject_domain.empty()) {
            return false;
        }
    }
    return !out.empty();
}

// RFC 5280 section 4.2.1.11
bool read_policy_constraints(ByteView value, PolicyConstraints& out) {
    ByteView contents;
    ByteView explicit_policy;
    ByteView mapping;
    bool has_explicit = false;
    bool has_mapping = false;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.optional(der::context(0), explicit_policy, has_explicit) ||
        !reader.optional(der::context(1), mapping, has_mapping) || !reader.at_end() ||
        (!has_explicit && !has_mapping)) {
        return false;
    }
    std::uint32_t n = 0;
    if (has_explicit) {
        if (!der::small_unsigned(explicit_policy, n)) {
            return false;
        }
        out.require_explicit_policy = n;
    }
    if (has_mapping) {
        if (!der::small_unsigned(mapping, n)) {
            return false;
        }
        out.inhibit_policy_mapping = n;
    }
    return true;
}

bool read_subtrees(ByteView contents, std::vector<GeneralSubtree>& out) {
    der::Reader list(contents);
    while (!list.at_end()) {
        // GeneralSubtree ::= SEQUENCE { base, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }
        ByteView one;
        ByteView minimum;
        ByteView maximum;
        der::Element base;
        bool has_minimum = false;
        bool has_maximum = false;
        GeneralSubtree subtree;
        if (!list.read(der::kSequence, one)) {
            return false;
        }
        der::Reader reader(one);
        if (!reader.any(base) || !general_name(base, subtree.base) ||
            !reader.optional(der::context(0), minimum, has_minimum) ||
            !reader.optional(der::context(1), maximum, has_maximum) || !reader.at_end()) {
            return false;
        }
        std::uint32_t n = 0;
        if (has_minimum && (!der::small_unsigned(minimum, n) || n != 0)) {
            subtree.plain_range = false;
        }
        subtree.plain_range = subtree.plain_range && !has_maximum;
        out.push_back(std::move(subtree));
    }
    return !out.empty();
}

// RFC 5280 section 4.2.1.10
bool read_name_constraints(ByteView value, NameConstraints& out) {
    ByteView contents;
    ByteView permitted;
    ByteView excluded;
    bool has_permitted = false;
    bool has_excluded = false;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    return reader.optional(der::context_constructed(0), permitted, has_permitted) &&
           reader.optional(der::context_constructed(1), excluded, has_excluded) &&
           reader.at_end() && (has_permitted || has_excluded) &&
           (!has_permitted || read_subtrees(permitted, out.permitted)) &&
           (!has_excluded || read_subtrees(excluded, out.excluded));
}

bool read_octets(ByteView value, ByteView& out) {
    return der::only(value, der::kOctetString, out);
}

// RFC 5280 section 4.2.1.1. Issuer and serial are only a hint, and are not used.
bool read_authority_key_id(ByteView value, std::optional<ByteView>& out) {
    ByteView contents;
    ByteView id;
    ByteView ignored;
    bool has_id = false;
    bool has_issuer = false;
    bool has_serial = false;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.optional(der::context(0), id, has_id) ||
        !reader.optional(der::context_constructed(1), ignored, has_issuer) ||
        !reader.optional(der::context(2), ignored, has_serial) || !reader.at_end()) {
        return false;
    }
    if (has_id) {
        out = id;
    }
    return true;
}

template <typename T, typename F>
bool into(std::optional<T>& field, ByteView value, F read) {
    T decoded{};
    if (!read(value, decoded)) {
        return false;
    }
    field = std::move(decoded);
    return true;
}

// RFC 5280 section 4.2.1.3: "at least one of the bits MUST be set to 1"
bool read_key_usage(ByteView value, std::uint32_t& out) {
    ByteView contents;
    return der::only(value, der::kBitString, contents) && der::named_bits(contents, out) &&
           out != 0;
}

bool read_skip_certs(ByteView value, std::uint32_t& out) {
    ByteView contents;
    return der::only(value, der::kInteger, contents) && der::small_unsigned(contents, out);
}

bool read_alt_names(ByteView value, std::vector<GeneralName>& out) {
    ByteView contents;
    return der::only(value, der::kSequence, contents) && general_names(contents, out);
}

// The extensions that validation processes. True: known, `good` says whether it was well-formed.
bool decode_extension(const Extension& e, CertificateFields& f, bool& good) {
    good = true;
    if (e.id == oid::kBasicConstraints) {
        good = into(f.basic_constraints, e.value, read_basic_constraints);
    } else if (e.id == oid::kKeyUsage) {
        good = into(f.key_usage, e.value, read_key_usage);
    } else if (e.id == oid::kExtendedKeyUsage) {
        good = into(f.extended_key_usage, e.value, read_oids);
    } else if (e.id == oid::kCertificatePolicies) {
        good = into(f.policies, e.value, read_policies);
    } else if (e.id == oid::kPolicyMappings) {
        good = read_policy_mappings(e.value, f.policy_mappings);
    } else if (e.id == oid::kPolicyConstraints) {
        good = into(f.policy_constraints, e.value, read_policy_constraints);
    } else if (e.id == oid::kInhibitAnyPolicy) {
        good = into(f.inhibit_any_policy, e.value, read_skip_certs);
    } else if (e.id == oid::kNameConstraints) {
        good = into(f.name_constraints, e.value, read_name_constraints);
    } else if (e.id == oid::kSubjectAltName) {
        good = into(f.subject_alt_names, e.value, read_alt_names);
    } else if (e.id == oid::kCrlDistributionPoints) {
        good = read_distribution_points(e.value, f.distribution_points);
    } else {
        return e.id == oid::kOcspNoCheck;
    }
    return true;
}

// Read when there, but critical they are not for us to accept (4.2.1.1, 4.2.1.2, 4.2.1.15).
bool decode_hint(const Extension& e, CertificateFields& f) {
    if (e.id == oid::kSubjectKeyId) {
        return into(f.subject_key_id, e.value, read_octets);
    }
    if (e.id == oid::kAuthorityKeyId) {
        return read_authority_key_id(e.value, f.authority_key_id);
    }
    return e.id != oid::kFreshestCrl || read_distribution_points(e.value, f.freshest_crl);
}

void note(std::string& field, const std::string& what) {
    if (field.empty()) {
        field = what;
    }
}

void decode_extensions(ByteView explicit_contents, CertificateFields& f) {
    ByteView list;
    if (!der::only(explicit_contents, der::kSequence, list) ||
        !read_extensions(list, f.extensions)) {
        note(f.malformed, "the list of extensions, or one that occurs twice");
        return;
    }
    for (const Extension& e : f.extensions) {
        bool good = false;
        const bool known = decode_extension(e, f, good);
        if (!known) {
            good = decode_hint(e, f);
            if (e.critical) {
                note(f.unknown_critical, e.id);
            }
        }
        if (!good) {
            note(f.malformed, "extension " + e.id);
        }
    }
}

bool read_validity(ByteView contents, CertificateFields& f) {
    der::Reader reader(contents);
    der::Element from;
    der::Element to;
    if (!reader.any(from) || !reader.any(to) || !reader.at_end()) {
        return false;
    }
    f.not_before = der::time(from);
    f.not_after = der::time(to);
    return true;
}

bool read_version(der::Reader& reader, CertificateFields& f) {
    ByteView explicit_version;
    bool has_version = false;
    if (!reader.optional(der::context_constructed(0), explicit_version, has_version)) {
        return false;
    }
    if (!has_version) {
        return true;
    }
    ByteView contents;
    std::uint32_t n = 0;
    if (!der::only(explicit_version, der::kInteger, contents) ||
        !der::small_unsigned(contents, n) || n > 2) {
        note(f.malformed, "version");
        return true;
    }
    f.version = n + 1;
    return true;
}

// TBSCertificate (RFC 5280 section 4.1)
bool read_tbs(ByteView contents, CertificateFields& f) {
    der::Reader reader(contents);
    der::Element algorithm;
    der::Element issuer;
    der::Element validity;
    der::Element subject;
    der::Element spki;
    if (!read_version(reader, f) || !reader.read(der::kInteger, f.serial) ||
        !reader.element(der::kSequence, algorithm) || !reader.element(der::kSequence, issuer) ||
        !reader.element(der::kSequence, validity) || !reader.element(der::kSequence, subject) ||
        !reader.element(der::kSequence, spki) || !read_validity(validity.value, f)) {
        return false;
    }
    f.inner_algorithm = algorithm.whole;
    f.issuer = issuer.whole;
    f.subject = subject.whole;
    f.spki = spki.whole;
    if (!der::integer_is_valid(f.serial)) {
        note(f.malformed, "serial number");
    }
    if (!canonical_name(f.issuer, f.issuer_name) || !canonical_name(f.subject, f.subject_name)) {
        note(f.malformed, "issuer or subject");
    }
    ByteView unique_id;
    ByteView extensions;
    bool has_issuer_id = false;
    bool has_subject_id = false;
    bool has_extensions = false;
    if (!reader.optional(der::context(1), unique_id, has_issuer_id) ||
        !reader.optional(der::context(2), unique_id, has_subject_id) ||
        !reader.optional(der::context_constructed(3), extensions, has_extensions) ||
        !reader.at_end()) {
        return false;
    }
    if ((has_extensions && f.version != 3) ||
        ((has_issuer_id || has_subject_id) && f.version == 1)) {
        note(f.malformed, "fields that its version does not have");
    }
    if (has_extensions) {
        decode_extensions(extensions, f);
    }
    return true;
}

}  // namespace

bool read_distribution_point_name(ByteView contents, DistributionPointName& out) {
    // CHOICE { fullName [0] GeneralNames, nameRelativeToCRLIssuer [1] RelativeDistinguishedName }
    der::Reader reader(contents);
    der::Element choice;
    if (!reader.any(choice) || !reader.at_end()) {
        return false;
    }
    if (choice.tag == der::context_constructed(0)) {
        return general_names(choice.value, out.full_name);
    }
    if (choice.tag == der::context_constructed(1)) {
        out.relative_name = choice.value;
        return !choice.value.empty();
    }
    return false;
}

bool read_distribution_points(ByteView value, std::vector<DistributionPoint>& out) {
    ByteView contents;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader list(contents);
    while (!list.at_end()) {
        ByteView one;
        if (!list.read(der::kSequence, one)) {
            return false;
        }
        ByteView name;
        ByteView reasons;
        ByteView issuer;
        bool has_name = false;
        bool has_reasons = false;
        bool has_issuer = false;
        der::Reader reader(one);
        if (!reader.optional(der::context_constructed(0), name, has_name) ||
            !reader.optional(der::context(1), reasons, has_reasons) ||
            !reader.optional(der::context_constructed(2), issuer, has_issuer) || !reader.at_end() ||
            (!has_name && !has_issuer)) {
            return false;  // "MUST NOT consist of only the reasons field", and not of nothing
        }
        DistributionPoint point;
        if (has_name) {
            point.name.emplace();
            if (!read_distribution_point_name(name, *point.name)) {
                return false;
            }
        }
        if (has_reasons) {
            point.reasons = 0;
            if (!der::named_bits(reasons, *point.reasons)) {
                return false;
            }
        }
        if (has_issuer && !general_names(issuer, point.crl_issuer)) {
            return false;
        }
        out.push_back(std::move(point));
    }
    return !out.empty();
}

const Extension* CertificateFields::find(std::string_view id) const noexcept {
    for (const Extension& e : extensions) {
        if (e.id == id) {
            return &e;
        }
    }
    return nullptr;
}

bool CertificateFields::is_critical(std::string_view id) const noexcept {
    const Extension* e = find(id);
    return e != nullptr && e->critical;
}

bool read_certificate_fields(ByteView certificate, CertificateFields& out) {
    ByteView contents;
    if (!der::only(certificate, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    der::Element tbs;
    der::Element algorithm;
    ByteView signature;
    unsigned unused = 0;
    if (!reader.element(der::kSequence, tbs) || !reader.element(der::kSequence, algorithm) ||
        !reader.read(der::kBitString, signature) || !reader.at_end()) {
        return false;
    }
    if (!der::bit_string(signature, out.signature, unused) || unused != 0) {
        out.signature = {};  // nothing verifies an empty signature
    }
    out.tbs = tbs.whole;
    out.outer_algorithm = algorithm.whole;
    return read_tbs(tbs.value, out);
}

}  // namespace piv
