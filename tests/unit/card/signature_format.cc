#include "pam_module/card/signature_format.h"

#include "tests/unit/card/scripted_link.h"

using namespace piv;
using piv::test::hex;

TEST_CASE("ECDSA: raw to DER drops zeros and keeps numbers positive") {
    CHECK(to_hex(*ecdsa_raw_to_der(hex("01 02"))) == "3006020101020102");
    CHECK(to_hex(*ecdsa_raw_to_der(hex("0001 80ff"))) == "300802010102030080ff");
    CHECK(to_hex(*ecdsa_raw_to_der(hex("0000 0000"))) == "3006020100020100");
    Bytes p521(132, 0xFF);
    CHECK(ecdsa_raw_to_der(p521)->size() == 3 + 2 * (2 + 67));
    CHECK(to_hex(ByteView(*ecdsa_raw_to_der(p521)).sub(0, 3)) == "30818a");
}

TEST_CASE("ECDSA: impossible lengths are refused") {
    CHECK(ecdsa_raw_to_der({}).code() == ErrorCode::CardMalformed);
    CHECK(ecdsa_raw_to_der(hex("010203")).code() == ErrorCode::CardMalformed);
    CHECK(ecdsa_raw_to_der(Bytes(134, 1)).code() == ErrorCode::CardMalformed);
}

TEST_CASE("RSA: the DigestInfo comes out of its block") {
    const Bytes block = hex("0001 ffffffffffffffff 00 3031aabb");
    CHECK(to_hex(*digest_info_of(block)) == "3031aabb");
    for (const char* text :
         {"", "0001", "0001 ffffffffffffff 00 3031aabb", "0002 ffffffffffffffff 00 30",
          "0001 ffffffffffffffffffff", "0001 ffffffffffffffff 01 30", "0001 ffffffffffffffff 00",
          "0101 ffffffffffffffff 00 3031"}) {
        INFO(text);
        const Bytes bytes = hex(text);
        CHECK(digest_info_of(bytes).code() == ErrorCode::Internal);
    }
}
