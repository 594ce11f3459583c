// One certificate's question while it is open. Private to inquiry*.cc.
#pragma once

#include "ocsp_client/inquiry.h"

namespace piv {

inline constexpr std::size_t kMaxUrls = 8;  // of one certificate's AIA

struct Inquiry::Question {
    Question(CertSubject s, std::int64_t now_ms, int timeout_ms)
        : subject(std::move(s)),
          started_ms(now_ms),
          deadline(Deadline::at_ms(now_ms + timeout_ms)) {}
    CertSubject subject;
    std::int64_t started_ms;
    Deadline deadline;
    std::vector<std::string> urls;
    std::size_t next_url = 0;
    std::int64_t hedge_ms = 0;  // when the next URL is asked although this one may still answer
    std::size_t open = 0;       // attempts under way
    std::vector<Retry> later;   // where tryLater was answered
    unsigned retries = 0;
    bool decided = false;
    std::vector<std::pair<std::string, Error>> failures;
    // The answer that decided, or that waits for the delegate's own status:
    std::optional<Judgement> judgement;
    Bytes answer;
    Attempt from;
    std::optional<std::size_t> delegate;  // index of the question that is waited for
    bool about_delegate = false;
    RevocationVerdict verdict;
};

}  // namespace piv
