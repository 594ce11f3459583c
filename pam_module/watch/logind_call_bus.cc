// By sd-bus, which libsystemd has since version 221.
#include <systemd/sd-bus.h>

#include <cstring>

#include "pam_module/watch/logind_call.h"

namespace piv {

Status call_logind(LogindCall what, const std::string& session_id) {
    const char* method = what == LogindCall::Lock ? "LockSession" : "TerminateSession";
    sd_bus* bus = nullptr;
    int result = sd_bus_open_system(&bus);
    if (result < 0) {
        return Error(ErrorCode::BadConfig, std::string("no system bus: ") + std::strerror(-result));
    }
    sd_bus_error error = SD_BUS_ERROR_NULL;
    result = sd_bus_call_method(bus, "org.freedesktop.login1", "/org/freedesktop/login1",
                                "org.freedesktop.login1.Manager", method, &error, nullptr, "s",
                                session_id.c_str());
    Status status;
    if (result < 0) {
        const std::string why = error.message != nullptr ? error.message : std::strerror(-result);
        status = Error(ErrorCode::BadConfig, std::string(method) + ": " + why);
    }
    sd_bus_error_free(&error);
    (void)sd_bus_flush(bus);
    (void)sd_bus_unref(bus);
    return status;
}

}  // namespace piv
