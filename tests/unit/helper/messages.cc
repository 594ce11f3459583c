// The helper's end of the login protocol, and the sentence that is logged.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "pam_module/helper/login_channel.h"
#include "pam_module/helper/login_log.h"
#include "pam_module/protocol/payload.h"
#include "pki/base/fd.h"

using namespace piv;

namespace {

struct Ends {
    UniqueFd host;
    UniqueFd helper;
    Ends() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        host.reset(ends[0]);
        helper.reset(ends[1]);
    }
};

long long soon() {
    return monotonic_ms() + 1000;
}

Bytes begin_payload(unsigned facility, unsigned first_pass, std::uint32_t wait,
                    const char* user = "alice") {
    std::uint8_t buffer[512];
    PayloadWriter out(buffer, sizeof buffer);
    out.put_u8(static_cast<std::uint8_t>(facility));
    out.put_u8(static_cast<std::uint8_t>(first_pass));
    out.put_u32(0);
    out.put_u32(wait);
    out.put_text("login");
    out.put_text(user);
    out.put_text(nullptr);
    out.put_text("tty1");
    out.put_text("");
    out.put_text("C.UTF-8");
    out.put_text("");
    out.put_text("");
    out.put_text("");
    return out.view().copy();
}

bool begins(const Bytes& payload) {
    const Ends ends;
    Channel host(ends.host.get(), Side::Client, State::Start);
    REQUIRE(host.send(Message::Begin, payload, soon()) == ChannelResult::Done);
    LoginChannel helper(ends.helper.get());
    return helper.receive_begin().ok();
}

// What ask() makes of the host's answer.
template <typename Answer>
std::string asked(Answer answer) {
    Ends ends;
    Channel host(ends.host.get(), Side::Client, State::Start);
    REQUIRE(host.send(Message::Begin, begin_payload(1, 0, 0), soon()) == ChannelResult::Done);
    LoginChannel helper(ends.helper.get());
    REQUIRE(helper.receive_begin().ok());
    REQUIRE(helper.send_ready(1000, 0).ok());
    // The answer is there before the question: a stream does not mind, and no thread is needed.
    Channel asking(ends.host.get(), Side::Client, State::Asking);
    answer(asking, ends);
    const Result<SecretBuffer> pin = helper.ask(SecretSource::Person, "PIN: ");
    return pin ? "pin " + std::string(pin->view().text()) : std::string(info(pin.code()).name);
}

}  // namespace

TEST_CASE("Begin is taken whole or not at all") {
    CHECK(begins(begin_payload(1, 0, 0)));
    CHECK(begins(begin_payload(2, 2, 3600)));
    CHECK_FALSE(begins(begin_payload(0, 0, 0)));
    CHECK(begins(begin_payload(3, 0, 0)));
    CHECK_FALSE(begins(begin_payload(4, 0, 0)));
    CHECK_FALSE(begins(begin_payload(1, 3, 0)));
    CHECK_FALSE(begins(begin_payload(1, 0, 3601)));
    Bytes longer = begin_payload(1, 0, 0);
    longer.push_back(0);
    CHECK_FALSE(begins(longer));
    longer.resize(longer.size() - 2);
    CHECK_FALSE(begins(longer));
    CHECK_FALSE(begins({}));
}

TEST_CASE("what the host answers to the question for a PIN") {
    CHECK(asked([](Channel& host, Ends&) {
              (void)host.send(Message::Secret, ByteView(std::string_view("123456")), soon());
          }) == "pin 123456");
    const char* const names[] = {"conversation-failed", "no-first-pass", "pin-format",
                                 "out-of-memory"};
    for (std::uint8_t reason = 0; reason < 8; ++reason) {
        const std::string got = asked([reason](Channel& host, Ends&) {
            (void)host.send(Message::NoSecret, {&reason, 1}, soon());
        });
        CHECK(got == (reason >= 1 && reason <= 4 ? names[reason - 1] : "helper-failed"));
    }
    CHECK(asked([](Channel& host, Ends&) { (void)host.send(Message::NoSecret, {}, soon()); }) ==
          "helper-failed");
    CHECK(asked([](Channel&, Ends& ends) { ends.host.reset(); }) == "helper-failed");
    CHECK(asked([](Channel&, Ends& ends) { (void)!write(ends.host.get(), "nonsense", 8); }) ==
          "helper-failed");
}

TEST_CASE("the sentence that is logged is one line, whatever is in it") {
    LoginEvent event;
    event.begin.service = "login\nFAKE";
    event.user = "al\x1b[2Jice";
    event.error = Error(ErrorCode::PinWrong, "\xff\r\n\xe2\x80\xae");
    AttemptRecord record;
    record.rule = "file: line 7";
    const std::string text = attempt_message(event, record);
    for (const char c : text) {
        CHECK(static_cast<unsigned char>(c) >= 0x20);
    }
    CHECK(text.find("pin-wrong") != std::string::npos);
    CHECK(text.find("\xe2\x80\xae") == std::string::npos);
    event.outcome = AuthOutcome::Granted;
    event.error.reset();
    event.user = std::string(5000, 'x');
    CHECK(attempt_message(event, record).size() <= 2003);
}
