// One session of systemd-logind: whose it is, whether it is still there, and the two calls.
#pragma once

#include <systemd/sd-login.h>

#include <string>

#include "pam_module/watch/logind_call.h"

namespace piv {

/// The session that this process is in; empty: none.
std::string session_of_this_process();

class LogindSession {
  public:
    /// Errors: BadConfig: there is no such session, it is another user's, or it is ending.
    static Result<LogindSession> open(const std::string& id, unsigned uid);
    LogindSession(LogindSession&& other) noexcept;
    LogindSession& operator=(LogindSession&&) = delete;
    LogindSession(const LogindSession&) = delete;
    LogindSession& operator=(const LogindSession&) = delete;
    ~LogindSession();

    /// Readable when sessions change; then forget_event(), and ask ended().
    [[nodiscard]] int event_fd() const noexcept;
    void forget_event() noexcept;
    [[nodiscard]] bool ended() const noexcept;
    /// Whether anything could show a lock: text consoles have nothing.
    [[nodiscard]] bool graphical() const noexcept;

    /// Errors: BadConfig.
    [[nodiscard]] Status lock() const { return call_logind(LogindCall::Lock, id_); }
    [[nodiscard]] Status terminate() const { return call_logind(LogindCall::Terminate, id_); }

  private:
    LogindSession(std::string id, sd_login_monitor* monitor) noexcept
        : id_(std::move(id)), monitor_(monitor) {}

    std::string id_;
    sd_login_monitor* monitor_;
};

}  // namespace piv
