#include "ocsp_client/der.h"

namespace piv {

std::optional<DerElement> DerReader::any() noexcept {
    DerElement element;
    return reader_.any(element) ? std::optional<DerElement>(element) : std::nullopt;
}

std::optional<DerElement> DerReader::read(std::uint8_t tag) noexcept {
    DerElement element;
    return reader_.element(tag, element) ? std::optional<DerElement>(element) : std::nullopt;
}

std::optional<DerElement> der_single(ByteView input, std::uint8_t tag) noexcept {
    DerReader reader(input);
    auto element = reader.read(tag);
    if (!element || !reader.empty()) {
        return std::nullopt;
    }
    return element;
}

bool der_oid_valid(ByteView content) noexcept {
    bool at_start = true;
    for (const std::uint8_t octet : content) {
        if (at_start && octet == 0x80) {
            return false;
        }
        at_start = (octet & 0x80U) == 0;
    }
    return !content.empty() && at_start;
}

namespace {

bool primitive_valid(const DerElement& element) noexcept {
    bool truth = false;
    ByteView bits;
    unsigned unused = 0;
    switch (element.tag) {
        case der::kBoolean:
            return der::boolean(element.value, truth);
        case der::kInteger:
        case der::kEnumerated:
            return der::integer_is_valid(element.value);
        case der::kBitString:
            return der::bit_string(element.value, bits, unused);
        case der::kNull:
            return element.value.empty();
        case der::kOid:
            return der_oid_valid(element.value);
        default:
            return element.tag != 0x00;  // end-of-contents octets belong to BER
    }
}

}  // namespace

bool der_well_formed(ByteView input, int max_depth) noexcept {
    if (max_depth <= 0) {
        return false;
    }
    DerReader reader(input);
    while (!reader.empty()) {
        const auto element = reader.any();
        if (!element) {
            return false;
        }
        const bool constructed = (element->tag & 0x20U) != 0;
        const bool universal = (element->tag & 0xc0U) == 0;
        if (!constructed) {
            if ((universal && !primitive_valid(*element)) || element->tag == 0x10 ||
                element->tag == 0x11) {
                return false;
            }
            continue;
        }
        if (universal && element->tag != 0x30 && element->tag != 0x31) {
            return false;  // strings in pieces belong to BER
        }
        if (!der_well_formed(element->value, max_depth - 1)) {
            return false;
        }
    }
    return true;
}

std::optional<UnixTime> parse_generalized_time(ByteView content) noexcept {
    const bool year_0 = content.sub(0, 4) == ByteView(std::string_view("0000"));
    return year_0 ? std::nullopt : der::time({der::kGeneralizedTime, content, {}});
}

void der_append(Bytes& out, std::uint8_t tag, ByteView content) {
    der::append(out, der::encode(tag, content));
}

}  // namespace piv
