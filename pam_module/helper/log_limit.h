// How many entries about refused attempts are written: a program that tries a thousand times a second
// fills neither the journal nor the file of attempts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pki/base/time.h"

namespace piv {

/// Within kLogWindow seconds, so many entries that are alike, and so many octets of entries.
inline constexpr UnixTime kLogWindow = 60;
inline constexpr std::size_t kMaxAlike = 20;
inline constexpr std::size_t kMaxLogTail = 192U << 10U;

struct LogKey {
    std::string service;
    std::string user;
    std::string code;
};

enum class LogLimit {
    Write,      // as usual
    WriteLast,  // the last one of its kind for now
    LeaveOut,
};

/// What to do with an entry, by the end of the file of attempts: `tail`, at most kMaxLogTail octets of
/// whole and cut lines. `whole_file`: nothing is before it.
LogLimit log_limit(std::string_view tail, bool whole_file, const LogKey& key, UnixTime now);

}  // namespace piv
