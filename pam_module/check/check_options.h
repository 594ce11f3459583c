// What piv-check is asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/base/result.h"
#include "pki/base/time.h"

namespace piv {

struct CheckOptions {
    bool card = false;
    std::string reader;  // pattern of --card; empty: any
    std::string certificate;
    std::vector<std::string> untrusted;
    std::string user;
    std::string service;
    std::vector<std::string> cas;
    std::vector<std::string> crls;
    std::string ocsp;  // empty: as configured
    std::vector<std::string> ocsp_urls;
    std::vector<std::string> ocsp_responses;
    std::optional<UnixTime> at;
    std::string purpose = "smartcard-logon";
    std::string conformance;
    std::vector<std::string> policies;
    bool require_explicit_policy = false;
    bool inhibit_policy_mapping = false;
    bool inhibit_any_policy = false;
    std::string config;
    std::string root;
    bool pin_from_stdin = false;
    bool json = false;
    bool doctor = false;
    std::string report;
    bool report_names = false;  // names, serials and details in the report, too
    std::string kdc;            // with doctor: the certificate file of a domain controller
    std::string why;
    bool stig = false;
    std::string stig_guide;  // empty: by os-release
};

/// Parses the command line. Nothing: `exit_status` says how to end (help was shown, or bad usage).
std::optional<CheckOptions> parse_check_options(int argc, char** argv, int& exit_status);

}  // namespace piv
