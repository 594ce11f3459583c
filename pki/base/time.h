// Wall-clock times and deadlines. Only main() reads a clock: everything below takes these as
// parameters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pki/base/result.h"

namespace piv {

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted. 64 bits: years 1 to 9999 fit.
using UnixTime = std::int64_t;

/// TIME of the command line: `YYYY-MM-DDThh:mm:ssZ`, or seconds since 1970.
Result<UnixTime> parse_time(std::string_view text);
/// `YYYY-MM-DDThh:mm:ssZ`.
std::string format_time(UnixTime time);
/// Proleptic Gregorian UTC fields to seconds. `month` 1 to 12, `day` 1 to 31; not range-checked.
UnixTime from_civil(int year, int month, int day, int hour, int minute, int second);
/// The system's clock. For main() only.
UnixTime system_time_now() noexcept;

/// A point on CLOCK_MONOTONIC by which something has to be over.
class Deadline {
  public:
    static Deadline after_ms(std::int64_t ms) noexcept;
    /// At a given point of CLOCK_MONOTONIC, in ms.
    static constexpr Deadline at_ms(std::int64_t monotonic_ms) noexcept {
        return Deadline(monotonic_ms);
    }
    /// Milliseconds left, 0 when over.
    [[nodiscard]] int left_ms() const noexcept;
    [[nodiscard]] bool over() const noexcept { return left_ms() == 0; }
    [[nodiscard]] constexpr std::int64_t monotonic_ms() const noexcept { return at_; }
    /// Later by `ms`: the person's time at a prompt does not count.
    [[nodiscard]] constexpr Deadline extended_ms(std::int64_t ms) const noexcept {
        return Deadline(at_ + ms);
    }
    [[nodiscard]] constexpr Deadline earlier_of(Deadline other) const noexcept {
        return at_ < other.at_ ? *this : other;
    }

  private:
    explicit constexpr Deadline(std::int64_t at) noexcept : at_(at) {}
    std::int64_t at_;
};

/// CLOCK_MONOTONIC in milliseconds.
std::int64_t monotonic_ms() noexcept;

}  // namespace piv
