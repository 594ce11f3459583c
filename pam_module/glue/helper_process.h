// HelperProcess: the helper, started for one attempt and gone with it. Nothing of the host changes:
// no handler, no mask, no descriptor, no environment.
#pragma once

#include <sys/types.h>

#include "pki/base/fd.h"

namespace piv {

class HelperProcess {
  public:
    HelperProcess() noexcept = default;
    ~HelperProcess() { stop(); }
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;

    /// Starts `path` (absolute) with an empty environment, default signal dispositions, an empty
    /// mask, a process group of its own, /dev/null as descriptors 0 to 2 and its end of a socket
    /// pair as 3. 0, or the errno.
    int start(const char* path) noexcept;
    [[nodiscard]] int socket() const noexcept { return socket_.get(); }
    /// Hangs up, gives the helper a moment to leave, kills it if it does not, and collects it. Its
    /// exit status is nobody's business: it is not looked at.
    void stop() noexcept;

  private:
    [[nodiscard]] bool collected(int wait_ms) noexcept;
    void kill_now() noexcept;

    UniqueFd socket_;
    UniqueFd pidfd_;
    pid_t pid_ = -1;
};

}  // namespace piv
