// The command line of piv-ocsp.
#pragma once

#include <optional>

#include "ocsp_client/inquiry.h"

namespace piv {

struct OcspOptions {
    std::vector<std::string> certificates;
    std::string issuer;
    std::vector<std::string> cas;
    std::vector<std::string> responder_certs;
    std::string response;
    std::string save;
    std::string config;
    bool json = false;
    bool prefetch = false;
    bool cache_named = false;  // by --cache
    UnixTime now = 0;
    InquirySettings inquiry;
};

/// Parses; `now` is the clock's time, used without --at. An exit status instead of options: the
/// program is over (help, version, or a problem that has been reported).
struct ParsedOptions {
    std::optional<OcspOptions> options;
    int exit_status = 0;
};
ParsedOptions parse_options(int argc, char** argv, UnixTime now);

/// One JSON document for a run that failed as a whole, on stdout; the problem on stderr.
int fail(const Error& error, bool json);

}  // namespace piv
