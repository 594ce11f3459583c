// A decider that has been taken over: the input is what it sends to the card role. The role comes to
// an end, calls cards only with what is within their limits, and answers in frames.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "pam_module/decide/card_messages.h"
#include "pam_module/decide/cards.h"
#include "pam_module/helper/card_role.h"
#include "pam_module/protocol/messages.h"

using namespace piv;

namespace {

constexpr std::size_t kMaxInput = 4096;
constexpr std::size_t kHeader = 8;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

class AnyCard final : public CardSession {
  public:
    [[nodiscard]] const CardInfo& card() const noexcept override { return info_; }
    Result<std::vector<CardCertificate>> certificates(Deadline /*deadline*/) override {
        return std::vector<CardCertificate>{{Bytes(300, 0x30), "9A"}, {Bytes(40, 0x31), "9E"}};
    }
    Result<std::optional<int>> pin_tries_left(Deadline /*deadline*/) override {
        return std::optional<int>(3);
    }
    Result<Bytes> verify_pin_and_sign(const SecretBuffer& pin, const CardCertificate& certificate,
                                      CardKey key, ByteView input, Deadline /*deadline*/) override {
        require(pin.size() <= kMaxSecret && key <= CardKey::EcP521 && input.size() <= 4096);
        require(certificate.slot == "9A" || certificate.slot == "9E");
        return input.empty() ? Result<Bytes>(ErrorCode::CardNotUsable) : input.copy();
    }
    Status change_pin(const SecretBuffer& old_pin, const SecretBuffer& new_pin,
                      Deadline /*deadline*/) override {
        require(old_pin.size() <= kMaxSecret && new_pin.size() <= kMaxSecret);
        return old_pin.empty() ? Status(ErrorCode::PinWrong) : Status();
    }
    Status unblock_pin(const SecretBuffer& puk, const SecretBuffer& new_pin,
                       Deadline deadline) override {
        return change_pin(puk, new_pin, deadline);
    }
    Result<std::string> read_card_id(Deadline /*deadline*/) override { return std::string("1"); }

  private:
    CardInfo info_;
};

Result<std::vector<std::unique_ptr<CardSession>>> any_cards(const CardSettings& settings,
                                                            Deadline /*deadline*/) {
    if (settings.reader == "none") {
        return Error(ErrorCode::NoReader, "none");
    }
    std::vector<std::unique_ptr<CardSession>> cards;
    for (std::size_t i = 0; i < kMaxCards + settings.slots.size() / 128; ++i) {
        cards.push_back(std::make_unique<AnyCard>());
    }
    return cards;
}

void check_frames(ByteView answers) {
    while (!answers.empty()) {
        require(answers.size() >= kHeader && answers[0] == 'P' && answers[1] == 'L');
        const auto message = static_cast<Message>(answers[3]);
        const std::size_t size = static_cast<std::size_t>(answers[4]) << 24U |
                                 static_cast<std::size_t>(answers[5]) << 16U |
                                 static_cast<std::size_t>(answers[6]) << 8U | answers[7];
        bool known = false;
        for (const MessageRule& rule : kMessageRules) {
            known = known || (rule.message == message && rule.sender == Side::Server &&
                              rule.message >= Message::Open && size <= rule.max_payload);
        }
        require(known && size <= answers.size() - kHeader);
        answers = answers.sub(kHeader + size);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    int ends[2] = {-1, -1};
    if (size > kMaxInput || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return 0;
    }
    const UniqueFd decider(ends[0]);
    UniqueFd role(ends[1]);
    if (::send(decider.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL) !=
        static_cast<ssize_t>(size)) {
        return 0;
    }
    (void)::shutdown(decider.get(), SHUT_WR);
    std::thread server([&role] {
        serve_cards(role.get(), {any_cards, [](unsigned /*seconds*/) {}});
        role.reset();
    });
    Bytes answers;
    std::uint8_t part[65536];
    for (ssize_t got = 0; (got = ::recv(decider.get(), part, sizeof part, 0)) > 0;) {
        answers.insert(answers.end(), part, part + got);
    }
    server.join();
    check_frames(answers);
    return 0;
}
