#include "pam_module/glue/attempt.h"

#include <security/pam_ext.h>
#include <syslog.h>

#include <cerrno>
#include <cstring>

#include "pam_module/glue/helper_process.h"
#include "pam_module/glue/outcome.h"
#include "pam_module/protocol/channel.h"
#include "pam_module/protocol/payload.h"

namespace piv {

namespace {

class Attempt {
  public:
    Attempt(Host& host, const Arguments& arguments, Facility facility, SessionCard& card,
            const char* session_id) noexcept
        : host_(host),
          arguments_(arguments),
          facility_(facility),
          card_(card),
          session_id_(session_id),
          started_(host_clock_ms()) {}

    int run() noexcept;

  private:
    [[nodiscard]] long long deadline() const noexcept {
        return started_ + allowed_ms_ + kGraceMs + host_.spent_ms();
    }
    bool begin() noexcept;
    bool handle(Message message, ByteView payload) noexcept;
    bool ready(PayloadReader reader) noexcept;
    bool text(int style, ByteView payload) noexcept;
    bool question(PayloadReader reader) noexcept;
    bool verdict(PayloadReader reader) noexcept;
    int accept(ByteView user) noexcept;
    bool keep_card(ByteView reader, ByteView certificate) noexcept;

    Host& host_;
    const Arguments& arguments_;
    Facility facility_;
    SessionCard& card_;
    const char* session_id_;
    long long started_;
    long long allowed_ms_ = kReadyMs;
    HelperProcess helper_;
    Channel channel_{-1, Side::Client, State::Start};
    SecretBuffer pin_;
    char text_[kMaxText + 1] = {};
    int texts_ = 0;
    int questions_ = 0;
    bool over_ = false;
    int result_ = PAM_SYSTEM_ERR;
};

bool Attempt::begin() noexcept {
    std::uint32_t flags = 0;
    flags |= host_.silent() ? kBeginSilent : 0U;
    flags |= arguments_.debug ? kBeginDebug : 0U;
    flags |= arguments_.card_only ? kBeginCardOnly : 0U;
    flags |= arguments_.wait_given ? kBeginWaitGiven : 0U;
    flags |= *host_.item(PAM_AUTHTOK) != '\0' ? kBeginHasFirstPass : 0U;
    std::uint8_t buffer[kMaxBegin];
    PayloadWriter payload(buffer, sizeof buffer);
    payload.put_u8(static_cast<std::uint8_t>(facility_));
    payload.put_u8(static_cast<std::uint8_t>(arguments_.first_pass));
    payload.put_u32(flags);
    payload.put_u32(arguments_.wait_seconds);
    payload.put_text(host_.item(PAM_SERVICE));
    payload.put_text(host_.item(PAM_USER));
    payload.put_text(arguments_.config);
    payload.put_text(host_.item(PAM_TTY));
    payload.put_text(host_.item(PAM_RHOST));
    payload.put_text(host_language());
    const bool session = facility_ == Facility::OpenSession;
    payload.put_text(session ? session_id_ : "");
    payload.put_text(session ? card_.reader : "");
    payload.put_text(session ? card_.certificate : "");
    return payload.good() &&
           channel_.send(Message::Begin, payload.view(), deadline()) == ChannelResult::Done;
}

bool Attempt::ready(PayloadReader reader) noexcept {
    const std::uint32_t deadline_ms = reader.get_u32();
    const std::uint32_t wait_ms = reader.get_u32();
    if (!reader.complete() || deadline_ms > kMaxDeadlineMs || wait_ms > kMaxWaitMs) {
        return false;
    }
    // From here, as the helper counts: what its start took on a busy machine is not taken from the time
    // that it has to say no with the reason.
    started_ = host_clock_ms();
    allowed_ms_ = static_cast<long long>(deadline_ms) + wait_ms;
    return true;
}

bool Attempt::text(int style, ByteView payload) noexcept {
    if (++texts_ > kMaxTexts || payload.empty() || payload.size() > kMaxText) {
        return false;
    }
    std::memcpy(text_, payload.data(), payload.size());
    text_[payload.size()] = '\0';
    host_.show(style, text_);
    return true;
}

bool Attempt::question(PayloadReader reader) noexcept {
    const auto source = static_cast<SecretSource>(reader.get_u8());
    const ByteView prompt = reader.get_bytes();
    if (++questions_ > kMaxQuestions || !reader.complete() || prompt.size() > kMaxText) {
        return false;
    }
    if (!prompt.empty()) {
        std::memcpy(text_, prompt.data(), prompt.size());
    }
    text_[prompt.size()] = '\0';
    bool answered = false;
    NoSecretReason why = NoSecretReason::NoFirstPass;
    SecretBuffer other;
    SecretBuffer& secret = source == SecretSource::NewPin ? other : pin_;
    if (source == SecretSource::FirstPass) {
        answered = arguments_.first_pass != FirstPass::Never && host_.first_pass(secret, why);
    } else if (source == SecretSource::Person || source == SecretSource::NewPin) {
        answered = host_.ask(text_, secret, why);
    } else {
        return false;
    }
    if (answered) {
        return channel_.send(Message::Secret, secret.view(), deadline()) == ChannelResult::Done;
    }
    secret.reset();
    const std::uint8_t reason = static_cast<std::uint8_t>(why);
    return channel_.send(Message::NoSecret, {&reason, 1}, deadline()) == ChannelResult::Done;
}

// The name of the card's account, when the application gave none; and the PIN for the modules
// behind us.
int Attempt::accept(ByteView user) noexcept {
    char name[512];
    if (user.empty() || user.size() >= sizeof name ||
        std::memchr(user.data(), '\0', user.size()) != nullptr) {
        return PAM_SYSTEM_ERR;
    }
    std::memcpy(name, user.data(), user.size());
    name[user.size()] = '\0';
    const char* asked_for = host_.item(PAM_USER);
    if (*asked_for == '\0') {
        const int set = pam_set_item(host_.handle(), PAM_USER, name);
        if (set != PAM_SUCCESS) {
            return set == PAM_BUF_ERR ? PAM_BUF_ERR : PAM_SYSTEM_ERR;
        }
    } else if (std::strcmp(asked_for, name) != 0) {
        return PAM_SYSTEM_ERR;  // a verdict about somebody else
    }
    if (arguments_.forward_pass && !pin_.empty() && pin_.size() < SecretBuffer::kCapacity) {
        std::uint8_t* end = const_cast<std::uint8_t*>(pin_.data()) + pin_.size();
        *end = 0;  // the page is all zero behind the PIN; said once more where it matters
        const int set = pam_set_item(host_.handle(), PAM_AUTHTOK, pin_.data());
        if (set != PAM_SUCCESS) {
            return set == PAM_BUF_ERR ? PAM_BUF_ERR : PAM_SYSTEM_ERR;
        }
    }
    return PAM_SUCCESS;
}

// Both or none: half of it is a broken helper.
bool Attempt::keep_card(ByteView reader, ByteView certificate) noexcept {
    card_ = SessionCard();
    if (reader.empty() && certificate.empty()) {
        return true;
    }
    if (reader.empty() || reader.size() > kMaxReaderName || certificate.size() != kSha256Digits ||
        std::memchr(reader.data(), '\0', reader.size()) != nullptr) {
        return false;
    }
    for (const std::uint8_t digit : certificate) {
        if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
            return false;
        }
    }
    std::memcpy(card_.reader, reader.data(), reader.size());
    std::memcpy(card_.certificate, certificate.data(), certificate.size());
    card_.watched = true;
    return true;
}

bool Attempt::verdict(PayloadReader reader) noexcept {
    const std::uint32_t outcome = reader.get_u32();
    const ByteView user = reader.get_bytes();
    (void)reader.get_bytes();  // the error's name, for the records
    const ByteView card_reader = reader.get_bytes();
    const ByteView certificate = reader.get_bytes();
    if (!reader.complete() || outcome > static_cast<std::uint32_t>(AuthOutcome::OutOfScope) ||
        (facility_ == Facility::Authenticate && !keep_card(card_reader, certificate))) {
        return false;
    }
    result_ = to_pam(static_cast<AuthOutcome>(outcome));
    if (result_ == PAM_SUCCESS && facility_ == Facility::Authenticate) {
        result_ = accept(user);
    }
    if (result_ == PAM_SUCCESS && facility_ != Facility::Authenticate &&
        user != ByteView(std::string_view(host_.item(PAM_USER)))) {
        result_ = PAM_SYSTEM_ERR;  // as above
    }
    over_ = true;
    return true;
}

bool Attempt::handle(Message message, ByteView payload) noexcept {
    switch (message) {
        case Message::Ready:
            return ready(PayloadReader(payload));
        case Message::Info:
            return text(PAM_TEXT_INFO, payload);
        case Message::Problem:
            return text(PAM_ERROR_MSG, payload);
        case Message::AskSecret:
            return question(PayloadReader(payload));
        case Message::Verdict:
            return verdict(PayloadReader(payload));
        default:
            return false;
    }
}

int Attempt::run() noexcept {
    const int error = helper_.start(PIV_HELPER_PATH);
    if (error != 0) {
        pam_syslog(host_.handle(), LOG_ERR, "cannot start %s: %s", PIV_HELPER_PATH,
                   std::strerror(error));
        return error == ENOMEM ? PAM_BUF_ERR : PAM_SYSTEM_ERR;
    }
    channel_ = Channel(helper_.socket(), Side::Client, State::Start);
    bool good = begin();
    std::uint8_t buffer[kMaxText + 64];
    while (good && !over_) {
        Message message{};
        std::size_t size = 0;
        good = channel_.receive_header(message, size, deadline()) == ChannelResult::Done &&
               channel_.receive_payload(buffer, sizeof buffer, deadline()) == ChannelResult::Done &&
               handle(message, {buffer, size});
    }
    if (!good) {
        pam_syslog(host_.handle(), LOG_ERR,
                   "the helper gave no verdict: it crashed, was too late or broke the protocol");
        result_ = PAM_SYSTEM_ERR;
    }
    return result_;
}

}  // namespace

int run_attempt(Host& host, const Arguments& arguments, Facility facility, SessionCard& card,
                const char* session_id) noexcept {
    return Attempt(host, arguments, facility, card, session_id).run();
}

}  // namespace piv
