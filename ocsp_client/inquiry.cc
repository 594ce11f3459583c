// From the certificates to the verdicts: what is known already, and how long is waited.
#include "ocsp_client/inquiry.h"

#include <poll.h>

#include <algorithm>

#include "ocsp_client/inquiry_question.h"

namespace piv {

namespace {

// What a staged answer says now. One that has run out proves nothing good, but a lasting revocation
// in it still counts: it is judged for the time when it was made.
Result<Judgement> judge_staged(const Bytes& response, const CertSubject& subject,
                               const JudgeOptions& options) {
    auto now = judge_response(response, subject, options);
    if (now || (now.code() != ErrorCode::OcspStale && now.code() != ErrorCode::OcspSignerExpired)) {
        return now;
    }
    const auto parsed = parse_response(response);
    JudgeOptions then = options;
    then.max_age_of_all.reset();
    then.now = parsed ? std::min(options.now, parsed->produced_at) : options.now;
    auto judged = judge_response(response, subject, then);
    return judged && is_lasting_revocation(*judged) ? std::move(judged) : std::move(now);
}

// A lasting revocation if there is one, else the newest: a certificate may have been on hold.
std::optional<AnswerCache::Found> best_staged(const std::vector<Bytes>& responses,
                                              const CertSubject& subject, JudgeOptions options) {
    std::optional<AnswerCache::Found> best;
    options.already_produced = false;
    for (const Bytes& response : responses) {
        auto judged = judge_staged(response, subject, options);
        if (!judged || judged->status == CertStatus::Unknown) {
            continue;
        }
        const bool lasting = is_lasting_revocation(*judged);
        if (!best || lasting || judged->this_update > best->judgement.this_update) {
            best = AnswerCache::Found{response, std::move(judged).value()};
        }
        if (lasting) {
            break;
        }
    }
    return best;
}

}  // namespace

Inquiry::Inquiry(std::vector<CertSubject> subjects, InquirySettings settings, Transport* transport,
                 UnixTime now)
    : settings_(std::move(settings)),
      transport_(transport),
      now_(now),
      cache_(settings_.cache_dir),
      subject_count_(subjects.size()),
      verdicts_(subjects.size()) {
    for (CertSubject& subject : subjects) {
        questions_.push_back(
            std::make_unique<Question>(std::move(subject), monotonic_ms(), settings_.timeout_ms));
    }
}

Inquiry::~Inquiry() = default;

const Bytes& Inquiry::answer(std::size_t subject) const {
    return questions_.at(subject)->answer;
}

bool Inquiry::done() const noexcept {
    for (std::size_t i = 0; i < subject_count_; ++i) {
        if (!questions_[i]->decided) {
            return false;
        }
    }
    return true;
}

JudgeOptions Inquiry::judge_options() const {
    JudgeOptions options;
    options.now = now_;
    options.skew = settings_.skew;
    options.max_age = settings_.max_age;
    options.max_age_of_all = settings_.max_age_of_all;
    options.trusted = settings_.trusted;
    return options;
}

void Inquiry::start() {
    for (std::size_t i = 0; i < subject_count_; ++i) {
        Question& question = *questions_[i];
        question.started_ms = monotonic_ms();
        question.deadline = Deadline::at_ms(question.started_ms + settings_.timeout_ms);
        if (decide_locally(question)) {
            settle(i);
            continue;
        }
        question.urls =
            settings_.urls.empty() ? question.subject.certificate.ocsp_urls() : settings_.urls;
        question.urls.resize(std::min(question.urls.size(), kMaxUrls));
        ask_next(i);
    }
}

// Revoked for good beats everything; then a fresh answer from the cache, then one from the image.
bool Inquiry::decide_locally(Question& question) {
    const JudgeOptions options = judge_options();
    const auto use = [&question](AnswerCache::Found found, const char* source) {
        question.judgement = std::move(found.judgement);
        question.answer = std::move(found.response);
        question.verdict.source = source;
        question.decided = true;
        return true;
    };
    if (auto revoked = cache_.lasting_revocation(question.subject, options)) {
        return use(std::move(*revoked), "cache");
    }
    auto staged = best_staged(settings_.staged, question.subject, options);
    if (staged && staged->judgement.status == CertStatus::Revoked) {
        return use(std::move(*staged), "staged");
    }
    // With a nonce asked for, only an answer to our own question counts.
    if (settings_.ignore_cached || settings_.nonce == NonceMode::Require) {
        return false;
    }
    if (auto cached = cache_.fresh(question.subject, options)) {
        return use(std::move(*cached), "cache");
    }
    return staged && use(std::move(*staged), "staged");
}

// Something may still arrive or is to be sent.
bool Inquiry::waiting() const noexcept {
    bool later = false;
    for (const auto& question : questions_) {
        later = later || (!question->decided && !question->later.empty());
    }
    return later || !attempts_.empty();
}

// Slow responders are not waited for when there is another one.
void Inquiry::start_due() {
    for (std::size_t i = 0; i < questions_.size(); ++i) {
        send_due_retries(i);
        Question& question = *questions_[i];
        if (!question.decided && !question.delegate && question.next_url < question.urls.size() &&
            monotonic_ms() >= question.hedge_ms) {
            ask_next(i);
        }
    }
}

// When something is to be sent although nothing has arrived; INT64_MAX: never.
std::int64_t Inquiry::next_send_ms() const noexcept {
    std::int64_t next = INT64_MAX;
    for (const auto& question : questions_) {
        if (question->decided || question->delegate) {
            continue;
        }
        if (question->next_url < question->urls.size()) {
            next = std::min(next, question->hedge_ms);
        }
        for (const Retry& retry : question->later) {
            next = std::min(next, retry.when_ms);
        }
    }
    return next;
}

Deadline Inquiry::next_event(Deadline deadline) const {
    Deadline latest = Deadline::at_ms(0);
    for (const auto& question : questions_) {
        if (!question->decided && question->deadline.monotonic_ms() > latest.monotonic_ms()) {
            latest = question->deadline;
        }
    }
    return Deadline::at_ms(next_send_ms()).earlier_of(latest).earlier_of(deadline);
}

// Without it nothing that was asked will be answered, and its descriptor stays readable.
void Inquiry::lose_transport(const Error& error) {
    std::map<std::size_t, Attempt> lost;
    std::swap(lost, attempts_);
    for (const auto& attempt : lost) {
        Question& question = *questions_[attempt.second.question];
        --question.open;
        if (!question.decided && !question.delegate) {
            failed(attempt.second.question, attempt.second.url, error);
        }
    }
}

int Inquiry::next_pump_ms() const {
    const std::int64_t next = transport_ == nullptr ? INT64_MAX : next_send_ms();
    return next == INT64_MAX ? -1 : Deadline::at_ms(next).left_ms();
}

void Inquiry::pump() {
    while (transport_ != nullptr && !attempts_.empty()) {
        auto completion = transport_->wait(Deadline::at_ms(0));
        if (completion) {
            take(std::move(completion).value());
        } else if (completion.code() == ErrorCode::DeadlineOver) {
            break;
        } else {
            lose_transport(completion.error());
        }
    }
    if (transport_ != nullptr && !done()) {
        start_due();
    }
}

void Inquiry::finish(Deadline deadline) {
    const Error end(ErrorCode::OcspTimeout, "no answer in time");
    while (!done() && waiting()) {
        const Deadline event = next_event(deadline);
        if (attempts_.empty()) {
            (void)poll(nullptr, 0, event.left_ms());  // only a retry is waited for
        } else if (auto completion = transport_->wait(event)) {
            take(std::move(completion).value());
            continue;
        } else if (completion.code() != ErrorCode::DeadlineOver) {
            lose_transport(completion.error());
            continue;
        }
        start_due();
        if (deadline.over() || (event.over() && next_event(deadline).over())) {
            break;
        }
    }
    // What is still open ends here: delegates first, since others wait for them.
    for (std::size_t n = questions_.size(); n > 0; --n) {
        Question& question = *questions_[n - 1];
        if (question.decided) {
            continue;
        }
        question.next_url = question.urls.size();
        for (const auto& attempt : attempts_) {
            if (attempt.second.question == n - 1) {
                question.failures.emplace_back(attempt.second.url, end);
            }
        }
        question.open = 0;
        question.later.clear();
        question.delegate.reset();
        give_up(n - 1);
    }
}

}  // namespace piv
