#include "tests/card/apdu.h"

namespace piv::vcard {

namespace {

// ISO/IEC 7816-4 table 1: what may follow the header in a short APDU.
bool parse_short(ByteView body, Command& out) noexcept {
    if (body.size() == 1) {  // case 2: Le
        out.le = body[0] == 0 ? 256 : body[0];
        return true;
    }
    const std::size_t lc = body[0];
    if (lc == 0 || (body.size() != 1 + lc && body.size() != 2 + lc)) {
        return false;
    }
    out.data = body.sub(1, lc);
    if (body.size() == 2 + lc) {
        out.le = body[1 + lc] == 0 ? 256 : body[1 + lc];
    }
    return true;
}

std::size_t two_bytes(ByteView b, std::size_t at) noexcept {
    return static_cast<std::size_t>(b[at]) << 8 | b[at + 1];
}

bool parse_extended(ByteView body, Command& out) noexcept {
    out.extended = true;
    const std::size_t first = two_bytes(body, 1);
    if (body.size() == 3) {  // case 2: 00 Le Le
        out.le = first == 0 ? 65536 : first;
        return true;
    }
    if (first == 0 || (body.size() != 3 + first && body.size() != 5 + first)) {
        return false;
    }
    out.data = body.sub(3, first);
    if (body.size() == 5 + first) {
        const std::size_t le = two_bytes(body, 3 + first);
        out.le = le == 0 ? 65536 : le;
    }
    return true;
}

}  // namespace

bool parse_command(ByteView raw, Command& out) noexcept {
    if (raw.size() < 4) {
        return false;
    }
    out = Command{};
    out.cla = raw[0];
    out.ins = raw[1];
    out.p1 = raw[2];
    out.p2 = raw[3];
    const ByteView body = raw.sub(4);
    if (body.empty()) {
        return true;
    }
    if (body[0] == 0 && body.size() >= 3) {
        return parse_extended(body, out);
    }
    return parse_short(body, out);
}

Bytes Response::encode() const {
    Bytes out = data;
    out.push_back(static_cast<std::uint8_t>(status >> 8));
    out.push_back(static_cast<std::uint8_t>(status & 0xFF));
    return out;
}

}  // namespace piv::vcard
