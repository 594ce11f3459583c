#include "pki/x509/plain_certificate.h"

#include <algorithm>

#include "pki/x509/der.h"
#include "pki/x509/name.h"

namespace piv {

namespace {

bool all_ascii(ByteView text) {
    return std::all_of(text.begin(), text.end(), [](std::uint8_t c) { return c < 0x80U; });
}

// Complete, in the shortest form; arcs of at most 28 bits.
bool plain_oid(ByteView contents) {
    unsigned octets = 0;
    for (const std::uint8_t c : contents) {
        if ((octets == 0 && c == 0x80U) || ++octets > 4) {
            return false;
        }
        if (c < 0x80U) {
            octets = 0;
        }
    }
    return !contents.empty() && octets == 0;
}

// AlgorithmIdentifier ::= SEQUENCE { algorithm OID, parameters ANY OPTIONAL }
bool plain_algorithm(der::Reader& reader) {
    ByteView contents;
    ByteView id;
    if (!reader.read(der::kSequence, contents)) {
        return false;
    }
    der::Reader inside(contents);
    if (!inside.read(der::kOid, id) || !plain_oid(id)) {
        return false;
    }
    der::Element parameters;
    if (inside.at_end()) {
        return true;
    }
    if (!inside.any(parameters) || !inside.at_end()) {
        return false;
    }
    switch (parameters.tag) {
        case der::kNull:
            return parameters.value.empty();
        case der::kOid:
            return plain_oid(parameters.value);
        default:
            return parameters.tag == der::kSequence;
    }
}

bool plain_string(const der::Element& value) {
    const bool known = value.tag == der::kUtf8String || value.tag == der::kPrintableString ||
                       value.tag == der::kIa5String;
    if (!known || all_ascii(value.value)) {
        return known;
    }
    std::string decoded;
    return value.tag == der::kUtf8String && string_to_utf8(value, decoded);
}

// Name ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { type OID, value ANY }
bool plain_name(der::Reader& reader) {
    ByteView contents;
    if (!reader.read(der::kSequence, contents)) {
        return false;
    }
    der::Reader rdns(contents);
    while (!rdns.at_end()) {
        ByteView rdn;
        if (!rdns.read(der::kSet, rdn) || rdn.empty()) {
            return false;
        }
        der::Reader attributes(rdn);
        while (!attributes.at_end()) {
            ByteView attribute;
            ByteView type;
            der::Element value;
            if (!attributes.read(der::kSequence, attribute)) {
                return false;
            }
            der::Reader inside(attribute);
            if (!inside.read(der::kOid, type) || !plain_oid(type) || !inside.any(value) ||
                !inside.at_end() || !plain_string(value)) {
                return false;
            }
        }
    }
    return true;
}

bool plain_validity(der::Reader& reader) {
    ByteView contents;
    der::Element from;
    der::Element to;
    if (!reader.read(der::kSequence, contents)) {
        return false;
    }
    der::Reader inside(contents);
    return inside.any(from) && inside.any(to) && inside.at_end() && der::time(from).has_value() &&
           der::time(to).has_value();
}

bool plain_bit_string(der::Reader& reader) {
    ByteView contents;
    ByteView bits;
    unsigned unused = 0;
    return reader.read(der::kBitString, contents) && der::bit_string(contents, bits, unused);
}

bool plain_public_key(der::Reader& reader) {
    ByteView contents;
    if (!reader.read(der::kSequence, contents)) {
        return false;
    }
    der::Reader inside(contents);
    return plain_algorithm(inside) && plain_bit_string(inside) && inside.at_end();
}

bool plain_extensions(ByteView contents) {
    ByteView list;
    if (!der::only(contents, der::kSequence, list) || list.empty()) {
        return false;
    }
    der::Reader extensions(list);
    while (!extensions.at_end()) {
        ByteView one;
        ByteView id;
        ByteView flag;
        ByteView value;
        bool has_flag = false;
        bool critical = false;
        if (!extensions.read(der::kSequence, one)) {
            return false;
        }
        der::Reader inside(one);
        if (!inside.read(der::kOid, id) || !plain_oid(id) ||
            !inside.optional(der::kBoolean, flag, has_flag) ||
            (has_flag && !der::boolean(flag, critical)) || !inside.read(der::kOctetString, value) ||
            !inside.at_end()) {
            return false;
        }
    }
    return true;
}

// TBSCertificate of version 1 or 3, without unique identifiers
bool plain_tbs(ByteView contents) {
    der::Reader reader(contents);
    ByteView version;
    ByteView serial;
    ByteView extensions;
    bool has_version = false;
    bool has_extensions = false;
    if (!reader.optional(der::context_constructed(0), version, has_version)) {
        return false;
    }
    ByteView number;
    if (has_version &&
        (!der::only(version, der::kInteger, number) || number.size() != 1 || number[0] != 2)) {
        return false;
    }
    return reader.read(der::kInteger, serial) && der::integer_is_valid(serial) &&
           plain_algorithm(reader) && plain_name(reader) && plain_validity(reader) &&
           plain_name(reader) && plain_public_key(reader) &&
           reader.optional(der::context_constructed(3), extensions, has_extensions) &&
           reader.at_end() && (!has_extensions || (has_version && plain_extensions(extensions)));
}

}  // namespace

bool is_plain_certificate(ByteView der) {
    constexpr std::size_t kMostOctets = 65536;  // well below any limit of libcrypto
    ByteView contents;
    ByteView tbs;
    if (der.size() > kMostOctets || !der::only(der, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    return reader.read(der::kSequence, tbs) && plain_tbs(tbs) && plain_algorithm(reader) &&
           plain_bit_string(reader) && reader.at_end();
}

}  // namespace piv
