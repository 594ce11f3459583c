#include "tests/card/tlv.h"

namespace piv::vcard {

void put_tlv(Bytes& out, std::uint32_t tag, ByteView value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>(tag >> shift & 0xFF);
        if (tag >> shift != 0 || shift == 0) {
            out.push_back(byte);
        }
    }
    const std::size_t size = value.size();
    if (size < 0x80) {
        out.push_back(static_cast<std::uint8_t>(size));
    } else {
        const int bytes = size < 0x100 ? 1 : size < 0x10000 ? 2 : 3;
        out.push_back(static_cast<std::uint8_t>(0x80 + bytes));
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
            out.push_back(static_cast<std::uint8_t>(size >> shift & 0xFF));
        }
    }
    out.insert(out.end(), value.begin(), value.end());
}

Bytes tlv(std::uint32_t tag, ByteView value) {
    Bytes out;
    put_tlv(out, tag, value);
    return out;
}

Bytes concat(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& part : parts) {
        out.insert(out.end(), part.begin(), part.end());
    }
    return out;
}

bool take_tlv(ByteView& rest, Tlv& out) noexcept {
    std::size_t at = 0;
    const auto next = [&](std::uint32_t& byte) {
        if (at >= rest.size()) {
            return false;
        }
        byte = rest[at++];
        return true;
    };
    std::uint32_t byte = 0;
    if (!next(byte)) {
        return false;
    }
    std::uint32_t tag = byte;
    if ((byte & 0x1F) == 0x1F) {
        do {
            if (at > 2 || !next(byte)) {
                return false;
            }
            tag = tag << 8 | byte;
        } while ((byte & 0x80) != 0);
    }
    std::uint32_t length = 0;
    if (!next(length)) {
        return false;
    }
    if (length >= 0x80) {
        const std::uint32_t count = length - 0x80;
        length = 0;
        if (count == 0 || count > 3) {
            return false;
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            if (!next(byte)) {
                return false;
            }
            length = length << 8 | byte;
        }
    }
    if (length > rest.size() - at) {
        return false;
    }
    out.tag = tag;
    out.value = rest.sub(at, length);
    rest = rest.sub(at + length);
    return true;
}

}  // namespace piv::vcard
