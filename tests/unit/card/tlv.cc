#include "pam_module/card/tlv.h"

#include "tests/unit/card/scripted_link.h"

using namespace piv;
using piv::test::hex;

namespace {

std::string walk(const std::string& text) {
    const Bytes bytes = hex(text);
    TlvReader reader(bytes);
    std::string seen;
    for (;;) {
        auto next = reader.next();
        if (!next) {
            return seen + "!";
        }
        if (!next->has_value()) {
            return seen;
        }
        char tag[16];
        std::snprintf(tag, sizeof tag, "%X:", (*next)->tag);
        seen += tag + to_hex((*next)->value) + " ";
    }
}

}  // namespace

TEST_CASE("TLV: tags and lengths of every legal size") {
    CHECK(walk("53 01 aa") == "53:aa ");
    CHECK(walk("53 00") == "53: ");
    CHECK(walk("5f2f 02 4010 70 81 01 bb") == "5F2F:4010 70:bb ");
    CHECK(walk("5fc105 82 0001 cc") == "5FC105:cc ");
    CHECK(walk("70 83 000001 dd") == "70:dd ");
    CHECK(walk("70 84 00000001 ee") == "70:ee ");
}

TEST_CASE("TLV: padding between objects is skipped") {
    CHECK(walk("00 00 70 01 aa ff ff 71 01 00 00") == "70:aa 71:00 ");
    CHECK(walk("") == "");
    CHECK(walk("00ff00") == "");
}

TEST_CASE("TLV: what is cut short or absurd is refused") {
    for (const char* text :
         {"53", "53 81", "53 82 01", "53 02 aa", "53 80 00 00", "53 85 0000000001 aa", "5f",
          "5f c1", "5f 81 81 81 01 00", "53 84 ffffffff 00", "70 83 ffffff"}) {
        INFO(text);
        CHECK(walk(text) == "!");
    }
}

TEST_CASE("TLV: one object by its tag") {
    const Bytes bytes = hex("71 01 00 70 02 aabb fe 00");
    auto found = find_tlv(bytes, 0x70);
    REQUIRE(found.ok());
    REQUIRE(found->has_value());
    CHECK(to_hex(**found) == "aabb");
    CHECK_FALSE(find_tlv(bytes, 0x72)->has_value());
    const Bytes twice = hex("70 01 aa 70 01 bb");
    CHECK(find_tlv(twice, 0x70).code() == ErrorCode::CardMalformed);
    const Bytes damaged_behind = hex("70 01 aa 71 05 00");
    CHECK(find_tlv(damaged_behind, 0x70).code() == ErrorCode::CardMalformed);
}

TEST_CASE("TLV: writing is the reverse of reading") {
    for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
        for (const std::uint32_t tag : {0x53U, 0x5F2FU, 0x5FC105U}) {
            Bytes out;
            const Bytes value(size, 0xA5);
            append_tlv(out, tag, value);
            CHECK(announced_tlv_size(out) == out.size());
            TlvReader reader(out);
            auto next = reader.next();
            REQUIRE(next.ok());
            REQUIRE(next->has_value());
            CHECK((*next)->tag == tag);
            CHECK((*next)->value == ByteView(value));
            CHECK(reader.rest().empty());
        }
    }
    CHECK(announced_tlv_size(hex("53 82 05")) == 0);
    CHECK(announced_tlv_size(hex("53 82 05 b0 70")) == 0x5b0 + 4);
}
