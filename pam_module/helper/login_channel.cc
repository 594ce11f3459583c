#include "pam_module/helper/login_channel.h"

#include <poll.h>

#include <cerrno>

#include "pam_module/protocol/payload.h"
#include "pki/base/text.h"
#include "pki/base/time.h"

namespace piv {

namespace {

constexpr int kSendMs = 5000;
// The person may take as long as they like; the host ends the attempt when they are gone.
constexpr std::int64_t kPersonMs = 24LL * 3600 * 1000;

Error broken() {
    return {ErrorCode::HelperFailed, "the PAM module broke the protocol or is gone"};
}

std::string text_of(ByteView bytes) {
    return std::string(bytes.text());
}

}  // namespace

Result<BeginMessage> LoginChannel::receive_begin() {
    const std::int64_t until = Deadline::after_ms(kSendMs).monotonic_ms();
    Message message{};
    std::size_t size = 0;
    Bytes payload(kMaxBegin);
    if (channel_.receive_header(message, size, until) != ChannelResult::Done ||
        message != Message::Begin ||
        channel_.receive_payload(payload.data(), payload.size(), until) != ChannelResult::Done) {
        return broken();
    }
    PayloadReader reader({payload.data(), size});
    BeginMessage begin;
    begin.facility = static_cast<Facility>(reader.get_u8());
    begin.first_pass = static_cast<FirstPass>(reader.get_u8());
    begin.flags = reader.get_u32();
    begin.wait_seconds = reader.get_u32();
    begin.service = text_of(reader.get_bytes());
    begin.user = text_of(reader.get_bytes());
    begin.config = text_of(reader.get_bytes());
    begin.tty = text_of(reader.get_bytes());
    begin.remote_host = text_of(reader.get_bytes());
    begin.language = text_of(reader.get_bytes());
    begin.session_id = text_of(reader.get_bytes());
    begin.reader = text_of(reader.get_bytes());
    begin.certificate = text_of(reader.get_bytes());
    const bool known_facility = begin.facility == Facility::Authenticate ||
                                begin.facility == Facility::ChangePin ||
                                begin.facility == Facility::OpenSession;
    if (!reader.complete() || !known_facility || begin.first_pass > FirstPass::Only ||
        begin.wait_seconds > kMaxWaitMs / 1000) {
        return broken();
    }
    return begin;
}

Status LoginChannel::send(Message message, ByteView payload) {
    const std::int64_t until = Deadline::after_ms(kSendMs).monotonic_ms();
    return channel_.send(message, payload, until) == ChannelResult::Done ? Status()
                                                                         : Status(broken());
}

Status LoginChannel::send_ready(std::uint32_t deadline_ms, std::uint32_t wait_ms) {
    std::uint8_t buffer[16];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u32(deadline_ms);
    writer.put_u32(wait_ms);
    return send(Message::Ready, writer.view());
}

// Losing a text is no reason to fail: the next thing that needs the host will say so.
void LoginChannel::info(const std::string& text) {
    (void)send(Message::Info, ByteView(std::string_view(text)).sub(0, kMaxText));
}

void LoginChannel::problem(const std::string& text) {
    (void)send(Message::Problem, ByteView(std::string_view(text)).sub(0, kMaxText));
}

void LoginChannel::wait_for_answer() {
    while (background() != nullptr && background()->poll_fd() >= 0) {
        pollfd fds[] = {{socket_, POLLIN, 0}, {background()->poll_fd(), POLLIN, 0}};
        const int ready = poll(fds, 2, background()->next_pump_ms());
        if (ready < 0 && errno != EINTR) {
            return;
        }
        if (ready >= 0 && fds[0].revents != 0) {
            return;
        }
        if (ready >= 0) {
            background()->pump();
        }
    }
}

Result<SecretBuffer> LoginChannel::ask(SecretSource source, const std::string& prompt) {
    std::uint8_t buffer[kMaxText];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u8(static_cast<std::uint8_t>(source));
    writer.put_bytes(ByteView(std::string_view(prompt)));
    if (Status sent = send(Message::AskSecret, writer.view()); !sent) {
        return std::move(sent).error();
    }
    wait_for_answer();
    const std::int64_t until = Deadline::after_ms(kPersonMs).monotonic_ms();
    Message message{};
    std::size_t size = 0;
    const ChannelResult got = channel_.receive_header(message, size, until);
    if (got == ChannelResult::Closed) {  // the person chose another user, or gave up
        return Error(ErrorCode::ConversationFailed, "the program that asked is gone");
    }
    if (got != ChannelResult::Done) {
        return broken();
    }
    if (message == Message::Secret) {
        SecretBuffer secret;
        if (channel_.receive_secret(secret, until) != ChannelResult::Done) {
            return broken();
        }
        return secret;
    }
    std::uint8_t reason = 0;
    if (size != 1 || channel_.receive_payload(&reason, 1, until) != ChannelResult::Done) {
        return broken();
    }
    switch (static_cast<NoSecretReason>(reason)) {
        case NoSecretReason::Conversation:
            return ErrorCode::ConversationFailed;
        case NoSecretReason::NoFirstPass:
            return ErrorCode::NoFirstPass;
        case NoSecretReason::TooLong:
            return ErrorCode::PinFormat;
        case NoSecretReason::NoMemory:
            return ErrorCode::OutOfMemory;
    }
    return broken();
}

Status LoginChannel::send_verdict(AuthOutcome outcome, const std::string& user,
                                  std::string_view error_name, const WatchedCard& watched) {
    std::uint8_t buffer[1024];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u32(static_cast<std::uint32_t>(outcome));
    writer.put_bytes(ByteView(std::string_view(user)));
    writer.put_bytes(ByteView(error_name));
    writer.put_bytes(ByteView(std::string_view(watched.reader)));
    writer.put_bytes(ByteView(std::string_view(watched.certificate)));
    if (!writer.good()) {
        return Error(ErrorCode::Internal, "the verdict does not fit its frame");
    }
    return send(Message::Verdict, writer.view());
}

}  // namespace piv
