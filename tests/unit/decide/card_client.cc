// The decider's end of the card protocol against a role that fails or lies.
#include "pam_module/decide/card_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <thread>

#include "pam_module/decide/card_messages.h"

using namespace piv;

namespace {

long long soon() {
    return monotonic_ms() + 2000;
}

// Runs `role` at the other end of a CardClient.
class Ends {
  public:
    explicit Ends(std::function<void(Channel&, int)> role) {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        client = std::make_unique<CardClient>(UniqueFd(ends[0]));
        role_ = std::thread([role = std::move(role), fd = ends[1]] {
            UniqueFd socket(fd);
            Channel channel(fd, Side::Server, State::Idle);
            Message message{};
            std::size_t size = 0;
            Bytes payload(8192);
            if (channel.receive_header(message, size, soon()) == ChannelResult::Done &&
                channel.receive_payload(payload.data(), payload.size(), soon()) ==
                    ChannelResult::Done) {
                role(channel, fd);
            }
        });
    }
    ~Ends() {
        client.reset();
        role_.join();
    }
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
    std::unique_ptr<CardClient> client;

  private:
    std::thread role_;
};

Bytes failed(std::uint32_t code) {
    std::uint8_t buffer[64];
    PayloadWriter out(buffer, sizeof buffer);
    out.put_u32(code);
    out.put_text("why");
    return out.view().copy();
}

Bytes card_seen() {
    std::uint8_t buffer[128];
    PayloadWriter out(buffer, sizeof buffer);
    out.put_text("reader");
    out.put_text("id");
    out.put_u8(0);
    out.put_u32(6);
    out.put_u32(8);
    out.put_u8(0);
    return out.view().copy();
}

ErrorCode open_code(std::function<void(Channel&, int)> role, bool lost) {
    const Ends ends(std::move(role));
    const auto cards = ends.client->open({}, Deadline::after_ms(1500));
    REQUIRE_FALSE(cards.ok());
    CHECK(ends.client->lost() == lost);
    return cards.code();
}

// Of a role that says why, and may be asked again.
ErrorCode failed_code(std::function<void(Channel&, int)> role) {
    return open_code(std::move(role), false);
}

// Of a role that nothing more comes of.
ErrorCode lost_code(std::function<void(Channel&, int)> role) {
    return open_code(std::move(role), true);
}

}  // namespace

TEST_CASE("every failure of a card reaches the decision as what it is") {
    // What card code fails with; the words "internal error" would hide what to do about it.
    for (const ErrorCode code : {ErrorCode::PcscDown,      ErrorCode::PcscDenied,
                                 ErrorCode::NoReader,      ErrorCode::NoCard,
                                 ErrorCode::CardBusy,      ErrorCode::CardRemoved,
                                 ErrorCode::CardFailure,   ErrorCode::CardNotPiv,
                                 ErrorCode::CardNotUsable, ErrorCode::CardMalformed,
                                 ErrorCode::PinWrong,      ErrorCode::PinBlocked,
                                 ErrorCode::PinTriesFloor, ErrorCode::PinFormat,
                                 ErrorCode::PinChangeDue,  ErrorCode::PinNewRefused,
                                 ErrorCode::PukWrong,      ErrorCode::PukBlocked,
                                 ErrorCode::ModuleRefused, ErrorCode::DeadlineOver,
                                 ErrorCode::OutOfMemory,   ErrorCode::ConversationFailed}) {
        INFO(info(code).name);
        CHECK(card_role_error(static_cast<std::uint32_t>(code)) == code);
        CHECK(failed_code([code](Channel& channel, int) {
                  (void)channel.send(Message::Failed, failed(static_cast<std::uint32_t>(code)),
                                     soon());
              }) == code);
    }
}

TEST_CASE("a role cannot fail with what is not about cards") {
    std::size_t count = 0;
    const ErrorInfo* rows = error_table(count);
    std::set<AuthOutcome> outcomes;
    for (std::uint32_t number = 0; number < 1000; ++number) {
        const ErrorCode code = card_role_error(number);
        outcomes.insert(info(code).outcome);
        CHECK((code == ErrorCode::Internal || static_cast<std::uint32_t>(code) == number));
        if (number >= count) {
            CHECK(code == ErrorCode::Internal);
        }
    }
    (void)rows;
    CHECK(outcomes.count(AuthOutcome::Granted) == 0);
    CHECK(outcomes.count(AuthOutcome::OutOfScope) == 0);
    CHECK(outcomes.count(AuthOutcome::UserUnknown) == 0);
}

TEST_CASE("a role that is gone, silent or talks nonsense") {
    CHECK(lost_code([](Channel&, int) {}) == ErrorCode::CardFailure);
    CHECK(lost_code([](Channel&, int fd) { (void)!write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19); }) ==
          ErrorCode::Internal);
    CHECK(lost_code([](Channel&, int) {
              std::this_thread::sleep_for(std::chrono::milliseconds(1700));
          }) == ErrorCode::DeadlineOver);
    CHECK(lost_code([](Channel& channel, int) {
              (void)channel.send(Message::Failed, {}, soon());
          }) == ErrorCode::Internal);
    CHECK(lost_code([](Channel& channel, int) {  // a certificate of no card
              const Bytes empty(4, 0);
              (void)channel.send(Message::CertificateSeen, empty, soon());
          }) == ErrorCode::Internal);
    CHECK(lost_code([](Channel& channel, int) {  // cards without end
              for (int i = 0; i < 100; ++i) {
                  (void)channel.send(Message::CardSeen, card_seen(), soon());
              }
          }) == ErrorCode::Internal);
    CHECK(lost_code([](Channel& channel, int) {
              (void)channel.send(Message::CardSeen, card_seen(), soon());
              std::uint8_t buffer[16];
              PayloadWriter out(buffer, sizeof buffer);
              out.put_text("9A");
              out.put_text("der");
              for (int i = 0; i < 100; ++i) {
                  (void)channel.send(Message::CertificateSeen, out.view(), soon());
              }
          }) == ErrorCode::Internal);
}

TEST_CASE("tries that cannot be are refused") {
    for (const std::uint32_t tries : {0U, 3U, 255U, 256U, 0xFFFFFFFFU}) {
        const Ends ends([tries](Channel& channel, int) {
            std::uint8_t buffer[16];
            PayloadWriter out(buffer, sizeof buffer);
            out.put_u8(1);
            out.put_u32(tries);
            (void)channel.send(Message::Tries, out.view(), soon());
        });
        const auto left = ends.client->pin_tries_left(0, Deadline::after_ms(1500));
        CHECK(left.ok() == (tries <= 255));
        if (left.ok()) {
            CHECK(*left == static_cast<int>(tries));
        }
    }
}
