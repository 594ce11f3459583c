#include "pki/x509/crl_list.h"

namespace piv {

namespace {

void note(CrlList& list, const char* what) {
    if (list.unusable.empty()) {
        list.unusable = what;
    }
}

bool implicit_boolean(der::Reader& reader, unsigned tag, bool& out) {
    ByteView contents;
    bool present = false;
    return reader.optional(der::context(tag), contents, present) &&
           (!present || der::boolean(contents, out));
}

// IssuingDistributionPoint ::= SEQUENCE { distributionPoint [0], onlyContainsUserCerts [1],
//   onlyContainsCACerts [2], onlySomeReasons [3], indirectCRL [4], onlyContainsAttributeCerts [5] }
bool read_issuing_distribution_point(ByteView value, IssuingDistributionPoint& out) {
    ByteView contents;
    ByteView name;
    ByteView reasons;
    bool has_name = false;
    bool has_reasons = false;
    if (!der::only(value, der::kSequence, contents) || contents.empty()) {
        return false;  // "CRL issuers MUST NOT issue CRLs where the DER encoding ... is an empty sequence"
    }
    der::Reader reader(contents);
    if (!reader.optional(der::context_constructed(0), name, has_name) ||
        !implicit_boolean(reader, 1, out.only_user_certificates) ||
        !implicit_boolean(reader, 2, out.only_ca_certificates) ||
        !reader.optional(der::context(3), reasons, has_reasons) ||
        !implicit_boolean(reader, 4, out.indirect) ||
        !implicit_boolean(reader, 5, out.only_attribute_certificates) || !reader.at_end()) {
        return false;
    }
    if (has_name) {
        out.name.emplace();
        if (!read_distribution_point_name(name, *out.name)) {
            return false;
        }
    }
    if (has_reasons) {
        out.only_some_reasons = 0;
        if (!der::named_bits(reasons, *out.only_some_reasons)) {
            return false;
        }
    }
    return static_cast<int>(out.only_user_certificates) +
               static_cast<int>(out.only_ca_certificates) +
               static_cast<int>(out.only_attribute_certificates) <=
           1;
}

bool read_number(ByteView value, std::optional<Bytes>& out) {
    ByteView contents;
    if (!der::only(value, der::kInteger, contents) || !der::integer_is_valid(contents) ||
        (contents[0] & 0x80U) != 0) {
        return false;
    }
    while (!contents.empty() && contents[0] == 0) {
        contents = contents.sub(1);
    }
    out = contents.copy();
    return true;
}

bool read_key_id(ByteView value, std::optional<ByteView>& out) {
    ByteView contents;
    ByteView id;
    bool present = false;
    if (!der::only(value, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.optional(der::context(0), id, present)) {
        return false;
    }
    if (present) {
        out = id;
    }
    return true;
}

void read_crl_extension(const Extension& e, CrlList& list) {
    bool good = true;
    bool may_be_critical = true;
    if (e.id == oid::kIssuingDistributionPoint) {
        IssuingDistributionPoint point;
        good = read_issuing_distribution_point(e.value, point);
        list.distribution_point = std::move(point);
        list.distribution_point_der = e.value;
    } else if (e.id == oid::kDeltaCrlIndicator) {
        good = read_number(e.value, list.delta_base);
    } else {
        may_be_critical =
            false;  // 5.2.1, 5.2.3, 5.2.6: "MUST be marked as non-critical"; or unknown
        if (e.id == oid::kCrlNumber) {
            good = read_number(e.value, list.number);
        } else if (e.id == oid::kAuthorityKeyId) {
            good = read_key_id(e.value, list.authority_key_id);
        }
    }
    if (!good) {
        note(list, "a malformed extension");
    }
    if (e.critical && !may_be_critical) {
        note(list, "a critical extension that is not understood");
    }
}

bool is_time(std::uint8_t tag) {
    return tag == der::kUtcTime || tag == der::kGeneralizedTime;
}

bool read_crl_extensions(der::Reader& reader, CrlList& out) {
    ByteView wrapped;
    bool present = false;
    if (!reader.optional(der::context_constructed(0), wrapped, present)) {
        return false;
    }
    if (!present) {
        return true;
    }
    ByteView contents;
    std::vector<Extension> extensions;
    if (!der::only(wrapped, der::kSequence, contents) || !read_extensions(contents, extensions)) {
        return false;
    }
    if (out.version != 2) {
        note(out, "extensions in a CRL of version 1");
    }
    for (const Extension& e : extensions) {
        read_crl_extension(e, out);
    }
    return true;
}

bool read_version(der::Reader& reader, CrlList& out) {
    ByteView contents;
    bool present = false;
    std::uint32_t value = 0;
    if (!reader.optional(der::kInteger, contents, present)) {
        return false;
    }
    if (present) {
        if (!der::small_unsigned(contents, value)) {
            return false;
        }
        if (value != 1) {
            note(out, "a version that does not exist");
        }
        out.version = 2;
    }
    return true;
}

bool read_times(der::Reader& reader, CrlList& out) {
    der::Element element;
    if (!reader.any(element)) {
        return false;
    }
    const auto this_update = der::time(element);
    if (!this_update) {
        return false;
    }
    out.this_update = *this_update;
    if (is_time(reader.peek())) {
        if (!reader.any(element)) {
            return false;
        }
        out.next_update = der::time(element);
        return out.next_update.has_value();
    }
    return true;
}

// TBSCertList (RFC 5280 section 5.1.2)
bool read_tbs(ByteView contents, CrlList& out) {
    der::Reader reader(contents);
    der::Element algorithm;
    der::Element issuer;
    bool has_entries = false;
    if (!read_version(reader, out) || !reader.element(der::kSequence, algorithm) ||
        !reader.element(der::kSequence, issuer) || !canonical_name(issuer.whole, out.issuer) ||
        !read_times(reader, out) || !reader.optional(der::kSequence, out.entries, has_entries) ||
        !read_crl_extensions(reader, out) || !reader.at_end()) {
        return false;
    }
    if (algorithm.whole != out.outer_algorithm) {
        note(out, "its two signature algorithms differ");
    }
    if (has_entries &&
        out.entries.empty()) {  // 5.1.2.6: "the revoked certificates list MUST be absent"
        note(out, "an empty list of entries");
    }
    return true;
}

}  // namespace

bool read_crl(ByteView der, CrlList& out) {
    out.whole = der;
    ByteView contents;
    if (!der::only(der, der::kSequence, contents)) {
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
        note(out, "a malformed signature");
    }
    out.tbs = tbs.whole;
    out.outer_algorithm = algorithm.whole;
    return read_tbs(tbs.value, out);
}

const char* reason_text(std::uint32_t reason) noexcept {
    static const char* const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "unspecified",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unspecified";
}

CrlEntryReader::CrlEntryReader(const CrlList& list) : CrlEntryReader(list, list.entries) {}

CrlEntryReader::CrlEntryReader(const CrlList& list, ByteView part)
    : list_(list), reader_(part), issuer_(list.issuer) {}

// RFC 5280 section 5.3
bool CrlEntryReader::read_entry_extensions(ByteView contents, CrlEntry& out) {
    std::vector<Extension> extensions;
    if (list_.version != 2 || !read_extensions(contents, extensions)) {
        return false;
    }
    for (const Extension& e : extensions) {
        ByteView value;
        if (e.id == oid::kReasonCode) {
            if (!der::only(e.value, der::kEnumerated, value) ||
                !der::small_unsigned(value, out.reason) || out.reason > 10 || out.reason == 7) {
                return false;
            }
        } else if (e.id == oid::kCertificateIssuer) {
            std::vector<GeneralName> names;
            const bool indirect = list_.distribution_point && list_.distribution_point->indirect;
            if (!indirect || !der::only(e.value, der::kSequence, value) ||
                !general_names(value, names)) {
                return false;
            }
            const GeneralName* directory = nullptr;
            for (const GeneralName& name : names) {
                if (name.form == GeneralName::Form::Directory) {
                    directory = &name;
                }
            }
            if (directory == nullptr) {
                return false;
            }
            issuer_ = directory->directory;
        } else if (e.critical && e.id != oid::kInvalidityDate) {
            return false;
        }
    }
    return true;
}

CrlEntryReader::Step CrlEntryReader::next(CrlEntry& out) {
    if (reader_.at_end()) {
        return Step::End;
    }
    der::Element whole;
    der::Element time;
    ByteView extensions;
    bool has_extensions = false;
    out = {};
    if (!reader_.element(der::kSequence, whole)) {
        return Step::Malformed;
    }
    out.whole = whole.whole;
    der::Reader entry(whole.value);
    if (!entry.read(der::kInteger, out.serial) || !der::integer_is_valid(out.serial) ||
        !entry.any(time) || !entry.optional(der::kSequence, extensions, has_extensions) ||
        !entry.at_end()) {
        return Step::Malformed;
    }
    const auto at = der::time(time);
    if (!at || (has_extensions && !read_entry_extensions(extensions, out))) {
        return Step::Malformed;
    }
    out.revoked_at = *at;
    return Step::Entry;
}

bool read_entry_at(const CrlList& list, std::uint64_t offset, CrlEntry& out) {
    const std::uint8_t* at = list.whole.data() + offset;
    if (offset >= list.whole.size() || at < list.entries.begin() || at >= list.entries.end()) {
        return false;
    }
    CrlEntryReader reader(list, {at, static_cast<std::size_t>(list.entries.end() - at)});
    return reader.next(out) == CrlEntryReader::Step::Entry;
}

Result<std::optional<CrlEntry>> find_entry(const CrlList& list, const CanonicalName& issuer,
                                           ByteView serial) {
    std::optional<CrlEntry> found;
    CrlEntryReader reader(list);
    CrlEntry entry;
    for (;;) {
        switch (reader.next(entry)) {
            case CrlEntryReader::Step::Malformed:
                return Error(ErrorCode::CrlUnusable, "a malformed or critical entry");
            case CrlEntryReader::Step::End:
                return found;
            case CrlEntryReader::Step::Entry:
                if (entry.serial == serial && reader.certificate_issuer() == issuer) {
                    found = entry;
                }
                break;
        }
    }
}

}  // namespace piv
