// What `piv-trust list` and `check` say.
#pragma once

#include <string>
#include <vector>

#include "pki/trust/trust_dependents.h"

namespace piv {

struct TrustRow {
    std::string role;   // anchor, intermediate, responder, answer
    std::string state;  // next, active, retired; staged or cached for answers and responders
    std::string subject;
    std::string sha256;
    std::string file;
    std::string since;           // or empty
    std::string becomes_active;  // of a next one: when the timer promotes it
    UnixTime not_before = 0;
    UnixTime not_after = 0;
    long long days_left = 0;
    std::vector<std::string> breaks;  // when it ends or is removed
    std::string successor;            // SHA-256, or empty
};

struct TrustProblem {
    std::string code;
    std::string sha256;  // or empty
    std::string text;
    std::string hint;
};

struct TrustReport {
    std::vector<TrustRow> rows;
    std::vector<TrustProblem> problems;
    UnixTime last_ocsp_success = 0;  // 0: none is known
};

/// Pure. Whole days, rounded down: 0 is the last day, negative is over.
long long days_left(UnixTime end, UnixTime now) noexcept;
TrustReport report_trust(const TrustInventory& inventory, const TrustEvidence& evidence,
                         UnixTime now);

/// For the text file collector of Prometheus' node exporter.
std::string trust_metrics(const TrustReport& report, UnixTime now);

}  // namespace piv
