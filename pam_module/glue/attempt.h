// One question to the helper, from start to verdict.
#pragma once

#include "pam_module/glue/arguments.h"
#include "pam_module/glue/host.h"

namespace piv {

/// The card that a login was by; set when its session is to be watched for its removal.
struct SessionCard {
    bool watched = false;
    char reader[kMaxReaderName + 1] = {};
    char certificate[kSha256Digits + 1] = {};
};

/// Runs the helper for `facility` and answers its prompts. Returns the PAM code of its verdict, or
/// PAM_SYSTEM_ERR (PAM_BUF_ERR without memory) when it is missing, dies, lies or is late. After
/// PAM_SUCCESS of Facility::Authenticate, PAM_USER is set if it was not, and the PIN is in
/// PAM_AUTHTOK unless `no_forward_pass`. `card` comes from Facility::Authenticate and goes to
/// Facility::OpenSession, which wants `session_id` too; "" else.
int run_attempt(Host& host, const Arguments& arguments, Facility facility, SessionCard& card,
                const char* session_id = "") noexcept;

}  // namespace piv
