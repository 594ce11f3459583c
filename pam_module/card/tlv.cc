#include "pam_module/card/tlv.h"

#include <string>

namespace piv {

namespace {

struct Header {
    std::uint32_t tag = 0;
    std::size_t header_size = 0;  // 0: malformed or cut short
    std::size_t value_size = 0;
};

Header read_header(ByteView in) noexcept {
    Header header;
    std::size_t at = 0;
    if (in.empty()) {
        return header;
    }
    std::uint32_t tag = in[at++];
    if ((tag & 0x1FU) == 0x1FU) {  // more tag octets follow, the last with bit 8 clear
        std::uint8_t octet = 0x80;
        while ((octet & 0x80U) != 0) {
            if (at >= in.size() || at == 3) {
                return header;
            }
            octet = in[at++];
            tag = (tag << 8) | octet;
        }
    }
    if (at >= in.size()) {
        return header;
    }
    std::size_t size = in[at++];
    if (size >= 0x80) {
        const std::size_t octets = size & 0x7FU;
        if (octets == 0 || octets > 4 || in.size() - at < octets) {
            return header;
        }
        size = 0;
        for (std::size_t i = 0; i < octets; ++i) {
            size = (size << 8) | in[at++];
        }
    }
    header.tag = tag;
    header.header_size = at;
    header.value_size = size;
    return header;
}

}  // namespace

Result<std::optional<Tlv>> TlvReader::next() {
    while (!rest_.empty() && (rest_[0] == 0x00 || rest_[0] == 0xFF)) {
        rest_ = rest_.sub(1);
    }
    if (rest_.empty()) {
        return std::optional<Tlv>();
    }
    const Header header = read_header(rest_);
    if (header.header_size == 0 || header.value_size > rest_.size() - header.header_size) {
        return Error(ErrorCode::CardMalformed, "a data object on the card is cut short");
    }
    Tlv tlv{header.tag, rest_.sub(header.header_size, header.value_size)};
    rest_ = rest_.sub(header.header_size + header.value_size);
    return std::optional<Tlv>(tlv);
}

Result<std::optional<ByteView>> find_tlv(ByteView bytes, std::uint32_t tag) {
    TlvReader reader(bytes);
    std::optional<ByteView> found;
    for (;;) {
        auto next = reader.next();
        if (!next) {
            return std::move(next).error();
        }
        if (!next->has_value()) {
            return found;
        }
        if ((*next)->tag != tag) {
            continue;
        }
        if (found.has_value()) {
            return Error(ErrorCode::CardMalformed, "a data object on the card is there twice");
        }
        found = (*next)->value;
    }
}

std::size_t announced_tlv_size(ByteView bytes) noexcept {
    const Header header = read_header(bytes);
    return header.header_size == 0 ? 0 : header.header_size + header.value_size;
}

void append_tlv_header(Bytes& out, std::uint32_t tag, std::size_t size) {
    for (int shift = 16; shift >= 0; shift -= 8) {
        if (shift == 0 || (tag >> shift) != 0) {
            out.push_back(static_cast<std::uint8_t>(tag >> shift));
        }
    }
    if (size >= 0x80) {
        int octets = 1;
        while ((size >> (8 * octets)) != 0) {
            ++octets;
        }
        out.push_back(static_cast<std::uint8_t>(0x80 | octets));
        for (int i = octets - 1; i >= 0; --i) {
            out.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
        }
        return;
    }
    out.push_back(static_cast<std::uint8_t>(size));
}

void append_tlv(Bytes& out, std::uint32_t tag, ByteView value) {
    append_tlv_header(out, tag, value.size());
    out.insert(out.end(), value.begin(), value.end());
}

}  // namespace piv
