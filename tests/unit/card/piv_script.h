// The commands of a login as a PIV card sees them, for scripts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pam_module/card/piv_card.h"
#include "tests/unit/card/scripted_link.h"

namespace piv::test {

inline const Deadline kSoon = Deadline::after_ms(600000);

inline const std::string kSelect = "00a4040009a0000003080000100000";
inline const std::string kGet9a = "00cb3fff055c035fc10500";
inline const std::string kDiscovery = "00cb3fff035c017e00";
inline const std::string kTries = "00200080";
inline const std::string kPin = "0020008008313233343536ffff";
inline const std::string kApt = "6111 4f06 000010000100 7907 4f05 a000000308 9000";
inline const std::string kCertificate = "5309 7002 3000 710100 fe00 9000";
inline const std::string kAppPin = "7e05 5f2f02 4000 9000";

// EC P-256: a digest of 32 octets, and a signature.
inline const std::string kDigest =
    "11111111111111111111111111111111"
    "11111111111111111111111111111111";
inline const std::string kSign =
    "0087119a26"
    "7c24 8200 8120";
inline std::string sign_command() {
    return to_hex(hex(join({kSign, kDigest, "00"})));
}
inline const std::string kSignature = "7c0a 8208 3006020101020102 9000";

inline std::vector<Exchange> reading() {
    return {{kSelect, kApt}, {kGet9a, kCertificate}, {kDiscovery, kAppPin}, {kTries, "63c3"}};
}

inline std::vector<Exchange> operator+(std::vector<Exchange> a, const std::vector<Exchange>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

struct Setup {
    explicit Setup(const std::vector<Exchange>& script)
        : log(std::make_shared<LinkLog>()), link(std::make_unique<ScriptedLink>(log, script)) {}
    Result<std::unique_ptr<PivCard>> open() {
        return PivCard::open(std::move(link), settings, kSoon);
    }
    std::shared_ptr<LinkLog> log;
    std::unique_ptr<ScriptedLink> link;
    CardSettings settings;
};

inline SecretBuffer pin(std::string_view text) {
    SecretBuffer buffer;
    REQUIRE(buffer.assign(text.data(), text.size()));
    return buffer;
}

inline Result<Bytes> sign(CardSession& card, std::string_view text = "123456") {
    const CardCertificate certificate{{}, "9A"};
    return card.verify_pin_and_sign(pin(text), certificate, CardKey::EcP256, hex(kDigest), kSoon);
}

}  // namespace piv::test
