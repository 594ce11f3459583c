// One change of the chain at a time: the timer and an administrator may come together.
#pragma once

#include <string>

#include "pki/base/fd.h"
#include "pki/base/result.h"
#include "pki/base/time.h"

namespace piv {

/// Locks the configuration folder of the system in `root` (empty: this one) until the descriptor is
/// closed, waiting for another program until `deadline`. Where there is no such folder there is
/// nothing to lock: then the descriptor is invalid. Error: TrustBusy.
Result<UniqueFd> lock_trust(const std::string& root, Deadline deadline);

}  // namespace piv
