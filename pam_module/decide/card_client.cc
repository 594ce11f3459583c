#include "pam_module/decide/card_client.h"

#include <array>

#include "pam_module/decide/card_messages.h"
#include "pam_module/protocol/payload.h"

namespace piv {

namespace {

// The role that falls over has met a card that it could not take.
Error channel_error(ChannelResult result) {
    switch (result) {
        case ChannelResult::TimedOut:
            return {ErrorCode::DeadlineOver, "waiting for the card"};
        case ChannelResult::Closed:
            return {ErrorCode::CardFailure, "the card role ended before it answered"};
        case ChannelResult::Refused:
            return {ErrorCode::Internal, "the card role broke the protocol"};
        case ChannelResult::Done:
        case ChannelResult::Failed:
            break;
    }
    return {ErrorCode::Internal, "the card role cannot be reached"};
}

bool read_card(ByteView payload, SeenCard& card) {
    PayloadReader reader(payload);
    card.info.reader = std::string(reader.get_bytes().text());
    card.info.card_id = std::string(reader.get_bytes().text());
    card.info.pin_pad = reader.get_u8() != 0;
    card.info.pin_min = reader.get_u32();
    card.info.pin_max = reader.get_u32();
    card.info.pin_change_due = reader.get_u8() != 0;
    return reader.complete();
}

bool read_certificate(ByteView payload, CardCertificate& certificate) {
    PayloadReader reader(payload);
    certificate.slot = std::string(reader.get_bytes().text());
    certificate.der = reader.get_bytes().copy();
    return reader.complete();
}

}  // namespace

ErrorCode card_role_error(std::uint32_t number) noexcept {
    // Never a code that means success, out of scope, or anything about certificates and accounts.
    constexpr std::array<ErrorCode, 24> allowed = {
        ErrorCode::Internal,      ErrorCode::OutOfMemory, ErrorCode::DeadlineOver,
        ErrorCode::PcscDown,      ErrorCode::PcscDenied,  ErrorCode::NoReader,
        ErrorCode::NoCard,        ErrorCode::CardBusy,    ErrorCode::CardRemoved,
        ErrorCode::CardFailure,   ErrorCode::CardNotPiv,  ErrorCode::CardNotUsable,
        ErrorCode::CardMalformed, ErrorCode::PinWrong,    ErrorCode::PinBlocked,
        ErrorCode::PinTriesFloor, ErrorCode::PinFormat,   ErrorCode::PinChangeDue,
        ErrorCode::PinNewRefused, ErrorCode::PukWrong,    ErrorCode::PukBlocked,
        ErrorCode::ModuleRefused, ErrorCode::BadConfig,   ErrorCode::ConversationFailed,
    };
    for (const ErrorCode code : allowed) {
        if (static_cast<std::uint32_t>(code) == number) {
            return code;
        }
    }
    return ErrorCode::Internal;
}

CardClient::CardClient(UniqueFd socket)
    : socket_(std::move(socket)), channel_(socket_.get(), Side::Client, State::Idle) {}

Status CardClient::send(Message message, ByteView payload, Deadline deadline) {
    const ChannelResult sent = channel_.send(message, payload, deadline.monotonic_ms());
    return sent == ChannelResult::Done ? Status() : Status(lose(sent));
}

Error CardClient::lose(ChannelResult result) {
    lost_ = true;
    return channel_error(result);
}

Error CardClient::failure(ByteView payload) {
    PayloadReader reader(payload);
    const std::uint32_t code = reader.get_u32();
    const ByteView detail = reader.get_bytes();
    if (!reader.complete()) {
        return lose(ChannelResult::Refused);
    }
    return {card_role_error(code), std::string(detail.text())};
}

Result<CardClient::Frame> CardClient::receive(Deadline deadline) {
    Frame frame;
    std::size_t size = 0;
    ChannelResult got = channel_.receive_header(frame.message, size, deadline.monotonic_ms());
    if (got == ChannelResult::Done) {
        frame.payload.resize(size);
        got = channel_.receive_payload(frame.payload.data(), size, deadline.monotonic_ms());
    }
    if (got != ChannelResult::Done) {
        return lose(got);
    }
    return frame;
}

Result<std::vector<SeenCard>> CardClient::open(const CardSettings& settings, Deadline deadline) {
    Bytes buffer(8192);
    PayloadWriter writer(buffer.data(), buffer.size());
    write_card_settings(writer, settings, deadline.left_ms());
    if (!writer.good()) {
        return Error(ErrorCode::BadConfig, "the card settings are too long");
    }
    if (Status sent = send(Message::Open, writer.view(), deadline); !sent) {
        return std::move(sent).error();
    }
    std::vector<SeenCard> cards;
    for (;;) {
        Result<Frame> frame = receive(deadline);
        if (!frame) {
            return std::move(frame).error();
        }
        bool good = true;
        if (frame->message == Message::CardSeen) {
            cards.emplace_back();
            good = cards.size() <= kMaxCards && read_card(frame->payload, cards.back());
        } else if (frame->message == Message::CertificateSeen) {
            good = !cards.empty() && cards.back().certificates.size() < kMaxCertificatesPerCard;
            if (good) {
                cards.back().certificates.emplace_back();
                good = read_certificate(frame->payload, cards.back().certificates.back());
            }
        } else if (frame->message == Message::OpenDone) {
            return cards;
        } else {
            return failure(frame->payload);
        }
        if (!good) {
            return lose(ChannelResult::Refused);
        }
    }
}

Result<std::optional<int>> CardClient::pin_tries_left(std::size_t card, Deadline deadline) {
    std::uint8_t buffer[16];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u32(static_cast<std::uint32_t>(card));
    writer.put_u32(static_cast<std::uint32_t>(deadline.left_ms()));
    if (Status sent = send(Message::AskTries, writer.view(), deadline); !sent) {
        return std::move(sent).error();
    }
    Result<Frame> frame = receive(deadline);
    if (!frame) {
        return std::move(frame).error();
    }
    if (frame->message == Message::Failed) {
        return failure(frame->payload);
    }
    PayloadReader reader(frame->payload);
    const bool known = reader.get_u8() != 0;
    const std::uint32_t tries = reader.get_u32();
    if (!reader.complete() || tries > 255) {
        return lose(ChannelResult::Refused);
    }
    std::optional<int> left;
    if (known) {
        left = static_cast<int>(tries);
    }
    return left;
}

Result<Bytes> CardClient::sign(const SignRequest& request, const SecretBuffer& pin,
                               Deadline deadline) {
    Bytes buffer(4096);
    PayloadWriter writer(buffer.data(), buffer.size());
    writer.put_u32(static_cast<std::uint32_t>(request.card));
    writer.put_u32(static_cast<std::uint32_t>(request.certificate));
    writer.put_u8(static_cast<std::uint8_t>(request.key));
    writer.put_u32(static_cast<std::uint32_t>(deadline.left_ms()));
    writer.put_bytes(request.input);
    if (!writer.good()) {
        return Error(ErrorCode::Internal, "what is to be signed is too long");
    }
    if (Status sent = send(Message::Sign, writer.view(), deadline); !sent) {
        return std::move(sent).error();
    }
    if (Status sent = send(Message::CardSecret, pin.view(), deadline); !sent) {
        return std::move(sent).error();
    }
    Result<Frame> frame = receive(deadline);
    if (!frame) {
        return std::move(frame).error();
    }
    if (frame->message == Message::Failed) {
        return failure(frame->payload);
    }
    PayloadReader reader(frame->payload);
    commands_ = reader.get_u32();
    const ByteView signature = reader.get_bytes();
    if (!reader.complete()) {
        return lose(ChannelResult::Refused);
    }
    return signature.copy();
}

void CardClient::distrust(std::size_t card, Deadline deadline) {
    std::uint8_t buffer[4];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u32(static_cast<std::uint32_t>(card));
    (void)send(Message::Distrust, writer.view(), deadline);  // a cache entry is no more than that
}

Status CardClient::change_pin(std::size_t card, PinChangeBy by, const SecretBuffer& old_secret,
                              const SecretBuffer& new_pin, Deadline deadline) {
    std::uint8_t buffer[16];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u32(static_cast<std::uint32_t>(card));
    writer.put_u32(static_cast<std::uint32_t>(deadline.left_ms()));
    writer.put_u8(static_cast<std::uint8_t>(by));
    Status sent = send(Message::ChangePin, writer.view(), deadline);
    if (sent) {
        sent = send(Message::CardSecret, old_secret.view(), deadline);
    }
    if (sent) {
        sent = send(Message::NewSecret, new_pin.view(), deadline);
    }
    if (!sent) {
        return sent;
    }
    Result<Frame> frame = receive(deadline);
    if (!frame) {
        return std::move(frame).error();
    }
    return frame->message == Message::Failed ? Status(failure(frame->payload)) : Status();
}

}  // namespace piv
