#include "pam_module/watch/logind_session.h"

#include <cstdlib>
#include <cstring>

namespace piv {

namespace {

// Takes over what libsystemd allocated.
std::string take(int result, char* text) {
    std::string out = result >= 0 && text != nullptr ? text : "";
    std::free(text);
    return out;
}

Error not_watched(const std::string& why) {
    return {ErrorCode::BadConfig, why};
}

}  // namespace

std::string session_of_this_process() {
    char* id = nullptr;
    const int result = sd_pid_get_session(0, &id);
    return take(result, result >= 0 ? id : nullptr);
}

Result<LogindSession> LogindSession::open(const std::string& id, unsigned uid) {
    // Before the first look: what changes from here on is told.
    sd_login_monitor* monitor = nullptr;
    int result = sd_login_monitor_new("session", &monitor);
    if (result < 0) {
        return not_watched(std::string("systemd-logind does not run: ") + std::strerror(-result));
    }
    LogindSession session(id, monitor);
    uid_t owner = 0;
    result = sd_session_get_uid(id.c_str(), &owner);
    if (result < 0) {
        return not_watched("systemd-logind knows no session " + id);
    }
    if (owner != uid) {
        return not_watched("session " + id + " belongs to another user");
    }
    if (session.ended()) {
        return not_watched("session " + id + " is ending");
    }
    return session;
}

LogindSession::LogindSession(LogindSession&& other) noexcept
    : id_(std::move(other.id_)), monitor_(other.monitor_) {
    other.monitor_ = nullptr;
}

LogindSession::~LogindSession() {
    if (monitor_ != nullptr) {
        (void)sd_login_monitor_unref(monitor_);
    }
}

int LogindSession::event_fd() const noexcept {
    return sd_login_monitor_get_fd(monitor_);
}

void LogindSession::forget_event() noexcept {
    (void)sd_login_monitor_flush(monitor_);
}

bool LogindSession::ended() const noexcept {
    char* state = nullptr;
    const int result = sd_session_get_state(id_.c_str(), &state);
    const bool closing = result >= 0 && state != nullptr && std::strcmp(state, "closing") == 0;
    if (result >= 0) {
        std::free(state);
    }
    return result < 0 || closing;
}

bool LogindSession::graphical() const noexcept {
    char* type = nullptr;
    const int result = sd_session_get_type(id_.c_str(), &type);
    const bool text = result < 0 || type == nullptr || std::strcmp(type, "tty") == 0 ||
                      std::strcmp(type, "unspecified") == 0;
    if (result >= 0) {
        std::free(type);
    }
    return !text;
}

}  // namespace piv
