// The root half of piv-login-watch: hears from the card half, and locks or ends the session.
#pragma once

#include <sys/types.h>

#include "pam_module/helper/watch_request.h"
#include "pam_module/watch/logind_session.h"
#include "pam_module/watch/removal_rule.h"
#include "pki/base/fd.h"

namespace piv {

class SessionWatch {
  public:
    SessionWatch(WatchRequest request, LogindSession session)
        : request_(std::move(request)),
          session_(std::move(session)),
          rule_(request_.action, request_.debounce_ms) {}
    ~SessionWatch();
    SessionWatch(const SessionWatch&) = delete;
    SessionWatch& operator=(const SessionWatch&) = delete;

    /// Starts the card half and waits until it sees the readers. Errors: HelperFailed, PcscDown, BadConfig.
    Status start(Deadline deadline);
    /// Until the session ends.
    void run();

  private:
    Status start_card_half();
    void card_half_ended(const char* why);
    void card_half_silent();
    void hear();
    void act();
    void log(int priority, const std::string& what) const;
    [[nodiscard]] int wait_ms() const;

    WatchRequest request_;
    LogindSession session_;
    RemovalRule rule_;
    UniqueFd card_;
    pid_t card_pid_ = -1;
    std::int64_t heard_at_ms_ = 0;
    std::int64_t restart_at_ms_ = 0;
    std::int64_t restart_ms_ = 0;
    bool failure_logged_ = false;
    CardView view_ = CardView::Watching;
};

}  // namespace piv
