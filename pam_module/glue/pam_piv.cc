// The PAM module's entry points. Each parses the arguments, asks one question, returns one code.
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <syslog.h>

#include <cstdlib>
#include <cstring>

#include "pam_module/glue/arguments.h"
#include "pam_module/glue/attempt.h"
#include "pam_module/glue/host.h"

#define PIV_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

// Set on a handle that authenticated through us: the user it holds for, and the card.
constexpr char kMarker[] = "piv-login-authenticated";
struct Marker {
    piv::SessionCard card;
    char* user;  // in the same block of memory
};

void free_marker(pam_handle_t*, void* data, int) {
    std::free(data);
}

bool parse(pam_handle_t* handle, int argc, const char** argv, piv::Arguments& out) noexcept {
    const char* wrong = piv::parse_arguments(argc, argv, out);
    if (wrong != nullptr) {
        pam_syslog(handle, LOG_ERR, "bad argument in the PAM file: %.200s", wrong);
    }
    return wrong == nullptr;
}

bool take_marker_away(pam_handle_t* handle) noexcept {
    return pam_set_data(handle, kMarker, nullptr, free_marker) == PAM_SUCCESS;
}

bool set_marker(pam_handle_t* handle, const char* user, const piv::SessionCard& card) noexcept {
    const std::size_t size = std::strlen(user) + 1;
    auto* marker = static_cast<Marker*>(std::calloc(1, sizeof(Marker) + size));
    if (marker == nullptr) {
        return false;
    }
    marker->card = card;
    marker->user = reinterpret_cast<char*>(marker + 1);
    std::memcpy(marker->user, user, size);
    const int set = pam_set_data(handle, kMarker, marker, free_marker);
    if (set != PAM_SUCCESS) {
        std::free(marker);
    }
    return set == PAM_SUCCESS;
}

// What is known of the login when this handle authenticated through us, for its user; else nullptr.
const Marker* authenticated(pam_handle_t* handle) noexcept {
    const void* data = nullptr;
    const void* user = nullptr;
    if (pam_get_data(handle, kMarker, &data) != PAM_SUCCESS || data == nullptr ||
        pam_get_item(handle, PAM_USER, &user) != PAM_SUCCESS || user == nullptr) {
        return nullptr;
    }
    const auto* marker = static_cast<const Marker*>(data);
    return std::strcmp(marker->user, static_cast<const char*>(user)) == 0 ? marker : nullptr;
}

}  // namespace

PIV_EXPORT int pam_sm_authenticate(pam_handle_t* handle, int flags, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    const void* data = nullptr;
    if (pam_get_data(handle, kMarker, &data) == PAM_SUCCESS && !take_marker_away(handle)) {
        return PAM_BUF_ERR;  // what an earlier attempt proved does not outlive the next one
    }
    piv::Host host(handle, (flags & PAM_SILENT) != 0);
    piv::SessionCard card;
    int result = piv::run_attempt(host, arguments, piv::Facility::Authenticate, card);
    if (result == PAM_SUCCESS && !set_marker(handle, host.item(PAM_USER), card)) {
        result = PAM_BUF_ERR;
    }
    return result;
}

PIV_EXPORT int pam_sm_setcred(pam_handle_t* handle, int /*flags*/, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    return authenticated(handle) != nullptr ? PAM_SUCCESS : PAM_CRED_UNAVAIL;
}

// A card login needs no further permission of ours; of any other login we know nothing.
PIV_EXPORT int pam_sm_acct_mgmt(pam_handle_t* handle, int /*flags*/, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    return authenticated(handle) != nullptr ? PAM_SUCCESS : PAM_IGNORE;
}

PIV_EXPORT int pam_sm_chauthtok(pam_handle_t* handle, int flags, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    if ((flags & PAM_PRELIM_CHECK) != 0) {
        return PAM_SUCCESS;  // nothing can be said before the card is asked
    }
    piv::Host host(handle, (flags & PAM_SILENT) != 0);
    piv::SessionCard none;
    return piv::run_attempt(host, arguments, piv::Facility::ChangePin, none);
}

// Watches the session of a login by card for its removal, where the configuration says so. The id of
// the session is what pam_systemd has put into PAM's environment, not what is in the program's.
PIV_EXPORT int pam_sm_open_session(pam_handle_t* handle, int flags, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    const Marker* marker = authenticated(handle);
    if (marker == nullptr || !marker->card.watched) {
        return PAM_IGNORE;
    }
    piv::SessionCard card = marker->card;
    const char* id = pam_getenv(handle, "XDG_SESSION_ID");
    piv::Host host(handle, (flags & PAM_SILENT) != 0);
    const int result = piv::run_attempt(host, arguments, piv::Facility::OpenSession, card,
                                        id != nullptr ? id : "");
    return result == PAM_SUCCESS || result == PAM_IGNORE ? result : PAM_SESSION_ERR;
}

// The watcher sees the end of the session by itself.
PIV_EXPORT int pam_sm_close_session(pam_handle_t* handle, int /*flags*/, int argc,
                                    const char** argv) {
    piv::Arguments arguments;
    return parse(handle, argc, argv, arguments) ? PAM_IGNORE : PAM_SERVICE_ERR;
}
