// One revoked certificate and the response that says so: nothing that a fuzzer makes of it is good.
#pragma once

#include <cstdlib>

#include "ocsp_client/answer_cache.h"
#include "tests/unit/ocsp/fixture.h"

namespace piv::fuzz {

constexpr UnixTime kNow = 1790000000;

struct Base {
    test::Pki pki{kNow};
    CertSubject subject = pki.leaf_subject();
    Bytes response;
    JudgeOptions options;
    Base() {
        test::AnswerPlan plan;
        plan.status = CertStatus::Revoked;
        plan.this_update = kNow - 60;
        plan.next_update = kNow + 3600;
        response = test::make_response(subject, plan, pki.delegate);
        options.now = kNow;
    }
};

inline const Base& base() {
    static const Base one;
    return one;
}

/// The input as up to four edits: two octets of offset, one octet to exclusive-or; the first
/// octet may cut the result short.
inline Bytes edited(Bytes bytes, ByteView input) {
    for (std::size_t i = 1; i + 2 < input.size() && i < 13 && !bytes.empty(); i += 3) {
        const std::size_t at = (std::size_t{input[i]} << 8U | input[i + 1]) % bytes.size();
        bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ input[i + 2]);
    }
    if (!input.empty() && input[0] > 0xf0) {
        bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), input[0] - 0xf0U));
    }
    return bytes;
}

/// The oracle: good is a fault.
inline void must_not_be_good(ByteView response) {
    const auto judged = judge_response(response, base().subject, base().options);
    if (judged && judged->status == CertStatus::Good) {
        std::abort();
    }
}

}  // namespace piv::fuzz
