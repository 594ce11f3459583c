#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "pam_module/protocol/channel.h"
#include "pam_module/protocol/payload.h"
#include "pki/base/fd.h"
#include "pki/base/time.h"

using namespace piv;

namespace {

long long soon() {
    return monotonic_ms() + 500;
}

struct Pair {
    UniqueFd a;
    UniqueFd b;
    Pair() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        a.reset(ends[0]);
        b.reset(ends[1]);
    }
};

Bytes frame(std::uint8_t message, std::uint32_t announced, const Bytes& payload) {
    Bytes out(8 + payload.size());
    out[0] = 'P';
    out[1] = 'L';
    out[2] = 1;
    out[3] = message;
    for (unsigned i = 0; i < 4; ++i) {
        out[4 + i] = static_cast<std::uint8_t>(announced >> (24U - 8U * i));
    }
    for (std::size_t i = 0; i < payload.size(); ++i) {
        out[8 + i] = payload[i];
    }
    return out;
}

}  // namespace

TEST_CASE("A message is sent only by its side, in its state, within its cap") {
    const State states[] = {State::Start,   State::Begun,          State::Working,
                            State::Asking,  State::Over,           State::Idle,
                            State::Opening, State::Counting,       State::SignNeedsPin,
                            State::Signing, State::ChangeNeedsOld, State::ChangeNeedsNew,
                            State::Changing};
    for (const State state : states) {
        for (const Side side : {Side::Client, Side::Server}) {
            for (int number = 0; number < 256; ++number) {
                const auto message = static_cast<Message>(number);
                const MessageRule* rule = find_rule(message, side, state);
                Pair pair;
                Channel channel(pair.a.get(), side, state);
                const bool sent = channel.send(message, {}, soon()) == ChannelResult::Done;
                CHECK(sent == (rule != nullptr));
                if (rule != nullptr) {
                    Channel other(pair.a.get(), side, state);
                    const Bytes large(rule->max_payload + 1, 0);
                    CHECK(other.send(message, large, soon()) == ChannelResult::Refused);
                }
            }
        }
    }
}

TEST_CASE("Nothing follows a verdict") {
    for (int number = 0; number < 256; ++number) {
        CHECK(find_rule(static_cast<Message>(number), Side::Server, State::Over) == nullptr);
        CHECK(find_rule(static_cast<Message>(number), Side::Client, State::Over) == nullptr);
    }
}

TEST_CASE("Every announced size over the cap is refused before its payload is read") {
    for (const std::uint32_t size : {1025U, 65536U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        Pair pair;
        Channel host(pair.a.get(), Side::Client, State::Working);
        const Bytes bytes = frame(static_cast<std::uint8_t>(Message::Verdict), size, {});
        REQUIRE(write(pair.b.get(), bytes.data(), bytes.size()) > 0);
        Message message{};
        std::size_t got = 0;
        CHECK(host.receive_header(message, got, soon()) == ChannelResult::Refused);
        CHECK(host.receive_header(message, got, soon()) == ChannelResult::Refused);
    }
}

TEST_CASE("A frame that is cut at any octet is never a message") {
    const Bytes whole = frame(static_cast<std::uint8_t>(Message::Verdict), 10, Bytes(10, 0));
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        Pair pair;
        Channel host(pair.a.get(), Side::Client, State::Working);
        if (cut > 0) {
            REQUIRE(write(pair.b.get(), whole.data(), cut) == static_cast<ssize_t>(cut));
        }
        pair.b.reset();
        Message message{};
        std::size_t size = 0;
        std::uint8_t buffer[64];
        ChannelResult result = host.receive_header(message, size, soon());
        if (result == ChannelResult::Done) {
            result = host.receive_payload(buffer, sizeof buffer, soon());
        }
        CHECK(result == ChannelResult::Closed);
    }
}

TEST_CASE("Payload fields come back, and a cut or longer payload is not complete") {
    std::uint8_t buffer[64];
    PayloadWriter out(buffer, sizeof buffer);
    out.put_u8(7);
    out.put_u32(0xDEADBEEFU);
    out.put_text("text");
    out.put_text(nullptr);
    REQUIRE(out.good());
    PayloadReader in(out.view());
    CHECK(in.get_u8() == 7);
    CHECK(in.get_u32() == 0xDEADBEEFU);
    CHECK(in.get_bytes().text() == "text");
    CHECK(in.get_bytes().empty());
    CHECK(in.complete());
    for (std::size_t cut = 0; cut < out.view().size(); ++cut) {
        PayloadReader shorter(out.view().sub(0, cut));
        (void)shorter.get_u8();
        (void)shorter.get_u32();
        (void)shorter.get_bytes();
        (void)shorter.get_bytes();
        CHECK_FALSE(shorter.complete());
    }
    std::uint8_t small[6];
    PayloadWriter full(small, sizeof small);
    full.put_text("12345");
    CHECK_FALSE(full.good());
    CHECK(full.view().empty());
}

TEST_CASE("A secret goes into a SecretBuffer, whole") {
    Pair pair;
    Channel host(pair.a.get(), Side::Client, State::Asking);
    Channel helper(pair.b.get(), Side::Server, State::Asking);
    REQUIRE(host.send(Message::Secret, ByteView(std::string_view("123456")), soon()) ==
            ChannelResult::Done);
    Message message{};
    std::size_t size = 0;
    REQUIRE(helper.receive_header(message, size, soon()) == ChannelResult::Done);
    SecretBuffer secret;
    REQUIRE(helper.receive_secret(secret, soon()) == ChannelResult::Done);
    CHECK(secret.view().text() == "123456");
    CHECK(helper.state() == State::Working);
}
