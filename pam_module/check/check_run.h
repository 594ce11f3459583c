// The checks themselves.
#pragma once

#include "pam_module/check/check_options.h"
#include "pam_module/check/check_report.h"
#include "pam_module/decide/login_attempt.h"

namespace piv {

/// Everything that a check works with, from the options and the configuration.
struct CheckSetup {
    LoginPolicy policy;
    TrustStore store;
    std::vector<Certificate> untrusted;
    NameService names;
    TransportFactory transport;
    UnixTime now = 0;
    bool mapping_decides = true;
};

/// Errors: BadConfig, InsecureConfig, NoTrustAnchors, and those of the files that are named.
Result<CheckSetup> prepare_check(const CheckOptions& options, UnixTime system_time);

CheckResult check_certificate(const CheckOptions& options, CheckSetup& setup);
CheckResult check_card(const CheckOptions& options, CheckSetup& setup);

}  // namespace piv
