#include "pam_module/helper/card_role.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "pam_module/card/card_session.h"
#include "pam_module/decide/card_messages.h"
#include "pam_module/decide/cards.h"
#include "pam_module/helper/process.h"
#include "pam_module/helper/sandbox.h"
#include "pam_module/protocol/channel.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::int64_t kIdleMs = 24LL * 3600 * 1000;  // ends with the decider, not by time
constexpr std::int64_t kReplyMs = 5000;
constexpr int kMaxLeftMs = 3600000;
constexpr unsigned kLeaveSeconds = 5;

class CardServer {
  public:
    CardServer(int socket, const CardRoleTools& tools)
        : channel_(socket, Side::Server, State::Idle), tools_(tools) {}
    void serve();

  private:
    bool receive(Message& message, Bytes& payload);
    bool handle(Message message, ByteView payload);
    bool open(PayloadReader request);
    bool tries(PayloadReader request);
    bool sign(PayloadReader request);
    bool change_pin(PayloadReader request);
    bool receive_pin(Message expected, SecretBuffer& pin);
    bool fail(const Error& error);
    bool reply(Message message, ByteView payload);
    [[nodiscard]] Deadline deadline_of(std::uint32_t left_ms) const noexcept;
    bool show_card(const CardSession& session, const std::vector<CardCertificate>& certificates);
    [[nodiscard]] CardSession* session(std::uint32_t number) const noexcept {
        return number < sessions_.size() ? sessions_[number].get() : nullptr;
    }

    Channel channel_;
    const CardRoleTools& tools_;
    std::vector<std::unique_ptr<CardSession>> sessions_;
    std::vector<std::vector<CardCertificate>> certificates_;
};

// The time for one request, whether or not somebody still waits for its answer.
Deadline CardServer::deadline_of(std::uint32_t left_ms) const noexcept {
    const int ms =
        left_ms > static_cast<std::uint32_t>(kMaxLeftMs) ? kMaxLeftMs : static_cast<int>(left_ms);
    tools_.end_in(static_cast<unsigned>(ms / 1000) + kLeaveSeconds);
    return Deadline::after_ms(ms);
}

bool CardServer::receive(Message& message, Bytes& payload) {
    const std::int64_t until = Deadline::after_ms(kIdleMs).monotonic_ms();
    std::size_t size = 0;
    if (channel_.receive_header(message, size, until) != ChannelResult::Done) {
        return false;
    }
    payload.resize(size);
    return channel_.receive_payload(payload.data(), size, until) == ChannelResult::Done;
}

bool CardServer::reply(Message message, ByteView payload) {
    tools_.end_in(0);
    return channel_.send(message, payload, Deadline::after_ms(kReplyMs).monotonic_ms()) ==
           ChannelResult::Done;
}

bool CardServer::fail(const Error& error) {
    const std::string detail = escape_for_display(error.detail, 1024);
    std::uint8_t buffer[kMaxText];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u32(static_cast<std::uint32_t>(error.code));
    writer.put_bytes(ByteView(std::string_view(detail)));
    return reply(Message::Failed, writer.view());
}

bool CardServer::show_card(const CardSession& card,
                           const std::vector<CardCertificate>& certificates) {
    const CardInfo& info = card.card();
    Bytes buffer(kMaxCertificate + 256);
    PayloadWriter writer(buffer.data(), 4096);
    writer.put_bytes(ByteView(std::string_view(info.reader)));
    writer.put_bytes(ByteView(std::string_view(info.card_id)));
    writer.put_u8(info.pin_pad ? 1 : 0);
    writer.put_u32(static_cast<std::uint32_t>(info.pin_min));
    writer.put_u32(static_cast<std::uint32_t>(info.pin_max));
    writer.put_u8(info.pin_change_due ? 1 : 0);
    if (!writer.good() || !reply(Message::CardSeen, writer.view())) {
        return false;
    }
    for (const CardCertificate& certificate : certificates) {
        PayloadWriter one(buffer.data(), buffer.size());
        one.put_bytes(ByteView(std::string_view(certificate.slot)));
        one.put_bytes(certificate.der);
        if (!one.good() || !reply(Message::CertificateSeen, one.view())) {
            return false;
        }
    }
    return true;
}

bool CardServer::open(PayloadReader request) {
    CardSettings settings;
    int left_ms = 0;
    if (!read_card_settings(request, settings, left_ms)) {
        return false;
    }
    sessions_.clear();
    certificates_.clear();
    const Deadline deadline = deadline_of(static_cast<std::uint32_t>(left_ms));
    auto opened = tools_.open(settings, deadline);
    if (!opened) {
        return fail(opened.error());
    }
    std::optional<Error> first_error;
    for (std::unique_ptr<CardSession>& card : *opened) {
        Result<std::vector<CardCertificate>> certificates = card->certificates(deadline);
        if (!certificates && !first_error) {
            first_error = certificates.error();
        }
        if (certificates && sessions_.size() < kMaxCards) {
            if (certificates->size() > kMaxCertificatesPerCard) {
                certificates->resize(kMaxCertificatesPerCard);
            }
            sessions_.push_back(std::move(card));
            certificates_.push_back(std::move(*certificates));
        }
    }
    if (sessions_.empty()) {
        return fail(first_error ? *first_error : Error(ErrorCode::NoCard));
    }
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        if (!show_card(*sessions_[i], certificates_[i])) {
            return false;
        }
    }
    return reply(Message::OpenDone, {});
}

bool CardServer::tries(PayloadReader request) {
    CardSession* card = session(request.get_u32());
    const Deadline deadline = deadline_of(request.get_u32());
    if (!request.complete() || card == nullptr) {
        return false;
    }
    Result<std::optional<int>> left = card->pin_tries_left(deadline);
    if (!left) {
        return fail(left.error());
    }
    std::uint8_t buffer[16];
    PayloadWriter writer(buffer, sizeof buffer);
    writer.put_u8(left->has_value() ? 1 : 0);
    writer.put_u32(static_cast<std::uint32_t>(left->value_or(0)));
    return reply(Message::Tries, writer.view());
}

bool CardServer::receive_pin(Message expected, SecretBuffer& pin) {
    const std::int64_t until = Deadline::after_ms(kReplyMs).monotonic_ms();
    Message message{};
    std::size_t size = 0;
    return channel_.receive_header(message, size, until) == ChannelResult::Done &&
           message == expected && channel_.receive_secret(pin, until) == ChannelResult::Done;
}

bool CardServer::sign(PayloadReader request) {
    const std::uint32_t number = request.get_u32();
    const std::uint32_t which = request.get_u32();
    const std::uint8_t key = request.get_u8();
    const Deadline deadline = deadline_of(request.get_u32());
    const Bytes input = request.get_bytes().copy();
    CardSession* card = session(number);
    SecretBuffer pin;
    if (!request.complete() || card == nullptr || which >= certificates_[number].size() ||
        key > static_cast<std::uint8_t>(CardKey::EcP521) ||
        !receive_pin(Message::CardSecret, pin)) {
        return false;
    }
    Result<Bytes> signature = card->verify_pin_and_sign(pin, certificates_[number][which],
                                                        static_cast<CardKey>(key), input, deadline);
    pin.reset();
    if (!signature) {
        return fail(signature.error());
    }
    Bytes buffer(2048);
    PayloadWriter writer(buffer.data(), buffer.size());
    writer.put_u32(card->traffic().apdus);
    writer.put_bytes(*signature);
    return writer.good() ? reply(Message::Signature, writer.view())
                         : fail({ErrorCode::CardFailure, "a signature of that size is none"});
}

bool CardServer::change_pin(PayloadReader request) {
    CardSession* card = session(request.get_u32());
    const Deadline deadline = deadline_of(request.get_u32());
    const std::uint8_t by = request.get_u8();
    SecretBuffer old_secret;
    SecretBuffer new_pin;
    if (!request.complete() || card == nullptr ||
        by > static_cast<std::uint8_t>(PinChangeBy::Puk) ||
        !receive_pin(Message::CardSecret, old_secret) ||
        !receive_pin(Message::NewSecret, new_pin)) {
        return false;
    }
    const Status changed = by == static_cast<std::uint8_t>(PinChangeBy::Puk)
                               ? card->unblock_pin(old_secret, new_pin, deadline)
                               : card->change_pin(old_secret, new_pin, deadline);
    return changed ? reply(Message::PinChanged, {}) : fail(changed.error());
}

bool CardServer::handle(Message message, ByteView payload) {
    PayloadReader request(payload);
    switch (message) {
        case Message::Open:
            return open(request);
        case Message::AskTries:
            return tries(request);
        case Message::Sign:
            return sign(request);
        case Message::ChangePin:
            return change_pin(request);
        case Message::Distrust: {
            CardSession* card = session(request.get_u32());
            if (!request.complete() || card == nullptr) {
                return false;
            }
            card->distrust_cache();
            return true;
        }
        default:
            return false;
    }
}

void CardServer::serve() {
    Message message{};
    Bytes payload;
    while (receive(message, payload) && handle(message, payload)) {
    }
    tools_.end_in(kLeaveSeconds);  // for putting the cards back
    sessions_.clear();
}

// SIGKILL by a timer of the kernel's: vendor modules ignore and block signals as they like, and what
// hangs in one after that would stay for ever.
timer_t end_timer;
bool have_end_timer = false;

void make_end_timer() noexcept {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    have_end_timer = timer_create(CLOCK_MONOTONIC, &event, &end_timer) == 0;
}

void end_in(unsigned seconds) noexcept {
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(seconds);
    if (!have_end_timer || timer_settime(end_timer, 0, &when, nullptr) != 0) {
        (void)alarm(seconds);
    }
}

[[noreturn]] void become_card_role(UniqueFd socket) {
    // The decider's end and whatever else it had open are none of ours.
    close_descriptors_from(3, socket.get());
    bool fallback = false;
    const bool dropped = drop_privileges(fallback).ok();
    (void)prctl(PR_SET_DUMPABLE, 0);  // changing ids may have set it again
    make_end_timer();
    if (dropped && enter_card_sandbox()) {
        serve_cards(socket.get(), {open_cards, end_in});
    }
    _exit(0);
}

}  // namespace

void serve_cards(int socket, const CardRoleTools& tools) noexcept {
    CardServer(socket, tools).serve();
}

Result<CardRoleProcess> CardRoleProcess::start() {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return Error(ErrorCode::Internal, "no socket pair for the card role");
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) {
        return Error(ErrorCode::OutOfMemory, "no process for the card role");
    }
    if (pid == 0) {
        ours.reset();
        become_card_role(std::move(theirs));
    }
    return CardRoleProcess(pid, std::move(ours));
}

CardRoleProcess::CardRoleProcess(CardRoleProcess&& other) noexcept
    : pid_(other.pid_), socket_(std::move(other.socket_)) {
    other.pid_ = -1;
}

void CardRoleProcess::kill_now() noexcept {
    if (pid_ > 0) {  // not waited for yet: the number is its own
        (void)kill(pid_, SIGKILL);
    }
}

CardRoleProcess::~CardRoleProcess() {
    socket_.reset();
    if (pid_ > 0) {
        (void)waitpid(pid_, nullptr, WNOHANG);
    }
}

}  // namespace piv
