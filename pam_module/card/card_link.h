// CardLink: a connected card, as the code above PC/SC needs it. PcscLink is the real one; tests have
// a scripted one.
#pragma once

#include <cstdint>
#include <string>

#include "pam_module/card/apdu.h"

namespace piv {

enum class CardState { AsBefore, WasReset };
enum class Release { LeaveCard, ResetCard };

/// What the reader itself can do (PC/SC part 10 section 2.3). 0: it cannot.
struct ReaderFeatures {
    std::uint32_t verify_pin_direct = 0;  // control codes
    std::uint32_t modify_pin_direct = 0;
    std::uint32_t max_apdu_data = 0;  // dwMaxAPDUDataSize; 0: the reader does not say
    bool has_max_apdu_data = false;
};

class CardLink : public ApduChannel {
  public:
    [[nodiscard]] virtual const std::string& reader() const noexcept = 0;
    [[nodiscard]] virtual ByteView atr() const noexcept = 0;
    [[nodiscard]] virtual Transmission transmission() const noexcept = 0;
    [[nodiscard]] virtual const ReaderFeatures& features() const noexcept = 0;
    /// Whether another program was connected to the card when we came.
    [[nodiscard]] virtual bool shared_with_others() const noexcept = 0;

    /// Begins a transaction: nobody else reaches the card until end(). Says whether the card was
    /// reset since the last one (then nothing is selected or verified). Errors: CardRemoved, ...
    virtual Result<CardState> begin(Deadline deadline) = 0;
    /// Ends it. ResetCard takes every verified PIN away from the card.
    virtual void end(Release release) noexcept = 0;
    /// Resets the card inside a transaction.
    virtual Status reset(Deadline deadline) = 0;
    /// A command to the reader (SCardControl).
    virtual Result<Bytes> control(std::uint32_t code, ByteView input, Deadline deadline) = 0;
};

/// A transaction as a scope.
class CardTransaction {
  public:
    static Result<CardTransaction> begin(CardLink& link, Deadline deadline) {
        auto state = link.begin(deadline);
        if (!state) {
            return std::move(state).error();
        }
        return CardTransaction(link, *state);
    }
    CardTransaction(CardTransaction&& other) noexcept
        : link_(other.link_), state_(other.state_), release_(other.release_) {
        other.link_ = nullptr;
    }
    CardTransaction& operator=(CardTransaction&&) = delete;
    CardTransaction(const CardTransaction&) = delete;
    CardTransaction& operator=(const CardTransaction&) = delete;
    ~CardTransaction() {
        if (link_ != nullptr) {
            link_->end(release_);
        }
    }
    [[nodiscard]] CardState state() const noexcept { return state_; }
    void set_release(Release release) noexcept { release_ = release; }

  private:
    CardTransaction(CardLink& link, CardState state) noexcept : link_(&link), state_(state) {}
    CardLink* link_;
    CardState state_;
    Release release_ = Release::LeaveCard;
};

}  // namespace piv
