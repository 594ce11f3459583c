#include "pam_module/card/atr.h"

#include "tests/unit/card/scripted_link.h"

using namespace piv;
using piv::test::hex;

TEST_CASE("ATR: historical bytes behind every kind of interface bytes") {
    CHECK(to_hex(historical_bytes(hex("3b 04 01020304"))) == "01020304");
    CHECK(to_hex(historical_bytes(hex("3b f2 11 22 33 80 01 aabb cc"))) == "aabb");
    CHECK(historical_bytes(hex("3b 00")).empty());
    CHECK(to_hex(historical_bytes(hex("3b 82 81 31 fe 65 aabb 00"))) == "aabb");
}

TEST_CASE("ATR: cut short, too long, or empty says nothing") {
    CHECK(historical_bytes({}).empty());
    CHECK(historical_bytes(hex("3b")).empty());
    CHECK(historical_bytes(hex("3b 0f 01 02")).empty());
    CHECK(historical_bytes(hex("3b f1 11 22")).empty());
    CHECK(historical_bytes(hex("3b 80 80 80 80")).empty());
    CHECK(historical_bytes(Bytes(34, 0x3b)).empty());
    const Bytes whole = piv::test::extended_atr();
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
        CHECK_FALSE(capabilities_from_atr(ByteView(whole).sub(0, size)).extended_length);
    }
}

TEST_CASE("ATR: extended length and chaining are what the card says") {
    // YubiKey 5: 80 73 c0 21 c0 57 597562694b6579
    const auto yubikey = capabilities_from_atr(
        hex("3b fd 13 00 00 81 31 fe 15 80 73 c0 21 c0 57 59 75 62 69 4b 65 79 40"));
    CHECK(yubikey.extended_length);
    CHECK(yubikey.command_chaining);
    const auto chaining_only = capabilities_from_atr(hex("3b 05 80 73 00 00 80"));
    CHECK(chaining_only.command_chaining);
    CHECK_FALSE(chaining_only.extended_length);
    // Another object first; category 00 with the status at the end, which is no object.
    CHECK(capabilities_from_atr(hex("3b 07 80 31 aa 73 00 00 40")).extended_length);
    CHECK(capabilities_from_atr(hex("3b 08 00 73 00 00 40 00 90 00")).extended_length);
    CHECK_FALSE(capabilities_from_atr(hex("3b 04 00 73 00 00")).extended_length);
    // Proprietary coding, too few octets, no capabilities.
    CHECK_FALSE(capabilities_from_atr(hex("3b 05 41 73 00 00 40")).extended_length);
    CHECK_FALSE(capabilities_from_atr(hex("3b 03 80 71 c0")).extended_length);
    CHECK_FALSE(capabilities_from_atr(hex("3b 04 80 73 00 00")).extended_length);
}
