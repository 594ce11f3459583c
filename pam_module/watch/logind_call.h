// The two things that are asked of systemd-logind. One of logind_call_bus.cc and
// logind_call_loginctl.cc is linked.
#pragma once

#include <string>

#include "pki/base/result.h"

namespace piv {

enum class LogindCall { Lock, Terminate };
/// Error: BadConfig, with what logind or the bus says.
Status call_logind(LogindCall what, const std::string& session_id);

}  // namespace piv
