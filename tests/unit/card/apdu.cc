#include "pam_module/card/apdu.h"

#include "tests/unit/card/scripted_link.h"

using namespace piv;
using piv::test::Exchange;
using piv::test::hex;
using piv::test::join;
using piv::test::LinkLog;
using piv::test::ScriptedLink;

namespace {

const Deadline kSoon = Deadline::after_ms(60000);

std::string octets(std::size_t count, const char* octet) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += octet;
    }
    return text;
}

struct Setup {
    Setup(const Setup&) = delete;
    explicit Setup(std::vector<Exchange> script, bool extended = false,
                   Transmission transmission = Transmission::T1)
        : link(std::make_shared<LinkLog>(), std::move(script)),
          dialog(link, transmission, extended) {
        link.in_transaction = true;
    }
    ScriptedLink link;
    ApduDialog dialog;
};

CommandApdu get(const Bytes& data, std::size_t max_response = 4096) {
    CommandApdu command;
    command.ins = 0xCB;
    command.p1 = 0x3F;
    command.p2 = 0xFF;
    command.data = data;
    command.wants_response = true;
    command.max_response = max_response;
    return command;
}

}  // namespace

TEST_CASE("APDU: short commands in every case of ISO 7816") {
    Setup s(std::vector<Exchange>{{"00a40000", "9000"},
                                  {"00a4000000", "aa9000"},
                                  {"00a4000001bb", "9000"},
                                  {"00cb3fff01bb00", "cc9000"}});
    CommandApdu command;
    command.ins = 0xA4;
    CHECK(s.dialog.send(command, kSoon)->status == 0x9000);
    command.wants_response = true;
    CHECK(to_hex(s.dialog.send(command, kSoon)->data) == "aa");
    const Bytes data{0xBB};
    command.data = data;
    command.wants_response = false;
    CHECK(s.dialog.send(command, kSoon)->status == 0x9000);
    CHECK(to_hex(s.dialog.send(get(data), kSoon)->data) == "cc");
    CHECK(s.dialog.count() == 4);
}

TEST_CASE("APDU: GET RESPONSE until the card is done") {
    Setup s(
        {{"00cb3fff01bb00", "01026103"}, {"00c0000003", "0304056102"}, {"00c0000002", "06079000"}});
    auto response = s.dialog.send(get({0xBB}), kSoon);
    REQUIRE(response.ok());
    CHECK(to_hex(response->data) == "01020304050607");
    CHECK(response->status == 0x9000);
}

TEST_CASE("APDU: 6Cxx asks once more with the right length, and only once") {
    Setup s(std::vector<Exchange>{{"00cb3fff01bb00", "6c02"}, {"00cb3fff01bb02", "aabb9000"}});
    CHECK(to_hex(s.dialog.send(get({0xBB}), kSoon)->data) == "aabb");
    Setup again(std::vector<Exchange>{{"00cb3fff01bb00", "6c02"}, {"00cb3fff01bb02", "6c03"}});
    CHECK(again.dialog.send(get({0xBB}), kSoon)->status == 0x6C03);
    Setup more(std::vector<Exchange>{
        {"00cb3fff01bb00", "6110"}, {"00c0000010", "6c01"}, {"00c0000001", "aa9000"}});
    CHECK(to_hex(more.dialog.send(get({0xBB}), kSoon)->data) == "aa");
}

TEST_CASE("APDU: a card that never ends is stopped") {
    std::vector<Exchange> script{{"00cb3fff01bb00", join({octets(256, "aa"), "6100"})}};
    for (int i = 0; i < 3; ++i) {
        script.push_back({"00c0000000", join({octets(256, "aa"), "6100"})});
    }
    Setup s(script);
    CHECK(s.dialog.send(get({0xBB}, 1024), kSoon).code() == ErrorCode::CardMalformed);
    Setup nothing(std::vector<Exchange>{{"00cb3fff01bb00", "6100"},
                                        {"00c0000000", "6100"},
                                        {"00c0000000", "6100"},
                                        {"00c0000000", "6100"}});
    CHECK(nothing.dialog.send(get({0xBB}), kSoon).code() == ErrorCode::CardMalformed);
    Setup slightly(std::vector<Exchange>{{"00cb3fff01bb00", "aa6101"}, {"00c0000001", "bbcc9000"}});
    CHECK(slightly.dialog.send(get({0xBB}, 2), kSoon).code() == ErrorCode::CardMalformed);
}

TEST_CASE("APDU: answers without status are refused") {
    for (const char* answer : {"90", "00"}) {
        Setup s(std::vector<Exchange>{{"00cb3fff01bb00", answer}});
        CHECK(s.dialog.send(get({0xBB}), kSoon).code() == ErrorCode::CardMalformed);
    }
}

TEST_CASE("APDU: long data is chained when there is no extended length") {
    const Bytes data(300, 0x5A);
    Setup s(std::vector<Exchange>{{join({"10873fffff", octets(255, "5a")}), "9000"},
                                  {join({"00873fff2d", octets(45, "5a"), "00"}), "77889000"}});
    CommandApdu command = get(data);
    command.ins = 0x87;
    CHECK(to_hex(s.dialog.send(command, kSoon)->data) == "7788");
    Setup refused(std::vector<Exchange>{{"10873fffff*", "6884"}});
    CHECK(refused.dialog.send(command, kSoon)->status == 0x6884);
}

TEST_CASE("APDU: extended length in one command") {
    const Bytes data(300, 0x5A);
    Setup s(
        std::vector<Exchange>{{join({"00873fff00012c", octets(300, "5a"), "0000"}), "99009000"}},
        true);
    CommandApdu command = get(data);
    command.ins = 0x87;
    CHECK(to_hex(s.dialog.send(command, kSoon)->data) == "9900");
    Setup get_data(
        std::vector<Exchange>{{"00cb3fff000001bb0000", join({octets(1000, "11"), "9000"})}}, true);
    CHECK(get_data.dialog.send(get({0xBB}), kSoon)->data.size() == 1000);
    Setup small(std::vector<Exchange>{{"00cb3fff01bb00", "119000"}},
                true);  // a short answer needs no extended length
    CHECK(small.dialog.send(get({0xBB}, 256), kSoon)->data.size() == 1);
}

TEST_CASE(
    "APDU: a card or reader that refuses extended length is asked in short form from then on") {
    Setup card(std::vector<Exchange>{{"00cb3fff000001bb0000", "6700"},
                                     {"00cb3fff01bb00", "119000"},
                                     {"00cb3fff01bb00", "229000"}},
               true);
    CHECK(to_hex(card.dialog.send(get({0xBB}), kSoon)->data) == "11");
    CHECK(to_hex(card.dialog.send(get({0xBB}), kSoon)->data) == "22");
    CHECK_FALSE(card.dialog.extended());
    Setup reader(
        {{"00cb3fff000001bb0000", "", ErrorCode::CardFailure}, {"00cb3fff01bb00", "119000"}}, true);
    CHECK(to_hex(reader.dialog.send(get({0xBB}), kSoon)->data) == "11");
    Setup gone(std::vector<Exchange>{{"00cb3fff000001bb0000", "", ErrorCode::CardRemoved}}, true);
    CHECK(gone.dialog.send(get({0xBB}), kSoon).code() == ErrorCode::CardRemoved);
}

TEST_CASE("APDU: T=0 sends no Le behind data, and has no extended length") {
    Setup s(std::vector<Exchange>{{"00cb3fff01bb", "6102"}, {"00c0000002", "aabb9000"}}, true,
            Transmission::T0);
    CHECK(to_hex(s.dialog.send(get({0xBB}), kSoon)->data) == "aabb");
    CHECK_FALSE(s.dialog.extended());
    Setup first(std::vector<Exchange>{{"00cb3fff01bb", "6100"}, {"00c0000000", "aabb6110"}}, false,
                Transmission::T0);
    CHECK(to_hex(first.dialog.send_for_first_part(get({0xBB}), kSoon)->data) == "aabb");
}

TEST_CASE("APDU: a secret is sent once, whatever the answer") {
    SecretBuffer secret;
    REQUIRE(secret.assign("123456\xff\xff", 8));
    CommandApdu verify;
    verify.ins = 0x20;
    verify.p2 = 0x80;
    for (const char* answer : {"6700", "6c08", "6108", "63c2"}) {
        Setup s(std::vector<Exchange>{{"0020008008313233343536ffff", answer}});
        CHECK(s.dialog.send_secret(verify, secret, kSoon).ok());
        CHECK(s.dialog.count() == 1);
    }
    Setup none(std::vector<Exchange>{});
    CHECK(none.dialog.send_secret(verify, SecretBuffer(), kSoon).code() == ErrorCode::Internal);
}

TEST_CASE("APDU: nothing is sent when the deadline is over") {
    Setup s(std::vector<Exchange>{});
    CHECK(s.dialog.send(get({0xBB}), Deadline::at_ms(1)).code() == ErrorCode::DeadlineOver);
}
