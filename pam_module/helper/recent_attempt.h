// What the file of attempts says about the attempt just before this one.
#pragma once

#include <string>

#include "pam_module/helper/login_channel.h"
#include "pki/base/time.h"

namespace piv {

/// Greeters begin a new attempt as soon as one has failed. True when the newest line of `file` is a
/// wrong PIN of the same service and user, at most ten seconds old. Anything else, an unreadable
/// file included, is false: this chooses a sentence and nothing more.
bool follows_wrong_pin(const std::string& file, const BeginMessage& begin, UnixTime now);

}  // namespace piv
