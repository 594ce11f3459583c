#include "tests/pam/causes.h"

#include <security/pam_appl.h>

namespace piv::test {

std::vector<Cause> causes() {
    std::vector<Cause> all = {
        {"verdict/1", PAM_AUTH_ERR},          {"verdict/2", PAM_MAXTRIES},
        {"verdict/3", PAM_AUTHINFO_UNAVAIL},  {"verdict/4", PAM_CRED_INSUFFICIENT},
        {"verdict/5", PAM_USER_UNKNOWN},      {"verdict/6", PAM_CONV_ERR},
        {"verdict/7", PAM_SERVICE_ERR},       {"verdict/8", PAM_SYSTEM_ERR},
        {"verdict/9", PAM_BUF_ERR},           {"verdict/11", PAM_SYSTEM_ERR},
        {"verdict/255", PAM_SYSTEM_ERR},      {"verdict/4294967295", PAM_SYSTEM_ERR},
        {"grant-for/bob", PAM_SYSTEM_ERR},    {"grant-for/alic", PAM_SYSTEM_ERR},
        {"grant-for/alicex", PAM_SYSTEM_ERR}, {"grant-for/nobody", PAM_SYSTEM_ERR},
        {"grant-nul", PAM_SYSTEM_ERR},        {"exit/0", PAM_SYSTEM_ERR},
        {"exit/1", PAM_SYSTEM_ERR},           {"exit/255", PAM_SYSTEM_ERR},
        {"ready-exit/0", PAM_SYSTEM_ERR},     {"ready-exit/7", PAM_SYSTEM_ERR},
        {"ask-exit/0", PAM_SYSTEM_ERR},       {"signal/9", PAM_SYSTEM_ERR},
        {"signal/11", PAM_SYSTEM_ERR},        {"signal/6", PAM_SYSTEM_ERR},
        {"early-signal/11", PAM_SYSTEM_ERR},
    };
    for (const char* order :
         {"junk", "version", "huge", "early-verdict", "unknown-message", "clients-message",
          "short-verdict", "long-verdict", "empty-verdict", "half-header", "ready-twice",
          "ready-endless", "bad-question", "unknown-question", "texts", "questions", "empty-text",
          "no-such-order"}) {
        all.push_back({order, PAM_SYSTEM_ERR});
    }
    return all;
}

}  // namespace piv::test
