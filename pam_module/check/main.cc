// piv-check: says whether a card or a certificate would log in, as whom, and if not, why.
#include <csignal>
#include <exception>

#include "pam_module/check/check_options.h"
#include "pam_module/check/check_run.h"
#include "pam_module/check/doctor.h"
#include "pam_module/check/stig.h"
#include "pam_module/check/why.h"

using namespace piv;

namespace {

int run(const CheckOptions& options, UnixTime now) {
    if (!options.why.empty()) {
        return explain_attempts(options.why, options.root, options.json);
    }
    if (options.stig) {
        return run_stig(options, now);
    }
    if (options.doctor) {
        return run_doctor(options, now);
    }
    Result<CheckSetup> setup = prepare_check(options, now);
    if (!setup) {
        return report_failure(setup.error(), options.json);
    }
    const CheckResult result = options.certificate.empty() ? check_card(options, *setup)
                                                           : check_certificate(options, *setup);
    return report_check(result, options.json);
}

}  // namespace

int main(int argc, char** argv) {
    int status = 64;
    try {
        (void)std::signal(SIGPIPE, SIG_IGN);
        const std::optional<CheckOptions> options = parse_check_options(argc, argv, status);
        return options ? run(*options, system_time_now()) : status;
    } catch (const std::exception& e) {
        return report_failure({ErrorCode::Internal, e.what()}, false);
    }
}
