#include "pam_module/card/piv_objects.h"

#include <zlib.h>

#include "pam_module/card/tlv.h"
#include "tests/unit/card/scripted_link.h"

using namespace piv;
using piv::test::hex;

namespace {

Bytes compressed(const Bytes& plain, int window) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    Bytes out(plain.size() + 100);
    stream.next_in = const_cast<Bytef*>(plain.data());
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

Bytes in_container(const Bytes& certificate, const std::string& rest) {
    Bytes inner;
    append_tlv(inner, 0x70, certificate);
    const Bytes more = hex(rest);
    inner.insert(inner.end(), more.begin(), more.end());
    Bytes out;
    append_tlv(out, 0x53, inner);
    return out;
}

Bytes some_der(std::size_t content) {
    Bytes der;
    append_tlv(der, 0x30, Bytes(content, 0x42));
    return der;
}

std::string certificate(const std::string& object) {
    auto result = certificate_from_object(hex(object));
    if (!result) {
        CHECK(result.code() == ErrorCode::CardMalformed);
        return "malformed";
    }
    return result->has_value() ? to_hex(**result) : "none";
}

}  // namespace

TEST_CASE("Certificate container: tags in any order, optional ones missing") {
    CHECK(certificate("53 09 70 02 3000 71 01 00 fe 00") == "3000");
    CHECK(certificate("53 09 71 01 00 70 02 3000 fe 00") == "3000");
    CHECK(certificate("53 09 fe 00 71 01 00 70 02 3000") == "3000");
    CHECK(certificate("53 04 70 02 3000") == "3000");
    CHECK(certificate("53 0b 70 02 3000 71 01 00 72 00 fe 00") == "3000");
    CHECK(certificate("53 81 0c 70 82 0002 3000 71 81 01 00 fe 00") == "3000");
    CHECK(certificate("53 04 70 02 3000 00 00") == "3000");  // filled up behind the container
}

TEST_CASE("Certificate container: none, or not one") {
    CHECK(certificate("53 00") == "none");
    CHECK(certificate("53 02 70 00") == "none");
    CHECK(certificate("53 05 71 01 00 fe 00") == "none");
    CHECK(certificate("") == "malformed");
    CHECK(certificate("54 04 70 02 3000") == "malformed");
    CHECK(certificate("70 02 3000") == "malformed");
    CHECK(certificate("53 04 70 03 3000") == "malformed");
    CHECK(certificate("53 05 70 02 3000") == "malformed");
    CHECK(certificate("53 04 70 02 3000 53 00") == "malformed");
    CHECK(certificate("53 08 70 02 3000 70 02 3000") == "malformed");
    CHECK(certificate("53 04 70 02 aabb") == "malformed");
}

TEST_CASE("Certificate container: padding behind the certificate goes, anything else stays") {
    CHECK(certificate("53 07 70 05 3001aa 0000") == "3001aa");
    CHECK(certificate("53 07 70 05 3001aa ffff") == "3001aa");
    CHECK(certificate("53 07 70 05 3001aa 00ff") == "3001aa00ff");
    CHECK(certificate("53 07 70 05 3001aa 1234") == "3001aa1234");
}

TEST_CASE("Certificate container: compressed certificates, whatever CertInfo says") {
    const Bytes der = some_der(1500);
    for (const int window : {15 + 16, 15}) {
        for (const char* info : {"71 01 01 fe 00", "71 01 80 fe 00", "71 01 00", ""}) {
            auto result = certificate_from_object(in_container(compressed(der, window), info));
            REQUIRE(result.ok());
            REQUIRE(result->has_value());
            CHECK(**result == der);
        }
    }
    auto plain = certificate_from_object(in_container(der, "71 01 01 fe 00"));
    REQUIRE(plain.ok());
    CHECK(**plain == der);
}

TEST_CASE("Certificate container: damaged and oversized compression") {
    Bytes packed = compressed(some_der(1500), 15 + 16);
    packed.resize(packed.size() - 9);
    CHECK(certificate_from_object(in_container(packed, "")).code() == ErrorCode::CardMalformed);
    const Bytes bomb = compressed(Bytes(8U * 1024 * 1024, 0), 15 + 16);
    CHECK(bomb.size() < kMaxCardObject);
    CHECK(certificate_from_object(in_container(bomb, "71 01 01")).code() ==
          ErrorCode::CardMalformed);
    CHECK(certificate_from_object(in_container(compressed(some_der(kMaxCardCertificate), 31), ""))
              .code() == ErrorCode::CardMalformed);
    CHECK(certificate_from_object(in_container(some_der(kMaxCardCertificate), "")).code() ==
          ErrorCode::CardMalformed);
    const Bytes largest = some_der(kMaxCardCertificate - 4);
    auto fits = certificate_from_object(in_container(compressed(largest, 31), ""));
    REQUIRE(fits.ok());
    CHECK(**fits == largest);
}

TEST_CASE("Slots: names and their objects") {
    CHECK(slot_by_name("9A")->object == 0x5FC105);
    CHECK(slot_by_name("9a")->key == 0x9A);
    CHECK(slot_by_name("9C")->object == 0x5FC10A);
    CHECK(slot_by_name("9d")->object == 0x5FC10B);
    CHECK(slot_by_name("9E")->object == 0x5FC101);
    CHECK(slot_by_name("82")->object == 0x5FC10D);
    CHECK(slot_by_name("95")->object == 0x5FC120);
    for (const char* name : {"", "9", "9B", "81", "96", "9A ", "F9", "xx", "-1"}) {
        CHECK_FALSE(slot_by_name(name).has_value());
    }
    CHECK(slot_name(*slot_by_name("9a")) == "9A");
    CHECK(slot_name(*slot_by_name("82")) == "82");
}

TEST_CASE("Discovery object: application or global PIN") {
    const auto pin = [](const char* text) { return pin_from_discovery(hex(text)); };
    const auto with = [](const char* policy) {
        return pin_from_discovery(
            hex(std::string("7e 12 4f 0b a000000308000010000100 5f2f 02 ") + policy));
    };
    CHECK(*with("4000") == PinReference::Application);
    CHECK(*with("6010") == PinReference::Application);
    CHECK(*with("6020") == PinReference::Global);
    CHECK(*with("2000") == PinReference::Global);
    CHECK(*with("4020") == PinReference::Application);  // the global PIN does not satisfy
    CHECK(*pin("7e 05 5f2f 02 6020") == PinReference::Global);
    CHECK(*with("7f 20") == PinReference::Global);
    for (const char* text :
         {"", "7e 00", "7e 04 5f2f 01 40", "7e 05 5f2f 03 6020", "53 05 5f2f 02 4000"}) {
        INFO(text);
        CHECK(pin(text).code() == ErrorCode::CardMalformed);
    }
}

TEST_CASE("CHUID: the GUID from its first part") {
    const std::string guid = "00112233445566778899aabbccddeeff";
    CHECK(*guid_from_chuid(hex("53 82 0100 30 02 aaaa 34 10" + guid + "35 08 3230333031323331")) ==
          guid);
    CHECK(*guid_from_chuid(hex("53 12 34 10" + guid)) == guid);
    CHECK(guid_from_chuid(hex("53 04 30 02 aaaa"))->empty());
    CHECK(guid_from_chuid({}).code() == ErrorCode::CardMalformed);
    CHECK(guid_from_chuid(hex("53 40 34 10 0011")).code() == ErrorCode::CardMalformed);
}

TEST_CASE("PIN: the form is checked before a card sees it") {
    const auto check = [](std::string_view pin) { return check_pin_format(ByteView(pin), 6, 8); };
    CHECK(check("123456").ok());
    CHECK(check("12345678").ok());
    CHECK(check("p@ss w0").ok());
    for (const std::string& pin :
         {std::string(), std::string("12345"), std::string("123456789"), std::string("12345\0", 6),
          std::string("123456\xff"), std::string("123456\n"), std::string("12345\x7f")}) {
        CHECK(check(pin).code() == ErrorCode::PinFormat);
    }
}
