// A hostile card: the input is its answers, one after the other (two octets of length each). Whatever
// it says, a login ends, sends the PIN at most once, and only with VERIFY; a change of the PIN sends
// each secret at most once, and only with its own command, which the card said was done.
#include <cstdlib>
#include <cstring>

#include "pam_module/card/piv_card.h"

using namespace piv;

namespace {

constexpr char kPin[] = "482915";
constexpr char kPuk[] = "70314826";
constexpr char kNewPin[] = "591637";
constexpr std::uint8_t kVerify = 0x20;
constexpr std::uint8_t kChange = 0x24;
constexpr std::uint8_t kUnblock = 0x2C;

// The one command that may carry a secret, how often, and whether the card said that it did it.
struct Allowed {
    std::uint8_t instruction = 0;
    unsigned times = 0;
    bool done = false;
};

class HostileLink final : public CardLink {
  public:
    HostileLink(ByteView answers, bool extended, Allowed& allowed)
        : answers_(answers), allowed_(allowed) {
        if (extended) {  // historical bytes that promise extended length
            atr_ = {0x3B, 0xF8, 0x11, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x65,
                    0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x90, 0x00, 0x5A};
        }
    }
    Result<Bytes> transmit(ByteView command, Deadline /*deadline*/) override {
        look_for_pin(command);
        if (answers_.size() < 2) {
            return ErrorCode::CardRemoved;
        }
        std::size_t size = static_cast<std::size_t>(answers_[0]) << 8 | answers_[1];
        answers_ = answers_.sub(2);
        size = size < answers_.size() ? size : answers_.size();
        Bytes answer = answers_.sub(0, size).copy();
        answers_ = answers_.sub(size);
        if (command.size() > 1 && command[1] == allowed_.instruction) {
            allowed_.done = answer.size() >= 2 && answer[answer.size() - 2] == 0x90 &&
                            answer[answer.size() - 1] == 0x00;
        }
        return answer;
    }
    [[nodiscard]] const std::string& reader() const noexcept override { return name_; }
    [[nodiscard]] ByteView atr() const noexcept override { return atr_; }
    [[nodiscard]] Transmission transmission() const noexcept override { return Transmission::T1; }
    [[nodiscard]] const ReaderFeatures& features() const noexcept override { return features_; }
    [[nodiscard]] bool shared_with_others() const noexcept override { return false; }
    Result<CardState> begin(Deadline /*deadline*/) override { return CardState::AsBefore; }
    void end(Release /*release*/) noexcept override {}
    Status reset(Deadline /*deadline*/) override { return {}; }
    Result<Bytes> control(std::uint32_t, ByteView, Deadline) override {
        return ErrorCode::CardFailure;
    }

  private:
    static bool has(ByteView command, const char* secret) {
        const std::size_t size = std::strlen(secret);
        for (std::size_t i = 0; i + size <= command.size(); ++i) {
            if (std::memcmp(command.data() + i, secret, size) == 0) {
                return true;
            }
        }
        return false;
    }
    void look_for_pin(ByteView command) {
        if (!has(command, kPin) && !has(command, kPuk) && !has(command, kNewPin)) {
            return;
        }
        if (command.size() < 13 || command[1] != allowed_.instruction || allowed_.times == 0) {
            std::abort();
        }
        --allowed_.times;
    }

    ByteView answers_;
    Bytes atr_;
    std::string name_ = "hostile";
    ReaderFeatures features_;
    Allowed& allowed_;
};

void log_in(ByteView answers, bool extended) {
    const Deadline deadline = Deadline::after_ms(600000);
    // One more is allowed where the card said that it did not look at the first.
    Allowed allowed{kVerify, 2};
    auto card =
        PivCard::open(std::make_unique<HostileLink>(answers, extended, allowed), {}, deadline);
    if (!card) {
        return;
    }
    auto certificates = (*card)->certificates(deadline);
    SecretBuffer pin;
    if (!certificates || certificates->empty() || !pin.assign(kPin, sizeof kPin - 1)) {
        return;
    }
    const Bytes digest(32, 0x11);
    auto signature =
        (*card)->verify_pin_and_sign(pin, certificates->front(), CardKey::EcP256, digest, deadline);
    if (signature && signature->empty()) {
        std::abort();
    }
}

void change(ByteView answers, bool by_puk) {
    const Deadline deadline = Deadline::after_ms(600000);
    Allowed allowed{by_puk ? kUnblock : kChange, 1};
    auto card = PivCard::open(std::make_unique<HostileLink>(answers, false, allowed), {}, deadline);
    SecretBuffer pin;
    SecretBuffer puk;
    SecretBuffer new_pin;
    if (!card || !pin.assign(kPin, sizeof kPin - 1) || !puk.assign(kPuk, sizeof kPuk - 1) ||
        !new_pin.assign(kNewPin, sizeof kNewPin - 1)) {
        return;
    }
    const Status changed = by_puk ? (*card)->unblock_pin(puk, new_pin, deadline)
                                  : (*card)->change_pin(pin, new_pin, deadline);
    if (changed && (allowed.times != 0 || !allowed.done)) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    log_in({data, size}, false);
    log_in({data, size}, true);
    change({data, size}, false);
    change({data, size}, true);
    return 0;
}
