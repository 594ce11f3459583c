// Renewing cached answers before they end, outside of any login.
#pragma once

#include "ocsp_client/inquiry.h"

namespace piv {

struct PrefetchReport {
    std::size_t cached = 0;
    std::size_t renewed = 0;
    std::size_t failed = 0;
    std::size_t revoked = 0;  // of the renewed
    std::vector<Error> errors;
};

/// Asks again about each cached certificate whose answer is in the last quarter of its life or ends
/// within `lead` seconds. Certificates that have expired are left alone.
PrefetchReport prefetch(const InquirySettings& settings, Transport& transport, UnixTime now,
                        std::int64_t lead);

}  // namespace piv
