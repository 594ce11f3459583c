// Starts piv-login-watch, which stays for as long as the session does.
#pragma once

#include "pam_module/helper/watch_request.h"

namespace piv {

/// Starts the watcher and waits until it watches. It gets an empty environment, /dev/null as
/// descriptors 0 to 2 and its socket as 3; nobody waits for it. Errors: HelperFailed; PcscDown;
/// OutOfScope: the program is inside somebody else's session and opens none (sudo); BadConfig: logind
/// has no such session, the token is in no PC/SC reader, or this build has no watcher.
Status start_session_watch(const WatchRequest& request, Deadline deadline);

}  // namespace piv
