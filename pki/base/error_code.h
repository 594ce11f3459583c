// The one list of everything that can go wrong. For each code: its stable name, the exit status of
// a tool that ends with it, what PAM is told, what the person at the prompt is told, and what the
// administrator is told to do. Codes are never reused for another meaning. Logic may read a code,
// never the free text beside it.
#pragma once

#include <string_view>

namespace piv {

/// Exit statuses of every tool.
enum class ExitStatus : int {
    Yes = 0,         // yes / good / done
    No = 1,          // rejected, revoked, differs
    CannotTell = 2,  // no card, no answer, I/O
    Usage = 64,      // bad usage
    BadData = 65,    // bad input data
    BadConfig = 78,  // bad configuration
};

/// What a login attempt came to; one total switch turns it into a PAM code (pam_module/decide).
enum class AuthOutcome : int {
    Granted,
    Denied,             // PAM_AUTH_ERR
    MaxTries,           // PAM_MAXTRIES
    InfoUnavailable,    // PAM_AUTHINFO_UNAVAIL
    CredInsufficient,   // PAM_CRED_INSUFFICIENT
    UserUnknown,        // PAM_USER_UNKNOWN
    ConversationError,  // PAM_CONV_ERR
    ServiceError,       // PAM_SERVICE_ERR
    SystemError,        // PAM_SYSTEM_ERR
    BufferError,        // PAM_BUF_ERR
    OutOfScope,         // PAM_IGNORE
};

// X(Name, "stable-name", ExitStatus, AuthOutcome, "to the user", "to the administrator: what to do")
#define PIV_ERROR_CODES(X)     \
    PIV_ERROR_CODES_GENERAL(X) \
    PIV_ERROR_CODES_CERT(X)    \
    PIV_ERROR_CODES_OCSP(X)    \
    PIV_ERROR_CODES_CARD(X)    \
    PIV_ERROR_CODES_LOGIN(X)   \
    PIV_ERROR_CODES_IMAGE(X)   \
    PIV_ERROR_CODES_TRUST(X)

#include "pki/base/error_codes/card.h"
#include "pki/base/error_codes/certificate.h"
#include "pki/base/error_codes/general.h"
#include "pki/base/error_codes/image.h"
#include "pki/base/error_codes/login.h"
#include "pki/base/error_codes/ocsp.h"
#include "pki/base/error_codes/trust.h"

enum class ErrorCode : int {
#define X(name, text, exit, outcome, user, hint) name,
    PIV_ERROR_CODES(X)
#undef X
};

struct ErrorInfo {
    ErrorCode code;
    std::string_view name;  // stable, lower case with hyphens; what JSON and logs show
    ExitStatus exit;
    AuthOutcome outcome;
    std::string_view user_text;  // one sentence for the person at the prompt
    std::string_view hint;       // what the administrator can do
};

/// The row of `code`. Total: every code has one.
const ErrorInfo& info(ErrorCode code) noexcept;
/// All rows, for documentation and tests.
const ErrorInfo* error_table(std::size_t& count) noexcept;

}  // namespace piv
