// RemovalRule: when what is seen of the card calls for locking or ending the session. Pure: time comes
// in as a number, and nothing is done here.
#pragma once

#include <cstdint>
#include <optional>

#include "pam_module/decide/login_policy.h"

namespace piv {

/// What the card half reports, one octet each, also when nothing has changed.
enum class CardView : std::uint8_t {
    Watching = 1,   // the readers can be seen; sent once, first
    Present = 2,    // the card that opened the session is there
    Removed = 3,    // it is in no reader
    OtherCard = 4,  // another one is where it was
    Fault = 5,      // pcscd does not answer: nothing is known
    NoReader =
        6,  // instead of Watching: the token is in no PC/SC reader, its removal cannot be seen
};

/// How long pcscd may be away: a restart by a package upgrade is no removal.
inline constexpr std::int64_t kFaultGraceMs = 10000;

/// When the card half says nothing for so long, it hangs: in pcscd, in a driver or in a module. Longer
/// than its waits and one read together.
inline constexpr std::int64_t kSilenceMs = 45000;

class RemovalRule {
  public:
    RemovalRule(OnCardRemoval action, int debounce_ms) noexcept
        : action_(action), debounce_ms_(debounce_ms) {}

    void see(CardView view, std::int64_t now_ms) noexcept;
    /// When to look at due() again; empty: when something else is seen.
    [[nodiscard]] std::optional<std::int64_t> next_ms() const noexcept;
    /// What has to be done now; Ignore: nothing. What is done once is not due again until the card has
    /// been there. A fault of pcscd locks at most: nobody's work is lost for it.
    [[nodiscard]] OnCardRemoval due(std::int64_t now_ms) const noexcept;
    /// It was done; or it failed, and is due again after `again_ms`.
    void done() noexcept;
    void failed(std::int64_t now_ms, std::int64_t again_ms) noexcept;

  private:
    struct Pending {
        std::int64_t at_ms;
        OnCardRemoval action;
        bool by_fault;
    };
    void plan(Pending next) noexcept;

    OnCardRemoval action_;
    std::int64_t debounce_ms_;
    std::optional<Pending> pending_;
    OnCardRemoval done_ = OnCardRemoval::Ignore;
};

}  // namespace piv
