// From the verdict to the PAM code: one total switch.
#pragma once

#include <security/pam_modules.h>

#include "pki/base/error_code.h"

namespace piv {

constexpr int to_pam(AuthOutcome outcome) noexcept {
    switch (outcome) {
        case AuthOutcome::Granted:
            return PAM_SUCCESS;
        case AuthOutcome::Denied:
            return PAM_AUTH_ERR;
        case AuthOutcome::MaxTries:
            return PAM_MAXTRIES;
        case AuthOutcome::InfoUnavailable:
            return PAM_AUTHINFO_UNAVAIL;
        case AuthOutcome::CredInsufficient:
            return PAM_CRED_INSUFFICIENT;
        case AuthOutcome::UserUnknown:
            return PAM_USER_UNKNOWN;
        case AuthOutcome::ConversationError:
            return PAM_CONV_ERR;
        case AuthOutcome::ServiceError:
            return PAM_SERVICE_ERR;
        case AuthOutcome::SystemError:
            return PAM_SYSTEM_ERR;
        case AuthOutcome::BufferError:
            return PAM_BUF_ERR;
        case AuthOutcome::OutOfScope:
            return PAM_IGNORE;
    }
    return PAM_SYSTEM_ERR;  // not one of ours: a lying helper
}

}  // namespace piv
