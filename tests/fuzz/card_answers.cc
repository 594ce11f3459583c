// A hostile card: the input is its answers, one after the other (two octets of length each). Whatever
// it says, a login ends, sends the PIN at most once, and only with VERIFY.
#include <cstdlib>
#include <cstring>

#include "pam_module/card/piv_card.h"

using namespace piv;

namespace {

constexpr char kPin[] = "482915";

class HostileLink final : public CardLink {
  public:
    explicit HostileLink(ByteView answers, bool extended) : answers_(answers) {
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
        const Bytes answer = answers_.sub(0, size).copy();
        answers_ = answers_.sub(size);
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
    void look_for_pin(ByteView command) {
        const std::size_t size = sizeof kPin - 1;
        for (std::size_t i = 0; i + size <= command.size(); ++i) {
            if (std::memcmp(command.data() + i, kPin, size) == 0) {
                // One more is allowed where the card said that it did not look at the first.
                if (command.size() < 13 || command[1] != 0x20 || ++sent_ > 2) {
                    std::abort();
                }
            }
        }
    }

    ByteView answers_;
    Bytes atr_;
    std::string name_ = "hostile";
    ReaderFeatures features_;
    unsigned sent_ = 0;
};

void log_in(ByteView answers, bool extended) {
    const Deadline deadline = Deadline::after_ms(600000);
    auto card = PivCard::open(std::make_unique<HostileLink>(answers, extended), {}, deadline);
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    log_in({data, size}, false);
    log_in({data, size}, true);
    return 0;
}
