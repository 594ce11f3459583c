// The virtual card keeps to SP 800-73-4: otherwise tests of the client prove nothing.
#include "tests/card/virtual_card.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <catch2/catch.hpp>

#include "pki/base/file.h"
#include "tests/card/tlv.h"

using namespace piv;
using namespace piv::vcard;

namespace {

using PublicKey = std::shared_ptr<EVP_PKEY>;

// A key file that is there for as long as this object.
class KeyFile {
  public:
    explicit KeyFile(bool rsa) {
        EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, nullptr);
        EVP_PKEY* key = nullptr;
        REQUIRE(EVP_PKEY_keygen_init(context) == 1);
        if (rsa) {
            REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1);
        } else {
            REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1);
            REQUIRE(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_NAMED_CURVE) == 1);
        }
        REQUIRE(EVP_PKEY_keygen(context, &key) == 1);
        EVP_PKEY_CTX_free(context);
        key_.reset(key, &EVP_PKEY_free);
        const int fd = mkstemp(path_);
        REQUIRE(fd >= 0);
        std::FILE* file = fdopen(fd, "w");
        REQUIRE(PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
        (void)std::fclose(file);
    }
    ~KeyFile() { (void)::unlink(path_); }
    KeyFile(const KeyFile&) = delete;
    KeyFile& operator=(const KeyFile&) = delete;
    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }

  private:
    char path_[32] = "/tmp/piv-card-key-XXXXXX";
    PublicKey key_;
};

const KeyFile& rsa_key() {
    static const KeyFile key(true);
    return key;
}
const KeyFile& ec_key() {
    static const KeyFile key(false);
    return key;
}

Bytes certificate_bytes() {
    Bytes out(1500);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<std::uint8_t>(i * 7 % 251);
    }
    return out;
}

CardProfile profile_with_keys() {
    CardProfile profile;
    REQUIRE(add_slot(profile, kPivAuthentication, "-," + rsa_key().path()).ok());
    REQUIRE(add_slot(profile, kDigitalSignature, "-," + ec_key().path()).ok());
    REQUIRE(add_slot(profile, kCardAuthentication, "-," + ec_key().path()).ok());
    profile.objects[0x5FC105] = certificate_object(certificate_bytes(), Container::Plain).value();
    add_standard_objects(profile, {});
    return profile;
}

Bytes hex(std::string_view text) {
    Bytes out;
    REQUIRE(from_hex(text, out));
    return out;
}

std::uint16_t status_of(const Bytes& answer) {
    REQUIRE(answer.size() >= 2);
    return static_cast<std::uint16_t>(answer[answer.size() - 2] << 8 | answer.back());
}
Bytes data_of(const Bytes& answer) {
    return Bytes(answer.begin(), answer.end() - 2);
}

// The client's half: a short APDU, its answer collected over GET RESPONSE.
Bytes send(PivApplet& card, std::string_view command) {
    Bytes answer = card.transmit(hex(command));
    Bytes whole = data_of(answer);
    while (status_of(answer) >> 8 == 0x61) {
        const Bytes get_response{0x00, 0xC0, 0x00, 0x00, answer.back()};
        answer = card.transmit(get_response);
        whole.insert(whole.end(), answer.begin(), answer.end() - 2);
    }
    whole.insert(whole.end(), answer.end() - 2, answer.end());
    return whole;
}

constexpr char kSelect[] = "00a404000ba000000308000010000100";
constexpr char kAsk[] = "00200080";
constexpr char kGoodPin[] = "0020008008313233343536ffff";
constexpr char kBadPin[] = "0020008008363534333231ffff";

std::uint16_t say(PivApplet& card, std::string_view command) {
    return status_of(send(card, command));
}

// GENERAL AUTHENTICATE with a whole block, by command chaining when it is long.
Bytes authenticate(PivApplet& card, std::uint8_t algorithm, std::uint8_t slot, ByteView block) {
    Bytes data = tlv(0x7C, concat({tlv(0x82, {}), tlv(0x81, block)}));
    std::size_t at = 0;
    while (data.size() - at > 255) {
        Bytes part{0x10, 0x87, algorithm, slot, 255};
        part.insert(part.end(), data.begin() + static_cast<std::ptrdiff_t>(at),
                    data.begin() + static_cast<std::ptrdiff_t>(at + 255));
        const Bytes answer = card.transmit(part);
        if (status_of(answer) != sw::kOk) {
            return answer;
        }
        at += 255;
    }
    Bytes last{0x00, 0x87, algorithm, slot, static_cast<std::uint8_t>(data.size() - at)};
    last.insert(last.end(), data.begin() + static_cast<std::ptrdiff_t>(at), data.end());
    last.push_back(0x00);
    return send(card, to_hex(last));
}

Bytes signature_in(const Bytes& answer) {
    const Bytes data = data_of(answer);
    ByteView rest(data);
    Tlv outer;
    Tlv inner;
    REQUIRE(take_tlv(rest, outer));
    REQUIRE(outer.tag == 0x7C);
    REQUIRE(take_tlv(outer.value, inner));
    REQUIRE(inner.tag == 0x82);
    return inner.value.copy();
}

Bytes rsa_public(EVP_PKEY* key, const Bytes& signature) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
    REQUIRE(EVP_PKEY_encrypt_init(context) == 1);
    REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1);
    Bytes out(256);
    std::size_t size = out.size();
    REQUIRE(EVP_PKEY_encrypt(context, out.data(), &size, signature.data(), signature.size()) == 1);
    EVP_PKEY_CTX_free(context);
    return out;
}

bool ecdsa_verifies(EVP_PKEY* key, const Bytes& signature, const Bytes& digest) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
    REQUIRE(EVP_PKEY_verify_init(context) == 1);
    const int result =
        EVP_PKEY_verify(context, signature.data(), signature.size(), digest.data(), digest.size());
    EVP_PKEY_CTX_free(context);
    return result == 1;
}

Bytes block() {
    Bytes out(256, 0x5A);
    out[0] = 0x00;
    return out;
}

}  // namespace

TEST_CASE("command APDUs are parsed by their lengths alone") {
    Command c;
    CHECK_FALSE(parse_command(hex("00a404"), c));
    CHECK(parse_command(hex("00200080"), c));
    CHECK(c.le == 0);
    CHECK(parse_command(hex("00c0000000"), c));
    CHECK(c.le == 256);
    CHECK(parse_command(hex("00cb3fff035c017e00"), c));
    CHECK(c.data.size() == 3);
    CHECK(c.le == 256);
    CHECK_FALSE(parse_command(hex("00cb3fff035c01"), c));
    CHECK_FALSE(parse_command(hex("00cb3fff035c017e0000"), c));
    CHECK(parse_command(hex("00cb3fff0000035c017e0000"), c));
    CHECK(c.extended);
    CHECK(c.le == 65536);
    CHECK_FALSE(parse_command(hex("00cb3fff0000045c017e"), c));
}

TEST_CASE("nothing but SELECT works before SELECT") {
    PivApplet card(profile_with_keys());
    CHECK(say(card, "00cb3fff035c017e00") == sw::kInstruction);
    CHECK(say(card, "00a4040009a00000030800001100") == sw::kNotFound);
    CHECK(say(card, "00a404000ca00000030800001000010000") == sw::kNotFound);
    CHECK(say(card, "00a4040004a0000003") == sw::kNotFound);
    CHECK(say(card, "00a4040009a00000030800001000") == sw::kOk);  // without the version
    const Bytes answer = send(card, kSelect);
    CHECK(status_of(answer) == sw::kOk);
    CHECK(answer[0] == 0x61);
    CHECK(say(card, "00cb3fff035c017e00") == sw::kOk);
    CHECK(say(card, "80cb3fff035c017e00") == sw::kClass);
    CHECK(say(card, "0ccb3fff035c017e00") == sw::kSecureMessaging);
    CHECK(say(card, "01cb3fff035c017e00") == sw::kChannel);
    card.reset();
    CHECK(say(card, "00cb3fff035c017e00") == sw::kInstruction);
}

TEST_CASE("GET DATA gives the object, over GET RESPONSE or in one extended answer") {
    PivApplet card(profile_with_keys());
    (void)send(card, kSelect);
    const Bytes object = certificate_object(certificate_bytes(), Container::Plain).value();
    CHECK(data_of(send(card, "00cb3fff055c035fc10500")) == object);
    CHECK(card.counters().get_response == 5);
    CHECK(data_of(card.transmit(hex("00cb3fff0000055c035fc1050000"))) == object);
    CHECK(say(card, "00cb3fff055c035fc10600") == sw::kNotFound);
    CHECK(say(card, "00cb3fff045c035fc100") == sw::kWrongData);
    CHECK(say(card, "00cb0000055c035fc10500") == sw::kWrongP1P2);
    SECTION("what was not fetched is gone after another command") {
        (void)card.transmit(hex("00cb3fff055c035fc10500"));
        CHECK(say(card, kAsk) == 0x63C3);
        CHECK(status_of(card.transmit(hex("00c0000000"))) == sw::kConditions);
    }
    SECTION("the discovery object is not wrapped in 53") {
        CHECK(to_hex(data_of(send(card, "00cb3fff035c017e00"))) ==
              "7e124f0ba0000003080000100001005f2f024000");
    }
}

TEST_CASE("a card without extended APDUs refuses them and says so in its ATR") {
    CardProfile profile = profile_with_keys();
    profile.extended = false;
    PivApplet card(std::move(profile));
    CHECK(status_of(card.transmit(hex("00a4040000000ba0000003080000100001000000"))) ==
          sw::kWrongLength);
    CHECK(to_hex(answer_to_reset(card.profile())).find("73c82180") != std::string::npos);
    Bytes atr = answer_to_reset(card.profile());
    std::uint8_t sum = 0;
    for (std::size_t i = 1; i < atr.size(); ++i) {
        sum = static_cast<std::uint8_t>(sum ^ atr[i]);
    }
    CHECK(sum == 0);
}

TEST_CASE("the PIN counter goes down by a wrong PIN alone, and up by the right one") {
    PivApplet card(profile_with_keys());
    (void)send(card, kSelect);
    CHECK(say(card, kAsk) == 0x63C3);
    CHECK(say(card, "0020008006313233343536") == sw::kWrongData);      // not padded
    CHECK(say(card, "00200080083132333435ffffff") == sw::kWrongData);  // too short
    CHECK(card.tries_left() == 3);
    CHECK(say(card, kBadPin) == 0x63C2);
    CHECK(say(card, kAsk) == 0x63C2);
    CHECK(say(card, kGoodPin) == sw::kOk);
    CHECK(card.tries_left() == 3);
    CHECK(say(card, kAsk) == sw::kOk);  // verified: no counter
    CHECK(say(card, "0020ff80") == sw::kOk);
    CHECK(say(card, kAsk) == 0x63C3);
    CHECK(say(card, "00200081") == sw::kReferenceNotFound);
    CHECK(say(card, "00200000") == sw::kReferenceNotFound);  // no global PIN here
    card.reset();
    (void)send(card, kSelect);
    CHECK(say(card, kAsk) == 0x63C3);
    for (const int left : {2, 1, 0}) {
        CHECK(say(card, kBadPin) == (0x63C0 | left));
    }
    CHECK(say(card, kGoodPin) == sw::kBlocked);
    CHECK(say(card, kAsk) == sw::kBlocked);
    card.reset();  // a reset gives no tries back
    (void)send(card, kSelect);
    CHECK(say(card, kGoodPin) == sw::kBlocked);
    SECTION("the PUK unblocks") {
        CHECK(say(card, "002c0080103131313131313131363534333231ffff") == 0x63C2);
        CHECK(say(card, "002c0080103132333435363738363534333231ffff") == sw::kOk);
        CHECK(say(card, kBadPin) == sw::kOk);  // it is the PIN now
    }
}

TEST_CASE("PIN change wants the old PIN and spends a try without it") {
    PivApplet card(profile_with_keys());
    (void)send(card, kSelect);
    CHECK(say(card, "0024008010363534333231ffff363534333231ffff") == 0x63C2);
    CHECK(say(card, "0024008010313233343536ffff3635343332ffffff") == sw::kWrongData);
    CHECK(card.tries_left() == 2);
    CHECK(say(card, "0024008010313233343536ffff363534333231ffff") == sw::kOk);
    CHECK(card.tries_left() == 3);
    CHECK(say(card, kBadPin) == sw::kOk);
}

TEST_CASE("a global PIN, when the discovery object says that there is one") {
    CardProfile profile = profile_with_keys();
    profile.objects.erase(kTagDiscovery);
    profile.global_pin = "87654321";
    profile.global_preferred = true;
    add_standard_objects(profile, {});
    PivApplet card(std::move(profile));
    (void)send(card, kSelect);
    CHECK(to_hex(data_of(send(card, "00cb3fff035c017e00"))).substr(34) == "026020");
    CHECK(say(card, "00200000083837363534333231") == sw::kOk);
    CHECK(status_of(authenticate(card, 0x07, 0x9A, block())) == sw::kOk);
}

TEST_CASE("9A signs after the PIN, by chaining and in one extended command") {
    PivApplet card(profile_with_keys());
    (void)send(card, kSelect);
    CHECK(status_of(authenticate(card, 0x07, 0x9A, block())) == sw::kSecurityStatus);
    CHECK(say(card, kGoodPin) == sw::kOk);
    CHECK(status_of(authenticate(card, 0x11, 0x9A, block())) == sw::kWrongP1P2);
    CHECK(status_of(authenticate(card, 0x07, 0x9D, block())) == sw::kWrongP1P2);
    CHECK(status_of(authenticate(card, 0x07, 0x9A, Bytes(255, 1))) == sw::kWrongData);
    const Bytes by_chaining = authenticate(card, 0x07, 0x9A, block());
    REQUIRE(status_of(by_chaining) == sw::kOk);
    CHECK(rsa_public(rsa_key().key(), signature_in(by_chaining)) == block());
    const Bytes data = tlv(0x7C, concat({tlv(0x82, {}), tlv(0x81, block())}));
    const Bytes header{0x00, 0x87, 0x07, 0x9A};
    const Bytes lc{0x00, static_cast<std::uint8_t>(data.size() >> 8),
                   static_cast<std::uint8_t>(data.size() & 0xFF)};
    const Bytes extended = concat({header, lc, data, Bytes(2, 0x00)});
    const Bytes at_once = card.transmit(extended);
    REQUIRE(status_of(at_once) == sw::kOk);
    CHECK(rsa_public(rsa_key().key(), signature_in(at_once)) == block());
    CHECK(card.counters().signatures == 2);
}

TEST_CASE("9C wants the PIN just before, 9E never") {
    PivApplet card(profile_with_keys());
    (void)send(card, kSelect);
    const Bytes digest(32, 0x42);
    CHECK(ecdsa_verifies(ec_key().key(), signature_in(authenticate(card, 0x11, 0x9E, digest)),
                         digest));
    CHECK(status_of(authenticate(card, 0x11, 0x9C, digest)) == sw::kSecurityStatus);
    CHECK(say(card, kGoodPin) == sw::kOk);
    CHECK(status_of(authenticate(card, 0x11, 0x9C, digest)) == sw::kOk);
    CHECK(status_of(authenticate(card, 0x11, 0x9C, digest)) == sw::kSecurityStatus);
    CHECK(say(card, kGoodPin) == sw::kOk);
    CHECK(say(card, "00cb3fff035c017e00") == sw::kOk);
    CHECK(status_of(authenticate(card, 0x11, 0x9C, digest)) == sw::kSecurityStatus);
    CHECK(status_of(authenticate(card, 0x11, 0x9E, Bytes(33, 1))) == sw::kWrongData);
}

TEST_CASE("an interrupted chain is forgotten") {
    PivApplet card(profile_with_keys());
    (void)send(card, kSelect);
    (void)say(card, kGoodPin);
    CHECK(say(card, "1087079a027c82") == sw::kOk);
    CHECK(say(card, kAsk) == sw::kOk);
    CHECK(status_of(authenticate(card, 0x07, 0x9A, block())) == sw::kOk);
}

TEST_CASE("certificate containers: each form holds the certificate") {
    const Bytes certificate = certificate_bytes();
    for (const Container form : {Container::Plain, Container::NoEdc, Container::InfoFirst,
                                 Container::Mscuid, Container::LongLength}) {
        const Bytes object = certificate_object(certificate, form).value();
        ByteView rest(object);
        Tlv outer;
        REQUIRE(take_tlv(rest, outer));
        CHECK(outer.tag == 0x53);
        CHECK(rest.empty());
        bool found = false;
        Tlv inner;
        while (take_tlv(outer.value, inner)) {
            found = found || (inner.tag == 0x70 && inner.value == ByteView(certificate));
        }
        CHECK(found);
        CHECK(outer.value.empty());
    }
    const Bytes packed = certificate_object(certificate, Container::Gzip).value();
    CHECK(packed.size() < certificate.size());
    CHECK(to_hex(packed).find("710101fe00") != std::string::npos);
}

TEST_CASE("faults happen where the script says, and nowhere else") {
    const auto fault = [](const char* spec) {
        Result<Fault> parsed = parse_fault(spec);
        REQUIRE(parsed.ok());
        return std::vector<Fault>{std::move(parsed).value()};
    };
    const auto card_with = [&](const char* spec) {
        return VirtualCard(profile_with_keys(), fault(spec), Latency{}, nullptr);
    };
    const Bytes select = hex(kSelect);
    const Bytes chuid = hex("00cb3fff055c035fc10200");
    for (const char* bad : {"apdu=1", "apdu=x:remove", "ins=87:what", "when=1:empty",
                            "always:sw=xyz", "always:truncate", "always:empty=1", ":", ""}) {
        CHECK_FALSE(parse_fault(bad).ok());
    }
    SECTION("removal at a command, counted from insertion") {
        VirtualCard card = card_with("apdu=2:remove=50");
        card.inserted();
        CHECK(card.exchange(select).answered);
        const Exchange gone = card.exchange(chuid);
        CHECK_FALSE(gone.answered);
        CHECK(gone.removed);
        CHECK(gone.back_after_ms == 50);
        card.inserted();
        CHECK(status_of(card.exchange(chuid).answer) == sw::kInstruction);  // power was lost
        CHECK(card.exchange(select).removed);
    }
    SECTION("a status word of its own, without the command being carried out") {
        VirtualCard card = card_with("ins=20:sw=6f00");
        (void)card.exchange(select);
        CHECK(status_of(card.exchange(hex(kBadPin)).answer) == sw::kFailure);
        CHECK(card.applet().tries_left() == 3);
    }
    SECTION("a lie: the command is carried out") {
        VirtualCard card = card_with("ins=20:lie=9000");
        (void)card.exchange(select);
        CHECK(status_of(card.exchange(hex(kBadPin)).answer) == sw::kOk);
        CHECK(card.applet().tries_left() == 2);
    }
    SECTION("an endless answer, until another command") {
        VirtualCard card = card_with("object=5fc102:endless");
        (void)card.exchange(select);
        (void)card.exchange(chuid);
        for (int i = 0; i < 1000; ++i) {
            const Bytes more = card.exchange(hex("00c0000000")).answer;
            REQUIRE(more.size() == 258);
            REQUIRE(status_of(more) == 0x6100);
        }
        CHECK(status_of(card.exchange(hex(kAsk)).answer) == 0x63C3);
    }
    SECTION("answers cut, empty, replaced, lengthened, flipped") {
        const auto answer = [&](const char* spec) {
            VirtualCard card = card_with(spec);
            (void)card.exchange(select);
            return card.exchange(chuid).answer;
        };
        const Bytes good = answer("apdu=99:empty");
        CHECK(answer("object=5fc102:truncate=5").size() == 7);
        CHECK(answer("object=5fc102:empty").empty());
        CHECK(answer("object=5fc102:replace=9000") == hex("9000"));
        CHECK(answer("object=5fc102:append=0102").size() == good.size() + 2);
        Bytes flipped = answer("object=5fc102:flip=3");
        CHECK(flipped != good);
        flipped[3] = static_cast<std::uint8_t>(flipped[3] ^ 1);
        CHECK(flipped == good);
        CHECK(answer("object=5fc102:garbage=300").size() == 302);
        CHECK(answer("object=5fc105:empty") == good);
    }
    SECTION("power lost in between") {
        VirtualCard card = card_with("apdu=3:forget");
        card.inserted();
        (void)card.exchange(select);
        (void)card.exchange(hex(kGoodPin));
        CHECK(status_of(card.exchange(hex(kAsk)).answer) == sw::kInstruction);
    }
}
