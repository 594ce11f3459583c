#include "pki/x509/der.h"

namespace piv::der {

bool Reader::any_length(Element& out) noexcept {
    if (rest_.size() < 2) {
        return false;
    }
    const std::uint8_t tag = rest_[0];
    if ((tag & 0x1FU) == 0x1FU) {
        return false;  // no type of ours has a tag number above 30
    }
    std::size_t header = 2;
    std::size_t length = rest_[1];
    if (length >= 0x80U) {
        const std::size_t octets = length & 0x7FU;
        if (octets == 0 || octets > 4 || rest_.size() < 2 + octets) {
            return false;
        }
        length = 0;
        for (std::size_t i = 0; i < octets; ++i) {
            length = (length << 8U) | rest_[2 + i];
        }
        const bool shortest = length >= 0x80U && (length >> (8U * (octets - 1))) != 0;
        if (!shortest) {
            return false;
        }
        header += octets;
    }
    if (length > rest_.size() - header) {
        return false;
    }
    take(out, header, length);
    return true;
}

bool Reader::optional(std::uint8_t tag, ByteView& value, bool& present) noexcept {
    present = !at_end() && peek() == tag;
    return !present || read(tag, value);
}

bool only(ByteView input, std::uint8_t tag, ByteView& value) noexcept {
    Reader reader(input);
    return reader.read(tag, value) && reader.at_end();
}

bool boolean(ByteView contents, bool& out) noexcept {
    if (contents.size() != 1 || (contents[0] != 0x00 && contents[0] != 0xFF)) {
        return false;
    }
    out = contents[0] != 0;
    return true;
}

bool integer_is_valid(ByteView contents) noexcept {
    if (contents.empty()) {
        return false;
    }
    if (contents.size() == 1) {
        return true;
    }
    const bool high = (contents[1] & 0x80U) != 0;
    return !((contents[0] == 0x00 && !high) || (contents[0] == 0xFF && high));
}

bool small_unsigned(ByteView contents, std::uint32_t& out) noexcept {
    if (!integer_is_valid(contents) || (contents[0] & 0x80U) != 0) {
        return false;
    }
    std::uint64_t value = 0;
    for (const std::uint8_t octet : contents) {
        value = (value << 8U) | octet;
        if (value > UINT32_MAX) {
            out = UINT32_MAX;
            return true;
        }
    }
    out = static_cast<std::uint32_t>(value);
    return true;
}

bool bit_string(ByteView contents, ByteView& bits, unsigned& unused) noexcept {
    if (contents.empty() || contents[0] > 7) {
        return false;
    }
    unused = contents[0];
    bits = contents.sub(1);
    if (bits.empty()) {
        return unused == 0;
    }
    const unsigned mask = (1U << unused) - 1U;
    return (bits[bits.size() - 1] & mask) == 0;
}

bool named_bits(ByteView contents, std::uint32_t& out) noexcept {
    ByteView bits;
    unsigned unused = 0;
    if (!bit_string(contents, bits, unused)) {
        return false;
    }
    out = 0;
    for (std::size_t i = 0; i < bits.size() && i < 4; ++i) {
        for (unsigned b = 0; b < 8; ++b) {
            if ((bits[i] & (0x80U >> b)) != 0) {
                out |= 1U << (i * 8 + b);
            }
        }
    }
    return true;
}

std::string oid_text(ByteView contents) {
    std::string text;
    std::uint64_t arc = 0;
    bool inside = false;
    bool first = true;
    for (const std::uint8_t octet : contents) {
        if ((!inside && octet == 0x80) || arc > (UINT64_MAX >> 7U)) {
            return {};
        }
        arc = (arc << 7U) | (octet & 0x7FU);
        inside = (octet & 0x80U) != 0;
        if (inside) {
            continue;
        }
        if (first) {
            const std::uint64_t top = arc < 80 ? arc / 40 : 2;
            text = std::to_string(top) + '.' + std::to_string(arc - top * 40);
            first = false;
        } else {
            text += '.' + std::to_string(arc);
        }
        arc = 0;
    }
    return inside ? std::string() : text;
}

namespace {

bool two_digits(ByteView text, std::size_t at, int& out) noexcept {
    const std::uint8_t a = text[at];
    const std::uint8_t b = text[at + 1];
    if (a < '0' || a > '9' || b < '0' || b > '9') {
        return false;
    }
    out = (a - '0') * 10 + (b - '0');
    return true;
}

int days_in(int year, int month) noexcept {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

}  // namespace

std::optional<UnixTime> time(const Element& element) noexcept {
    const bool utc = element.tag == kUtcTime;
    const ByteView text = element.value;
    if ((!utc && element.tag != kGeneralizedTime) || text.size() != (utc ? 13U : 15U) ||
        text[text.size() - 1] != 'Z') {
        return std::nullopt;
    }
    int century = 0;
    int year = 0;
    std::size_t at = 0;
    if (!utc) {
        if (!two_digits(text, 0, century)) {
            return std::nullopt;
        }
        at = 2;
    }
    int field[6] = {};  // year of the century, month, day, hour, minute, second
    for (int& f : field) {
        if (!two_digits(text, at, f)) {
            return std::nullopt;
        }
        at += 2;
    }
    year = utc ? field[0] + (field[0] < 50 ? 2000 : 1900) : century * 100 + field[0];
    if (field[1] < 1 || field[1] > 12 || field[2] < 1 || field[2] > days_in(year, field[1]) ||
        field[3] > 23 || field[4] > 59 || field[5] > 59) {
        return std::nullopt;
    }
    return from_civil(year, field[1], field[2], field[3], field[4], field[5]);
}

Bytes encode(std::uint8_t tag, ByteView contents) {
    Bytes out{tag};
    const std::size_t length = contents.size();
    if (length < 0x80U) {
        out.push_back(static_cast<std::uint8_t>(length));
    } else {
        unsigned octets = 1;
        while ((length >> (8U * octets)) != 0) {
            ++octets;
        }
        out.push_back(static_cast<std::uint8_t>(0x80U | octets));
        for (unsigned i = octets; i > 0; --i) {
            out.push_back(static_cast<std::uint8_t>(length >> (8U * (i - 1))));
        }
    }
    append(out, contents);
    return out;
}

void append(Bytes& to, ByteView more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace piv::der
