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

// Set on a handle that authenticated through us; its value is the user it holds for.
constexpr char kMarker[] = "piv-login-authenticated";

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

bool set_marker(pam_handle_t* handle, const char* user) noexcept {
    char* copy = user != nullptr ? strdup(user) : nullptr;
    if (user != nullptr && copy == nullptr) {
        return false;
    }
    const int set = pam_set_data(handle, kMarker, copy, free_marker);
    if (set != PAM_SUCCESS) {
        std::free(copy);
    }
    return set == PAM_SUCCESS;
}

bool authenticated(pam_handle_t* handle) noexcept {
    const void* data = nullptr;
    const void* user = nullptr;
    return pam_get_data(handle, kMarker, &data) == PAM_SUCCESS && data != nullptr &&
           pam_get_item(handle, PAM_USER, &user) == PAM_SUCCESS && user != nullptr &&
           std::strcmp(static_cast<const char*>(data), static_cast<const char*>(user)) == 0;
}

}  // namespace

PIV_EXPORT int pam_sm_authenticate(pam_handle_t* handle, int flags, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    const void* data = nullptr;
    if (pam_get_data(handle, kMarker, &data) == PAM_SUCCESS && !set_marker(handle, nullptr)) {
        return PAM_BUF_ERR;  // what an earlier attempt proved does not outlive the next one
    }
    piv::Host host(handle, (flags & PAM_SILENT) != 0);
    int result = piv::run_attempt(host, arguments, piv::Facility::Authenticate);
    if (result == PAM_SUCCESS && !set_marker(handle, host.item(PAM_USER))) {
        result = PAM_BUF_ERR;
    }
    return result;
}

PIV_EXPORT int pam_sm_setcred(pam_handle_t* handle, int /*flags*/, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    return authenticated(handle) ? PAM_SUCCESS : PAM_CRED_UNAVAIL;
}

// A card login needs no further permission of ours; of any other login we know nothing.
PIV_EXPORT int pam_sm_acct_mgmt(pam_handle_t* handle, int /*flags*/, int argc, const char** argv) {
    piv::Arguments arguments;
    if (!parse(handle, argc, argv, arguments)) {
        return PAM_SERVICE_ERR;
    }
    return authenticated(handle) ? PAM_SUCCESS : PAM_IGNORE;
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
    return piv::run_attempt(host, arguments, piv::Facility::ChangePin);
}

PIV_EXPORT int pam_sm_open_session(pam_handle_t* handle, int /*flags*/, int argc,
                                   const char** argv) {
    piv::Arguments arguments;
    return parse(handle, argc, argv, arguments) ? PAM_IGNORE : PAM_SERVICE_ERR;
}

PIV_EXPORT int pam_sm_close_session(pam_handle_t* handle, int /*flags*/, int argc,
                                    const char** argv) {
    piv::Arguments arguments;
    return parse(handle, argc, argv, arguments) ? PAM_IGNORE : PAM_SERVICE_ERR;
}
