// The record of an attempt: one structured journal entry (syslog without a journal), one audit
// record, and one line in the file that `piv-check --why` reads. One line each, escaped, no secrets.
#pragma once

#include <optional>
#include <string>

#include "pam_module/decide/attempt_record.h"
#include "pam_module/helper/login_channel.h"

namespace piv {

struct LoginEvent {
    UnixTime time = 0;
    BeginMessage begin;
    AuthOutcome outcome = AuthOutcome::SystemError;
    std::optional<Error> error;  // what it came to, unless granted
    std::string user;
};

/// Attempts on this machine, newest last, one JSON object a line. Root only; a second file
/// `.1` holds older ones. Together at most twice kMaxAttemptsFile.
inline constexpr char kAttemptsFile[] = PIV_STATEDIR "/attempts";
inline constexpr std::size_t kMaxAttemptsFile = 256U << 10U;

/// Writes it wherever it can be written. That it cannot is no reason to fail a login.
void log_attempt(const LoginEvent& event, const AttemptRecord& record);

/// The sentence of the journal entry.
std::string attempt_message(const LoginEvent& event, const AttemptRecord& record);

}  // namespace piv
