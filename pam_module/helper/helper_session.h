// HelperSession: one request of the PAM module, from Begin to Verdict.
#pragma once

#include "pam_module/decide/login_attempt.h"
#include "pam_module/helper/login_channel.h"
#include "pam_module/helper/login_log.h"

namespace piv {

class HelperSession {
  public:
    /// `now` is the wall clock when the helper was started.
    HelperSession(int socket, UnixTime now) : channel_(socket), now_(now) {}
    /// Serves the request. Nothing is returned: the verdict went over the socket, or did not.
    void run();

  private:
    /// What the attempt came to.
    struct Ending {
        AuthOutcome outcome = AuthOutcome::SystemError;
        std::string user;
        std::optional<Error> error;
        std::string text;  // for the person, when it is more than the error's sentence
        WatchedCard watched;
    };

    Result<LoginPolicy> prepare();
    Status check_scope(const LoginPolicy& policy);
    Ending authenticate(const LoginPolicy& policy);
    Ending change_pin(const LoginPolicy& policy);
    Ending open_session(const LoginPolicy& policy);
    static Ending refused(Error error);
    /// Tells the person whose certificate ends within `days`.
    void tell_expiry(int days);
    void finish(const Ending& ending);

    LoginChannel channel_;
    UnixTime now_;
    BeginMessage begin_;
    AttemptRecord record_;
};

}  // namespace piv
