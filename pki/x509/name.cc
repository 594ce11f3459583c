#include "pki/x509/name.h"

#include <algorithm>

namespace piv {

namespace {

void append_utf8(std::string& out, std::uint32_t c) {
    const auto put = [&out](std::uint32_t octet) { out += static_cast<char>(octet); };
    if (c < 0x80U) {
        put(c);
    } else if (c < 0x800U) {
        put(0xC0U | (c >> 6U));
        put(0x80U | (c & 0x3FU));
    } else if (c < 0x10000U) {
        put(0xE0U | (c >> 12U));
        put(0x80U | ((c >> 6U) & 0x3FU));
        put(0x80U | (c & 0x3FU));
    } else {
        put(0xF0U | (c >> 18U));
        put(0x80U | ((c >> 12U) & 0x3FU));
        put(0x80U | ((c >> 6U) & 0x3FU));
        put(0x80U | (c & 0x3FU));
    }
}

bool wide_to_utf8(ByteView value, std::size_t width, std::string& out) {
    if (value.size() % width != 0) {
        return false;
    }
    for (std::size_t i = 0; i < value.size(); i += width) {
        std::uint32_t c = 0;
        for (std::size_t k = 0; k < width; ++k) {
            c = (c << 8U) | value[i + k];
        }
        if (c > 0x10FFFFU || (c >= 0xD800U && c <= 0xDFFFU)) {
            return false;
        }
        append_utf8(out, c);
    }
    return true;
}

bool valid_utf8(ByteView text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::uint8_t lead = text[i];
        const std::size_t more = lead < 0x80U ? 0 : lead >= 0xF0U ? 3 : lead >= 0xE0U ? 2 : 1;
        if ((lead >= 0x80U && lead < 0xC2U) || lead > 0xF4U || i + more >= text.size()) {
            return false;
        }
        std::uint32_t c = more == 0 ? lead : lead & (0x3FU >> more);
        for (std::size_t k = 1; k <= more; ++k) {
            if ((text[i + k] & 0xC0U) != 0x80U) {
                return false;
            }
            c = (c << 6U) | (text[i + k] & 0x3FU);
        }
        if ((more == 2 && c < 0x800U) || (more == 3 && c < 0x10000U) || c > 0x10FFFFU ||
            (c >= 0xD800U && c <= 0xDFFFU)) {
            return false;
        }
        i += more + 1;
    }
    return true;
}

bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

std::string folded(const std::string& text) {
    std::string out;
    bool blank = false;
    for (const char c : text) {
        if (is_blank(c)) {
            blank = !out.empty();
            continue;
        }
        if (blank) {
            out += ' ';
            blank = false;
        }
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

std::string with_length(std::string_view text) {
    return std::to_string(text.size()) + ':' + std::string(text);
}

// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
bool attribute(ByteView contents, ByteView& type, der::Element& value) {
    der::Reader reader(contents);
    return reader.read(der::kOid, type) && reader.any(value) && reader.at_end();
}

bool canonical_rdn(ByteView contents, std::string& out) {
    std::vector<std::string> attributes;
    der::Reader reader(contents);
    while (!reader.at_end()) {
        ByteView pair;
        ByteView type;
        der::Element value;
        if (!reader.read(der::kSequence, pair) || !attribute(pair, type, value)) {
            return false;
        }
        std::string text;
        std::string one = with_length(type.text());
        if (string_to_utf8(value, text)) {
            one += 's' + with_length(folded(text));
        } else {
            one += 'd' + with_length(value.whole.text());
        }
        attributes.push_back(std::move(one));
    }
    if (attributes.empty()) {
        return false;  // SET SIZE (1..MAX)
    }
    std::sort(attributes.begin(), attributes.end());
    for (const std::string& a : attributes) {
        out += a;
    }
    return true;
}

}  // namespace

bool string_to_utf8(const der::Element& element, std::string& out) {
    out.clear();
    switch (element.tag) {
        case der::kUtf8String:
            out = std::string(element.value.text());
            return valid_utf8(element.value);
        case der::kBmpString:
            return wide_to_utf8(element.value, 2, out);
        case der::kUniversalString:
            return wide_to_utf8(element.value, 4, out);
        case der::kT61String:  // Latin-1, as everybody reads it
        case der::kPrintableString:
        case der::kIa5String:
        case der::kVisibleString:
        case der::kNumericString:
            return wide_to_utf8(element.value, 1, out);
        default:
            return false;
    }
}

bool canonical_name(ByteView name, CanonicalName& out) {
    out.rdns.clear();
    ByteView contents;
    if (!der::only(name, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    while (!reader.at_end()) {
        ByteView rdn;
        std::string canonical;
        if (!reader.read(der::kSet, rdn) || !canonical_rdn(rdn, canonical)) {
            return false;
        }
        out.rdns.push_back(std::move(canonical));
    }
    return true;
}

bool append_rdn(CanonicalName& name, ByteView rdn) {
    std::string canonical;
    if (!canonical_rdn(rdn, canonical)) {
        return false;
    }
    name.rdns.push_back(std::move(canonical));
    return true;
}

bool CanonicalName::within(const CanonicalName& base) const {
    return base.rdns.size() <= rdns.size() &&
           std::equal(base.rdns.begin(), base.rdns.end(), rdns.begin());
}

std::string CanonicalName::key() const {
    std::string out;
    for (const std::string& rdn : rdns) {
        out += with_length(rdn);
    }
    return out;
}

std::vector<std::string> attribute_values(ByteView name, std::string_view oid) {
    std::vector<std::string> values;
    ByteView contents;
    if (!der::only(name, der::kSequence, contents)) {
        return values;
    }
    der::Reader reader(contents);
    ByteView rdn;
    while (reader.read(der::kSet, rdn)) {
        der::Reader attributes(rdn);
        ByteView pair;
        while (attributes.read(der::kSequence, pair)) {
            ByteView type;
            der::Element value;
            std::string text;
            if (attribute(pair, type, value) && der::oid_text(type) == oid &&
                string_to_utf8(value, text)) {
                values.push_back(std::move(text));
            }
        }
    }
    return values;
}

bool general_name(const der::Element& element, GeneralName& out) {
    const unsigned number = element.tag & 0x1FU;
    const bool constructed = (element.tag & 0x20U) != 0;
    if ((element.tag & 0xC0U) != 0x80U || number > 8) {
        return false;
    }
    out = {};
    out.form = static_cast<GeneralName::Form>(number);
    out.value = element.value;
    const bool wants_constructed = number == 0 || number == 3 || number == 4 || number == 5;
    if (constructed != wants_constructed) {
        return false;
    }
    if (out.form == GeneralName::Form::Directory) {  // [4] EXPLICIT: Name is a CHOICE
        return canonical_name(element.value, out.directory);
    }
    if (out.form == GeneralName::Form::Other) {
        // OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }
        der::Reader reader(element.value);
        ByteView type;
        if (!reader.read(der::kOid, type) ||
            !reader.read(der::context_constructed(0), out.other_value) || !reader.at_end()) {
            return false;
        }
        out.other_type = der::oid_text(type);
        return !out.other_type.empty();
    }
    const bool ia5 = out.form == GeneralName::Form::Email || out.form == GeneralName::Form::Dns ||
                     out.form == GeneralName::Form::Uri;
    return !ia5 || std::none_of(element.value.begin(), element.value.end(),
                                [](std::uint8_t c) { return c >= 0x80U; });
}

bool general_names(ByteView contents, std::vector<GeneralName>& out) {
    out.clear();
    der::Reader reader(contents);
    while (!reader.at_end()) {
        der::Element element;
        GeneralName name;
        if (!reader.any(element) || !general_name(element, name)) {
            return false;
        }
        out.push_back(std::move(name));
    }
    return !out.empty();
}

std::string ascii_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

}  // namespace piv
