// GENERAL AUTHENTICATE, SP 800-73-4 part 2, section 3.2.4 and appendix A.
#include <optional>

#include "tests/card/piv_applet.h"
#include "tests/card/tlv.h"

namespace piv::vcard {

namespace {

// The tags inside the dynamic authentication template 7C, table 7.
struct AuthenticationTemplate {
    std::optional<ByteView> response;   // 82, empty: asked for
    std::optional<ByteView> challenge;  // 81
    std::optional<ByteView> point;      // 85
};

bool parse_template(ByteView data, AuthenticationTemplate& out) noexcept {
    Tlv outer;
    if (!take_tlv(data, outer) || !data.empty() || outer.tag != 0x7C) {
        return false;
    }
    ByteView rest = outer.value;
    Tlv inner;
    while (!rest.empty()) {
        if (!take_tlv(rest, inner)) {
            return false;
        }
        switch (inner.tag) {
            case 0x81:
                out.challenge = inner.value;
                break;
            case 0x82:
                out.response = inner.value;
                break;
            case 0x85:
                out.point = inner.value;
                break;
            default:
                return false;
        }
    }
    return true;
}

}  // namespace

// SP 800-73-4 part 1, table 4b: 9E is free, 9C wants the PIN each time, the others want it once.
bool PivApplet::may_use(std::uint8_t slot, bool pin_was_just_verified) const noexcept {
    if (slot == kCardAuthentication) {
        return true;
    }
    return slot == kDigitalSignature ? pin_was_just_verified : verified_;
}

Response PivApplet::general_authenticate(const Command& command, bool pin_was_just_verified) {
    const auto key = profile_.keys.find(command.p2);
    if (key == profile_.keys.end() ||
        command.p1 != static_cast<std::uint8_t>(key->second.algorithm())) {
        return sw::kWrongP1P2;
    }
    if (!may_use(command.p2, pin_was_just_verified)) {
        return sw::kSecurityStatus;
    }
    return use_key(key->second, command);
}

Response PivApplet::use_key(const CardKey& key, const Command& command) {
    AuthenticationTemplate fields;
    if (!parse_template(command.data, fields) || !fields.response || !fields.response->empty() ||
        fields.challenge.has_value() == fields.point.has_value()) {
        return sw::kWrongData;
    }
    const Bytes result = fields.challenge ? key.sign(*fields.challenge) : key.agree(*fields.point);
    if (result.empty()) {
        return sw::kWrongData;
    }
    ++counters_.signatures;
    return reply(tlv(0x7C, tlv(0x82, result)), command);
}

}  // namespace piv::vcard
