#include "ocsp_client/der.h"

namespace piv {

std::optional<DerElement> DerReader::any() noexcept {
    if (rest_.size() < 2 || (rest_[0] & 0x1fU) == 0x1fU) {
        return std::nullopt;  // OCSP and X.509 use no high tag numbers
    }
    std::size_t header = 2;
    std::size_t length = rest_[1];
    if (length >= 0x80) {
        const std::size_t octets = length & 0x7fU;
        if (octets == 0 || octets > 4 || rest_.size() < 2 + octets || rest_[2] == 0) {
            return std::nullopt;  // indefinite, absurd, cut off, or padded
        }
        length = 0;
        for (std::size_t i = 0; i < octets; ++i) {
            length = (length << 8U) | rest_[2 + i];
        }
        if (length < 0x80) {
            return std::nullopt;  // the short form would have done
        }
        header += octets;
    }
    if (length > rest_.size() - header) {
        return std::nullopt;
    }
    DerElement element{rest_[0], rest_.sub(header, length), rest_.sub(0, header + length)};
    rest_ = rest_.sub(header + length);
    return element;
}

std::optional<DerElement> DerReader::read(std::uint8_t tag) noexcept {
    if (next_tag() != tag) {
        return std::nullopt;
    }
    return any();
}

std::optional<DerElement> der_single(ByteView input, std::uint8_t tag) noexcept {
    DerReader reader(input);
    auto element = reader.read(tag);
    if (!element || !reader.empty()) {
        return std::nullopt;
    }
    return element;
}

bool der_integer_minimal(ByteView content) noexcept {
    if (content.empty()) {
        return false;
    }
    if (content.size() == 1) {
        return true;
    }
    const bool sign = (content[1] & 0x80U) != 0;
    return !(content[0] == 0x00 && !sign) && !(content[0] == 0xff && sign);
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

bool bit_string_valid(ByteView content) noexcept {
    if (content.empty() || content[0] > 7 || (content.size() == 1 && content[0] != 0)) {
        return false;
    }
    const auto unused = static_cast<std::uint8_t>((1U << content[0]) - 1U);
    return content.size() == 1 || (content[content.size() - 1] & unused) == 0;
}

bool primitive_valid(const DerElement& element) noexcept {
    const ByteView content = element.content;
    switch (element.tag) {
        case tag::kBoolean:
            return content.size() == 1 && (content[0] == 0x00 || content[0] == 0xff);
        case tag::kInteger:
        case tag::kEnumerated:
            return der_integer_minimal(content);
        case tag::kBitString:
            return bit_string_valid(content);
        case tag::kNull:
            return content.empty();
        case tag::kOid:
            return der_oid_valid(content);
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
        if (!der_well_formed(element->content, max_depth - 1)) {
            return false;
        }
    }
    return true;
}

std::optional<UnixTime> parse_generalized_time(ByteView content) noexcept {
    if (content.size() != 15 || content[14] != 'Z') {
        return std::nullopt;
    }
    const auto number = [&content](std::size_t from, std::size_t count) {
        int value = 0;
        for (std::size_t i = from; i < from + count; ++i) {
            if (content[i] < '0' || content[i] > '9') {
                return -1;
            }
            value = value * 10 + (content[i] - '0');
        }
        return value;
    };
    const int year = number(0, 4);
    const int month = number(4, 2);
    const int day = number(6, 2);
    const int hour = number(8, 2);
    const int minute = number(10, 2);
    const int second = number(12, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59) {
        return std::nullopt;
    }
    static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > kDays[month - 1] + (month == 2 && leap ? 1 : 0)) {
        return std::nullopt;
    }
    return from_civil(year, month, day, hour, minute, second);
}

void der_append(Bytes& out, std::uint8_t tag, ByteView content) {
    out.push_back(tag);
    const std::size_t size = content.size();
    if (size < 0x80) {
        out.push_back(static_cast<std::uint8_t>(size));
    } else {
        int octets = 1;
        while (octets < 8 && (size >> (8 * static_cast<unsigned>(octets))) != 0) {
            ++octets;
        }
        out.push_back(static_cast<std::uint8_t>(0x80 | octets));
        for (int i = octets - 1; i >= 0; --i) {
            out.push_back(static_cast<std::uint8_t>(size >> (8 * static_cast<unsigned>(i))));
        }
    }
    out.insert(out.end(), content.begin(), content.end());
}

Bytes der_wrap(std::uint8_t tag, ByteView content) {
    Bytes out;
    out.reserve(content.size() + 6);
    der_append(out, tag, content);
    return out;
}

}  // namespace piv
