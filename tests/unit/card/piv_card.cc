#include "pam_module/card/piv_card.h"

#include "pam_module/card/pin_pad.h"
#include "tests/unit/card/piv_script.h"

using namespace piv;
using namespace piv::test;

TEST_CASE("PIV: a login over short commands") {
    Setup s(reading() + std::vector<Exchange>{{kPin, "9000"}, {sign_command(), kSignature}});
    {
        auto card = s.open();
        REQUIRE(card.ok());
        auto certificates = (*card)->certificates(kSoon);
        REQUIRE(certificates.ok());
        REQUIRE(certificates->size() == 1);
        CHECK(to_hex(certificates->front().der) == "3000");
        CHECK(certificates->front().slot == "9A");
        CHECK(*(*card)->pin_tries_left(kSoon) == 3);
        auto signature = sign(**card);
        REQUIRE(signature.ok());
        CHECK(to_hex(*signature) == "3006020101020102");
        CHECK((*card)->traffic().apdus == 6);
        CHECK(s.log->events == std::vector<std::string>{"begin", "end", "begin"});
    }
    // The card is let go, without a verified PIN, only with the session.
    CHECK(s.log->events.back() == "end+reset");
}

TEST_CASE(
    "PIV: SELECT again before the PIN when others share the card, it was reset, or it costs "
    "little") {
    const std::vector<Exchange> again{
        {kSelect, kApt}, {kPin, "9000"}, {sign_command(), kSignature}};
    SECTION("others") {
        Setup s(reading() + again);
        s.link->shared = true;
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).ok());
    }
    SECTION("reset") {
        Setup s(reading() + again);
        s.link->begins = {CardState::AsBefore, CardState::WasReset};
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).ok());
    }
    SECTION("extended length") {
        Setup s(std::vector<Exchange>{{kSelect, kApt},
                                      {"00cb3fff0000055c035fc1050000", kCertificate},
                                      {kDiscovery, kAppPin},
                                      {kTries, "63c3"},
                                      {kSelect, kApt},
                                      {kPin, "9000"},
                                      {sign_command(), kSignature}});
        s.link->atr_bytes = test::extended_atr();
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).ok());
    }
    SECTION("another application answers after all") {
        Setup s(reading() + std::vector<Exchange>{{kPin, "6d00"}} + again);
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).ok());
    }
    SECTION("a reader that does not carry extended length") {
        Setup s(reading() + std::vector<Exchange>{{kPin, "9000"}, {sign_command(), kSignature}});
        s.link->atr_bytes = test::extended_atr();
        s.link->reader_features.has_max_apdu_data = true;
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).ok());
    }
}

TEST_CASE("PIV: RSA by chained commands, short answers filled up") {
    const std::string block = std::string(512, '5');
    const std::string data = join({"7c820106820081820100", block});
    const std::string head = data.substr(0, 510);
    const std::string tail = data.substr(510);
    const std::string value = std::string(510, '7');
    Setup s(reading() +
            std::vector<Exchange>{{kPin, "9000"},
                                  {join({"1087079aff", head}), "9000"},
                                  {join({"0087079a0b", tail, "00"}),
                                   join({"7c820103 8281ff", value.substr(0, 498), "610a"})},
                                  {"00c000000a", join({value.substr(498), "9000"})}});
    auto card = s.open();
    REQUIRE(card.ok());
    const CardCertificate certificate{{}, "9A"};
    auto signature = (*card)->verify_pin_and_sign(pin("123456"), certificate, CardKey::Rsa2048,
                                                  hex(block), kSoon);
    REQUIRE_FALSE(signature.ok());  // 7C announces more than came
    CHECK(signature.code() == ErrorCode::CardMalformed);
}

TEST_CASE("PIV: an RSA signature without its leading zeros gets them back") {
    const std::string block = std::string(512, '5');
    const std::string data = join({"7c820106820081820100", block});
    const std::string value = std::string(508, '7');
    Setup s(reading() +
            std::vector<Exchange>{{kPin, "9000"},
                                  {join({"1087079aff", data.substr(0, 510)}), "9000"},
                                  {join({"0087079a0b", data.substr(510), "00"}),
                                   join({"7c820101 8281fe", value.substr(0, 494), "6107"})},
                                  {"00c0000007", join({value.substr(494), "9000"})}});
    auto card = s.open();
    REQUIRE(card.ok());
    const CardCertificate certificate{{}, "9A"};
    auto signature = (*card)->verify_pin_and_sign(pin("123456"), certificate, CardKey::Rsa2048,
                                                  hex(block), kSoon);
    REQUIRE(signature.ok());
    CHECK(signature->size() == 256);
    CHECK(to_hex(ByteView(*signature).sub(0, 3)) == "000077");
}

TEST_CASE("PIV: what the card says to the PIN") {
    struct Case {
        const char* answer;
        ErrorCode code;
        std::optional<int> tries;  // after it, without asking; empty: it has to be asked
    };
    const Case cases[] = {
        {"63c2", ErrorCode::PinWrong, 2},     {"63c0", ErrorCode::PinBlocked, 0},
        {"6983", ErrorCode::PinBlocked, 0},   {"6300", ErrorCode::PinWrong, {}},
        {"6a80", ErrorCode::PinFormat, {}},   {"6982", ErrorCode::CardNotUsable, {}},
        {"6f00", ErrorCode::CardFailure, {}}, {"6700", ErrorCode::CardFailure, {}},
        {"6100", ErrorCode::CardFailure, {}}, {"63", ErrorCode::CardMalformed, {}}};
    for (const Case& c : cases) {
        INFO(c.answer);
        std::vector<Exchange> script = reading() + std::vector<Exchange>{{kPin, c.answer}};
        if (!c.tries) {
            script = script + std::vector<Exchange>{{kSelect, kApt}, {kTries, "63c1"}};
        }
        Setup s(script);
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).code() == c.code);
        CHECK(s.log->verifies_with_pin() == 1);
        CHECK(s.log->events.back() == "end");
        CHECK(*(*card)->pin_tries_left(kSoon) == c.tries.value_or(1));
    }
}

TEST_CASE("PIV: a PIN of the wrong form, or a blocked one, is never sent") {
    Setup s(reading());
    auto card = s.open();
    REQUIRE(card.ok());
    for (const char* text : {"", "12345", "123456789"}) {
        CHECK(sign(**card, text).code() == ErrorCode::PinFormat);
    }
    CHECK(s.log->verifies_with_pin() == 0);
    Setup blocked(
        {{kSelect, kApt}, {kGet9a, kCertificate}, {kDiscovery, kAppPin}, {kTries, "6983"}});
    auto dead = blocked.open();
    REQUIRE(dead.ok());
    CHECK(*(*dead)->pin_tries_left(kSoon) == 0);
    CHECK(sign(**dead).code() == ErrorCode::PinBlocked);
    CHECK(blocked.log->verifies_with_pin() == 0);
}

TEST_CASE("PIV: the floor of the tries is asked of the card, right before the PIN") {
    const std::vector<Exchange> at_floor{{kSelect, kApt}, {kTries, "63c1"}};
    Setup s(reading() + at_floor);
    s.settings.tries_floor = 1;
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK(sign(**card).code() == ErrorCode::PinTriesFloor);
    CHECK(s.log->verifies_with_pin() == 0);
    Setup above(reading() + std::vector<Exchange>{{kSelect, kApt},
                                                  {kTries, "63c2"},
                                                  {kPin, "9000"},
                                                  {sign_command(), kSignature}});
    above.settings.tries_floor = 1;
    auto good = above.open();
    REQUIRE(good.ok());
    CHECK(sign(**good).ok());
    Setup blocked(reading() + std::vector<Exchange>{{kSelect, kApt}, {kTries, "63c0"}});
    blocked.settings.tries_floor = 1;
    auto none = blocked.open();
    REQUIRE(none.ok());
    CHECK(sign(**none).code() == ErrorCode::PinBlocked);
}

TEST_CASE("PIV: a card that somebody else has unlocked is reset first") {
    Setup s(std::vector<Exchange>{{kSelect, kApt},
                                  {kGet9a, kCertificate},
                                  {kDiscovery, kAppPin},
                                  {kTries, "9000"},
                                  {kSelect, kApt},
                                  {kTries, "63c3"}});
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK(*(*card)->pin_tries_left(kSoon) == 3);
    CHECK(s.log->events == std::vector<std::string>{"begin", "reset", "end"});
    Setup always(std::vector<Exchange>{{kSelect, kApt},
                                       {kGet9a, kCertificate},
                                       {kDiscovery, kAppPin},
                                       {kTries, "9000"},
                                       {kSelect, kApt},
                                       {kTries, "9000"}});
    auto open = always.open();
    REQUIRE(open.ok());
    CHECK((*open)->certificates(kSoon).code() == ErrorCode::CardNotUsable);
}

TEST_CASE("PIV: the global PIN when the card names it as the primary one") {
    Setup s(std::vector<Exchange>{{kSelect, kApt},
                                  {kGet9a, kCertificate},
                                  {kDiscovery, "7e05 5f2f02 6020 9000"},
                                  {"00200000", "63c5"},
                                  {"0020000008313233343536ffff", "9000"},
                                  {sign_command(), kSignature}});
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK(*(*card)->pin_tries_left(kSoon) == 5);
    CHECK(sign(**card).ok());
}

TEST_CASE("PIV: no discovery object means the application PIN") {
    for (const char* answer : {"6a82", "6a80", "6d00", "6982"}) {
        Setup s(std::vector<Exchange>{
            {kSelect, kApt}, {kGet9a, kCertificate}, {kDiscovery, answer}, {kTries, "63c3"}});
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK((*card)->certificates(kSoon).ok());
    }
}

TEST_CASE("PIV: a damaged discovery object is no reason to refuse") {
    // Cut short, without a policy, empty, noise, larger than it may be.
    for (const char* answer :
         {"7e05 5f2f02 40 9000", "7e02 4f00 9000", "9000", "aabbcc 9000", "7e82 0001 9000"}) {
        INFO(answer);
        std::vector<Exchange> script = reading();
        script[2].answer = answer;
        Setup s(script + std::vector<Exchange>{{kPin, "9000"}, {sign_command(), kSignature}});
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK((*card)->certificates(kSoon).ok());
        CHECK(sign(**card).ok());
    }
}

TEST_CASE("PIV: tries that the card does not tell") {
    Setup s(std::vector<Exchange>{
        {kSelect, kApt}, {kGet9a, kCertificate}, {kDiscovery, "6a82"}, {kTries, "6700"}});
    auto card = s.open();
    REQUIRE(card.ok());
    auto tries = (*card)->pin_tries_left(kSoon);
    REQUIRE(tries.ok());
    CHECK_FALSE(tries->has_value());
    Setup none(std::vector<Exchange>{
        {kSelect, kApt}, {kGet9a, kCertificate}, {kDiscovery, "6a82"}, {kTries, "6a88"}});
    auto no_pin = none.open();
    REQUIRE(no_pin.ok());
    CHECK((*no_pin)->certificates(kSoon).code() == ErrorCode::CardNotUsable);
}

TEST_CASE("PIV: cards that are not PIV") {
    for (const char* answer : {"6a82", "6d00", "6999", "6f 05 8403aabbcc 9000"}) {
        Setup s(std::vector<Exchange>{{kSelect, answer}});
        CHECK(s.open().code() == ErrorCode::CardNotPiv);
        CHECK(s.log->events == std::vector<std::string>{"begin", "end"});
    }
    Setup empty_answer(std::vector<Exchange>{{kSelect, "9000"}, {kGet9a, "6a82"}});
    auto card = empty_answer.open();
    REQUIRE(card.ok());
    CHECK((*card)->certificates(kSoon).code() == ErrorCode::CardNotUsable);
}

TEST_CASE("PIV: slots as configured, 9A first, none beyond") {
    const std::string get9e = "00cb3fff055c035fc10100";
    Setup s(std::vector<Exchange>{{kSelect, kApt},
                                  {kGet9a, "5304 7002 3000 9000"},
                                  {get9e, "5305 7003 300100 9000"},
                                  {kDiscovery, "6a82"},
                                  {kTries, "63c3"}});
    s.settings.slots = {"9E", "9a"};
    auto card = s.open();
    REQUIRE(card.ok());
    auto certificates = (*card)->certificates(kSoon);
    REQUIRE(certificates.ok());
    REQUIRE(certificates->size() == 2);
    CHECK((*certificates)[0].slot == "9A");
    CHECK((*certificates)[1].slot == "9E");
    Setup one_bad(std::vector<Exchange>{{kSelect, kApt},
                                        {kGet9a, "5304 7005 3000 9000"},
                                        {get9e, "5304 7002 3000 9000"},
                                        {kDiscovery, "6a82"},
                                        {kTries, "63c3"}});
    one_bad.settings.slots = {"9A", "9E"};
    auto half = one_bad.open();
    REQUIRE(half.ok());
    CHECK((*half)->certificates(kSoon)->size() == 1);
    Setup wrong(std::vector<Exchange>{});
    wrong.link->abandoned = true;
    wrong.settings.slots = {"9B"};
    CHECK(wrong.open().code() == ErrorCode::BadConfig);
}

TEST_CASE("PIV: a key that is not there, or answers nonsense") {
    struct Case {
        const char* answer;
        ErrorCode code;
    };
    const Case cases[] = {{"6a80", ErrorCode::CardNotUsable},
                          {"6a86", ErrorCode::CardNotUsable},
                          {"6a88", ErrorCode::CardNotUsable},
                          {"6982", ErrorCode::CardNotUsable},
                          {"6985", ErrorCode::CardNotUsable},
                          {"6f00", ErrorCode::CardFailure},
                          {"9000", ErrorCode::CardMalformed},
                          {"7c00 9000", ErrorCode::CardMalformed},
                          {"7c02 8200 9000", ErrorCode::CardMalformed},
                          {"8202 aabb 9000", ErrorCode::CardMalformed},
                          {"7c06 8201aa 8201bb 9000", ErrorCode::CardMalformed}};
    for (const Case& c : cases) {
        INFO(c.answer);
        Setup s(reading() + std::vector<Exchange>{{kPin, "9000"}, {sign_command(), c.answer}});
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK(sign(**card).code() == c.code);
        CHECK(s.log->events.back() == "end+reset");
    }
}

TEST_CASE("PIV: keys that PIV does not have are refused before the PIN") {
    Setup s(reading());
    auto card = s.open();
    REQUIRE(card.ok());
    const CardCertificate certificate{{}, "9A"};
    CHECK((*card)
              ->verify_pin_and_sign(pin("123456"), certificate, CardKey::EcP521, Bytes(64), kSoon)
              .code() == ErrorCode::CardNotUsable);
    CHECK((*card)
              ->verify_pin_and_sign(pin("123456"), certificate, CardKey::EcP256, Bytes(31), kSoon)
              .code() == ErrorCode::CardNotUsable);
    const CardCertificate elsewhere{{}, "01"};
    CHECK((*card)
              ->verify_pin_and_sign(pin("123456"), elsewhere, CardKey::EcP256, Bytes(32), kSoon)
              .code() == ErrorCode::CardNotUsable);
    CHECK(s.log->verifies_with_pin() == 0);
}

TEST_CASE("PIV: the card is gone at any command") {
    const std::vector<Exchange> whole =
        reading() + std::vector<Exchange>{{kPin, "9000"}, {sign_command(), kSignature}};
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const ErrorCode failure : {ErrorCode::CardRemoved, ErrorCode::CardFailure}) {
            INFO("command " << at);
            std::vector<Exchange> script(whole.begin(), whole.begin() + static_cast<long>(at));
            script.push_back({whole[at].command, "", failure});
            Setup s(script);
            auto card = s.open();
            ErrorCode code = card.code();
            if (card.ok()) {
                auto certificates = (*card)->certificates(kSoon);
                code = certificates ? sign(**card).code() : certificates.code();
                card->reset();
            }
            CHECK(code == failure);
            const std::string end = at == whole.size() - 1 ? "end+reset" : "end";
            CHECK(s.log->events.back() == end);
        }
    }
}

TEST_CASE("PIV: the card is gone, or changed hands, while the PIN was typed") {
    Setup s(reading());
    s.link->begins = {CardState::AsBefore, ErrorCode::CardRemoved};
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK(sign(**card).code() == ErrorCode::CardRemoved);
}

TEST_CASE("PIV: a deadline that is over sends nothing more") {
    Setup s(reading());
    auto card = s.open();
    REQUIRE(card.ok());
    const CardCertificate certificate{{}, "9A"};
    CHECK((*card)
              ->verify_pin_and_sign(pin("123456"), certificate, CardKey::EcP256, hex(kDigest),
                                    Deadline::at_ms(1))
              .code() == ErrorCode::DeadlineOver);
}

TEST_CASE("PIV: PIN pads get the PC/SC part 10 structure") {
    Setup s(reading() + std::vector<Exchange>{{kSelect, kApt}, {sign_command(), kSignature}});
    s.link->reader_features.verify_pin_direct = 77;
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK((*card)->card().pin_pad);
    const CardCertificate certificate{{}, "9A"};
    auto signature = (*card)->verify_pin_and_sign(SecretBuffer(), certificate, CardKey::EcP256,
                                                  hex(kDigest), kSoon);
    CHECK(signature.ok());
    CHECK(s.log->events.back() ==
          "control 77 3c3c820800080602010904000000000d000000"
          "0020008008ffffffffffffffff");
    CHECK(s.log->verifies_with_pin() == 0);
}

TEST_CASE("PIV: what PIN pads answer") {
    struct Case {
        const char* answer;
        ErrorCode code;
    };
    const Case cases[] = {
        {"6400", ErrorCode::ConversationFailed}, {"6401", ErrorCode::ConversationFailed},
        {"6403", ErrorCode::PinFormat},          {"63c1", ErrorCode::PinWrong},
        {"6983", ErrorCode::PinBlocked},         {"6b80", ErrorCode::CardFailure},
        {"90", ErrorCode::CardFailure}};
    for (const Case& c : cases) {
        INFO(c.answer);
        Setup s(reading() + std::vector<Exchange>{{kSelect, kApt}});
        s.link->reader_features.verify_pin_direct = 77;
        s.link->control_answer = c.answer;
        auto card = s.open();
        REQUIRE(card.ok());
        const CardCertificate certificate{{}, "9A"};
        CHECK((*card)
                  ->verify_pin_and_sign(SecretBuffer(), certificate, CardKey::EcP256, hex(kDigest),
                                        kSoon)
                  .code() == c.code);
    }
}

TEST_CASE("PIV: PIN change") {
    const std::string change = "0024008010313233343536ffff3635343332ffffff";
    const std::string change6 = "0024008010313233343536ffff363534333231ffff";
    Setup s(reading() + std::vector<Exchange>{{kSelect, kApt}, {change6, "9000"}});
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK((*card)->change_pin(pin("123456"), pin("65432"), kSoon).code() == ErrorCode::PinFormat);
    CHECK((*card)->change_pin(pin("123456"), pin("654321"), kSoon).ok());
    CHECK(s.log->events.back() == "end+reset");
    struct Case {
        const char* answer;
        ErrorCode code;
    };
    const Case cases[] = {{"63c1", ErrorCode::PinWrong},      {"63c0", ErrorCode::PinBlocked},
                          {"6983", ErrorCode::PinBlocked},    {"6a80", ErrorCode::PinNewRefused},
                          {"6985", ErrorCode::PinNewRefused}, {"6f00", ErrorCode::CardFailure}};
    for (const Case& c : cases) {
        INFO(c.answer);
        Setup one(reading() + std::vector<Exchange>{{kSelect, kApt}, {change6, c.answer}});
        auto other = one.open();
        REQUIRE(other.ok());
        CHECK((*other)->change_pin(pin("123456"), pin("654321"), kSoon).code() == c.code);
    }
}

TEST_CASE("PIV: unblocking by the PUK") {
    const std::string unblock = "002c0080103132333435363738363534333231ffff";
    struct Case {
        const char* answer;
        ErrorCode code;
    };
    const Case cases[] = {{"63c1", ErrorCode::PukWrong},
                          {"63c0", ErrorCode::PukBlocked},
                          {"6983", ErrorCode::PukBlocked},
                          {"6a80", ErrorCode::PinNewRefused}};
    for (const Case& c : cases) {
        INFO(c.answer);
        Setup s(reading() + std::vector<Exchange>{{kSelect, kApt}, {unblock, c.answer}});
        auto card = s.open();
        REQUIRE(card.ok());
        CHECK((*card)->unblock_pin(pin("12345678"), pin("654321"), kSoon).code() == c.code);
    }
    Setup s(reading() + std::vector<Exchange>{{kSelect, kApt}, {unblock, "9000"}});
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK((*card)->unblock_pin(pin("12345"), pin("654321"), kSoon).code() == ErrorCode::PinFormat);
    CHECK((*card)->unblock_pin(pin("12345678"), pin("654321"), kSoon).ok());
}

TEST_CASE("PIV: the card's own identifier") {
    const std::string chuid = "00cb3fff055c035fc10200";
    Setup s(reading() +
            std::vector<Exchange>{
                {kSelect, kApt},
                {chuid, "5382 0200 3002aaaa 3410 00112233445566778899aabbccddeeff 3e82 6100"}});
    auto card = s.open();
    REQUIRE(card.ok());
    CHECK(*(*card)->read_card_id(kSoon) == "00112233445566778899aabbccddeeff");
}
