#include "ocsp_client/inquiry.h"

#include <strings.h>

#include <algorithm>

#include "ocsp_client/request.h"
#include "ocsp_client/url.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::size_t kMaxUrls = 8;  // of one certificate's AIA
constexpr std::int64_t kMinHedgeMs = 250;

bool is_ocsp_type(std::string_view type) noexcept {
    constexpr std::string_view kType = "application/ocsp-response";
    const std::string_view bare = type.substr(0, type.find_first_of("; \t"));
    return bare.size() == kType.size() && strncasecmp(bare.data(), kType.data(), bare.size()) == 0;
}

// RFC 6960 appendix A.2, before anybody looks into the body.
Status check_reply(const HttpResponse& reply) {
    if (reply.status != 200) {
        return Error(ErrorCode::OcspHttpStatus,
                     "HTTP status " + std::to_string(reply.status) +
                         (reply.status / 100 == 3 ? " (redirects are not followed)" : ""));
    }
    if (!is_ocsp_type(reply.content_type)) {
        return Error(ErrorCode::OcspContentType,
                     reply.content_type.empty()
                         ? "no Content-Type"
                         : "Content-Type '" + escape_for_display(reply.content_type, 80) + "'");
    }
    return {};
}

bool has_source(const Certificate& certificate) {
    return !certificate.ocsp_urls().empty() || !certificate.crl_urls().empty();
}

}  // namespace

bool unreachable(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::OcspUnavailable:
        case ErrorCode::OcspNoUrl:
        case ErrorCode::OcspResolve:
        case ErrorCode::OcspConnect:
        case ErrorCode::OcspTimeout:
        case ErrorCode::OcspTransport:
        case ErrorCode::OcspHttpStatus:
        case ErrorCode::OcspContentType:  // a captive portal
        case ErrorCode::OcspInternalError:
        case ErrorCode::OcspTryLater:
        case ErrorCode::DeadlineOver:
            return true;
        default:
            return false;
    }
}

void describe(const Judgement& judgement, RevocationVerdict& verdict) {
    switch (judgement.status) {
        case CertStatus::Good:
            verdict.state = RevocationState::Good;
            break;
        case CertStatus::Revoked:
            verdict.state = RevocationState::Revoked;
            break;
        case CertStatus::Unknown:
            verdict.state = RevocationState::Unknown;
            break;
    }
    verdict.signer = std::string(to_text(judgement.signer));
    verdict.nonce = std::string(to_text(judgement.nonce));
    verdict.responder_id = judgement.responder_id;
    verdict.this_update = judgement.this_update;
    verdict.next_update = judgement.next_update;
    verdict.revocation_time = judgement.revocation_time;
    if (judgement.reason) {
        verdict.reason = std::string(crl_reason_name(*judgement.reason));
    }
}

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
    std::optional<AnswerCache::Found> staged;
    for (const Bytes& response : settings_.staged) {
        auto judgement = judge_response(response, question.subject, options);
        if (judgement && judgement->status != CertStatus::Unknown &&
            (!staged || judgement->status == CertStatus::Revoked ||
             judgement->this_update > staged->judgement.this_update)) {
            staged = AnswerCache::Found{response, std::move(judgement).value()};
        }
    }
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

void Inquiry::ask_next(std::size_t index) {
    Question& question = *questions_[index];
    if (transport_ != nullptr && question.next_url < question.urls.size()) {
        const std::string url = question.urls[question.next_url++];
        question.hedge_ms =
            monotonic_ms() + std::max(kMinHedgeMs, std::int64_t{settings_.timeout_ms} /
                                                       (std::int64_t(question.urls.size()) + 1));
        ask(index, url);
        return;
    }
    if (question.open == 0 && !question.decided && !question.delegate) {
        give_up(index);
    }
}

void Inquiry::ask(std::size_t index, const std::string& url) {
    if (Status s = check_responder_url(url); !s) {
        failed(index, url, s.error());
        return;
    }
    const ResponderHabits habits = cache_.habits(url, now_);
    Attempt attempt;
    attempt.question = index;
    attempt.url = url;
    attempt.with_nonce = settings_.nonce == NonceMode::Require ||
                         (settings_.nonce == NonceMode::Auto && !habits.refuses_nonce);
    attempt.hash =
        settings_.hash.value_or(habits.wants_sha256 ? CertIdHash::Sha256 : CertIdHash::Sha1);
    attempt.post = settings_.method == HttpMethod::Post ||
                   (settings_.method == HttpMethod::Auto && habits.refuses_get);
    if (Status s = send(attempt); !s) {
        failed(index, url, s.error());
    }
}

Status Inquiry::send(Attempt attempt) {
    Question& question = *questions_[attempt.question];
    attempt.nonce.clear();
    if (attempt.with_nonce) {
        auto nonce = make_nonce();
        if (!nonce) {
            return std::move(nonce).error();
        }
        attempt.nonce = std::move(nonce).value();
    }
    HttpRequest request;
    request.body = encode_request(question.subject, attempt.hash, attempt.nonce);
    request.url = attempt.url;
    request.post = attempt.post;
    if (!request.post) {
        std::string url = get_url(attempt.url, request.body);
        // RFC 5019 section 5: GET while the URL stays within 255 octets.
        request.post = settings_.method == HttpMethod::Auto && url.size() > kGetLimit;
        if (!request.post) {
            request.url = std::move(url);
        }
    }
    attempt.post = request.post;
    request.timeout_ms = question.deadline.left_ms();
    request.proxy = settings_.proxy;
    request.max_response = kMaxResponse;
    if (request.timeout_ms == 0) {
        return Error(ErrorCode::OcspTimeout, "no time left to ask");
    }
    auto id = transport_->start(std::move(request));
    if (!id) {
        return std::move(id).error();
    }
    ++question.open;
    attempts_[id.value()] = std::move(attempt);
    return {};
}

// What responders in the field refuse, and how to ask them instead; each way once.
bool Inquiry::send_other_way(Attempt attempt, ErrorCode code) {
    const bool refused = code == ErrorCode::OcspUnauthorized ||
                         code == ErrorCode::OcspMalformedRequest ||
                         code == ErrorCode::OcspInternalError;
    const bool http = code == ErrorCode::OcspHttpStatus || code == ErrorCode::OcspContentType;
    const bool can_post =
        settings_.method == HttpMethod::Auto && !attempt.post && !attempt.changed_method;
    const bool can_drop_nonce =
        settings_.nonce == NonceMode::Auto && attempt.with_nonce && !attempt.changed_nonce;
    const bool can_change_hash =
        !settings_.hash && attempt.hash == CertIdHash::Sha1 && !attempt.changed_hash;
    if (can_post && (http || code == ErrorCode::OcspMalformedRequest)) {
        attempt.post = attempt.changed_method = true;
    } else if (can_drop_nonce && (refused || code == ErrorCode::OcspHttpStatus)) {
        attempt.with_nonce = false;
        attempt.changed_nonce = true;
    } else if (can_change_hash &&
               (code == ErrorCode::OcspUnauthorized || code == ErrorCode::OcspMalformedRequest)) {
        attempt.hash = CertIdHash::Sha256;
        attempt.changed_hash = true;
    } else {
        return false;
    }
    return send(std::move(attempt)).ok();
}

// An answer came after a change: the next question to this responder starts with it.
void Inquiry::learn(const Attempt& attempt) {
    if (!attempt.changed_method && !attempt.changed_nonce && !attempt.changed_hash) {
        return;
    }
    ResponderHabits habits = cache_.habits(attempt.url, now_);
    habits.refuses_get = habits.refuses_get || attempt.changed_method;
    habits.refuses_nonce = habits.refuses_nonce || attempt.changed_nonce;
    habits.wants_sha256 = habits.wants_sha256 || attempt.changed_hash;
    cache_.remember(attempt.url, habits, now_);
}

void Inquiry::take(Transport::Completion completion) {
    const auto found = attempts_.find(completion.id);
    if (found == attempts_.end()) {
        return;
    }
    const Attempt attempt = std::move(found->second);
    attempts_.erase(found);
    Question& question = *questions_[attempt.question];
    --question.open;
    if (question.decided || question.delegate) {
        return;  // another responder was faster
    }
    Error error;
    if (!completion.response) {
        error = completion.response.error();
    } else if (Status s = check_reply(completion.response.value()); !s) {
        error = s.error();
    } else {
        JudgeOptions options = judge_options();
        options.nonce = attempt.nonce;
        options.nonce_required = settings_.nonce == NonceMode::Require;
        Bytes body = std::move(completion.response->body);
        auto judgement = judge_response(body, question.subject, options);
        if (judgement) {
            learn(attempt);
            judged(attempt, std::move(judgement).value(), std::move(body));
            return;
        }
        error = judgement.error();
    }
    if (!send_other_way(attempt, error.code)) {
        failed(attempt.question, attempt.url, std::move(error));
    }
}

void Inquiry::judged(const Attempt& attempt, Judgement judgement, Bytes response) {
    Question& question = *questions_[attempt.question];
    if (judgement.status == CertStatus::Unknown) {
        // RFC 6960 section 2.2: another source may know.
        RevocationVerdict verdict;
        describe(judgement, verdict);
        verdict.source = "network";
        verdict.responder_url = attempt.url;
        question.verdict = std::move(verdict);
        failed(attempt.question, attempt.url,
               Error(ErrorCode::RevocationUnknown, "the responder answered unknown"));
        return;
    }
    const bool ask_delegate =
        judgement.unchecked_delegate.has_value() && judgement.status == CertStatus::Good;
    question.judgement = std::move(judgement);
    question.answer = std::move(response);
    question.from = attempt;
    if (ask_delegate && !question.about_delegate) {
        ask_about_delegate(attempt.question, attempt);
    } else {
        accept(attempt.question, "network");
    }
}

// RFC 6960 section 4.2.2.2.1: a delegate without nocheck has a status of its own. It is asked where
// the configuration or its AIA says, else where its answer came from.
void Inquiry::ask_about_delegate(std::size_t index, const Attempt& attempt) {
    Question& question = *questions_[index];
    const Certificate delegate = *question.judgement->unchecked_delegate;
    for (std::size_t i = subject_count_; i < questions_.size(); ++i) {
        if (questions_[i]->subject.certificate.sha256_hex() == delegate.sha256_hex()) {
            question.delegate = i;
            if (questions_[i]->decided) {
                delegate_decided(i);
            }
            return;
        }
    }
    auto subject = CertSubject::make(delegate, question.subject.issuer);
    if (!subject) {
        failed(index, attempt.url, subject.error());
        return;
    }
    auto about = std::make_unique<Question>(std::move(subject).value(), monotonic_ms(), 0);
    about->deadline = question.deadline;
    about->about_delegate = true;
    about->urls = settings_.urls.empty() ? delegate.ocsp_urls() : settings_.urls;
    if (about->urls.empty()) {
        about->urls.push_back(attempt.url);
    }
    about->urls.resize(std::min(about->urls.size(), kMaxUrls));
    question.delegate = questions_.size();
    questions_.push_back(std::move(about));
    const std::size_t child = questions_.size() - 1;
    if (decide_locally(*questions_[child])) {
        settle(child);
    } else {
        ask_next(child);
    }
}

// A delegate that is revoked signs nothing. One whose status cannot be had is refused when its
// certificate says where it could be had, and accepted by policy when it does not.
void Inquiry::delegate_decided(std::size_t delegate) {
    const Question& about = *questions_[delegate];
    const Certificate& certificate = about.subject.certificate;
    for (std::size_t i = 0; i < subject_count_; ++i) {
        Question& question = *questions_[i];
        if (question.decided || question.delegate != delegate) {
            continue;
        }
        question.delegate.reset();
        const std::string name = "responder '" + certificate.subject() + "'";
        if (about.verdict.state == RevocationState::Revoked) {
            failed(i, question.from.url,
                   Error(ErrorCode::OcspSignerRevoked, name + " is revoked itself"));
        } else if (about.verdict.state == RevocationState::Good || !has_source(certificate)) {
            accept(i, "network");
        } else {
            failed(i, question.from.url,
                   Error(ErrorCode::OcspSignerUnchecked,
                         name + ": its own status: " + about.verdict.why.detail));
        }
    }
}

void Inquiry::failed(std::size_t index, const std::string& url, Error error) {
    questions_[index]->failures.emplace_back(url, std::move(error));
    ask_next(index);
}

void Inquiry::accept(std::size_t index, const char* source) {
    Question& question = *questions_[index];
    question.verdict = RevocationVerdict();
    question.verdict.source = source;
    question.verdict.responder_url = question.from.url;
    question.decided = true;
    JudgeOptions options = judge_options();
    options.nonce = question.from.nonce;
    (void)cache_.store(question.subject, question.from.url, question.answer, options);
    settle(index);
}

// The judgement becomes the verdict.
void Inquiry::settle(std::size_t index) {
    Question& question = *questions_[index];
    RevocationVerdict& verdict = question.verdict;
    describe(*question.judgement, verdict);
    if (verdict.state == RevocationState::Revoked) {
        verdict.why =
            Error(ErrorCode::Revoked, question.subject.certificate.subject() + ": revoked at " +
                                          format_time(verdict.revocation_time) +
                                          (verdict.reason.empty() ? "" : ", " + verdict.reason));
    }
    verdict.elapsed_ms = monotonic_ms() - question.started_ms;
    if (question.about_delegate) {
        delegate_decided(index);
    } else {
        verdicts_[index] = verdict;
    }
}

// No responder gave an answer that can be used: say why, the worst cause first.
void Inquiry::give_up(std::size_t index) {
    Question& question = *questions_[index];
    question.decided = true;
    // A certificate that was on hold when it was last heard of is not let in for lack of news.
    auto known = cache_.last_known(question.subject, judge_options());
    if (known && known->judgement.status == CertStatus::Revoked) {
        question.judgement = std::move(known->judgement);
        question.answer = std::move(known->response);
        question.verdict = RevocationVerdict();
        question.verdict.source = "cache";
        settle(index);
        return;
    }
    const std::string name = question.subject.certificate.subject();
    Error why(transport_ == nullptr ? ErrorCode::OcspUnavailable : ErrorCode::OcspNoUrl, name);
    std::string url;
    std::string detail;
    int rank = -1;
    for (const auto& failure : question.failures) {
        const ErrorCode code = failure.second.code;
        const int its_rank = code == ErrorCode::RevocationUnknown ? 2 : unreachable(code) ? 0 : 1;
        if (its_rank > rank) {
            rank = its_rank;
            why.code = code;
            url = failure.first;
        }
        detail += (detail.empty() ? "" : "; ") + failure.first + ": " + failure.second.detail;
    }
    if (!detail.empty()) {
        why.detail = name + ": " + detail;
    }
    RevocationVerdict& verdict = question.verdict;
    verdict.state = why.code == ErrorCode::RevocationUnknown ? RevocationState::Unknown
                                                             : RevocationState::Unavailable;
    verdict.why = std::move(why);
    verdict.responder_url = url;
    verdict.source = question.failures.empty() ? "" : "network";
    verdict.elapsed_ms = monotonic_ms() - question.started_ms;
    if (question.about_delegate) {
        delegate_decided(index);
    } else {
        verdicts_[index] = verdict;
    }
}

// Slow responders are not waited for when there is another one.
void Inquiry::start_due() {
    for (std::size_t i = 0; i < questions_.size(); ++i) {
        Question& question = *questions_[i];
        if (!question.decided && !question.delegate && question.next_url < question.urls.size() &&
            monotonic_ms() >= question.hedge_ms) {
            ask_next(i);
        }
    }
}

Deadline Inquiry::next_event(Deadline deadline) const {
    Deadline latest = Deadline::at_ms(0);
    std::int64_t hedge = INT64_MAX;
    for (const auto& question : questions_) {
        if (question->decided) {
            continue;
        }
        if (question->deadline.monotonic_ms() > latest.monotonic_ms()) {
            latest = question->deadline;
        }
        if (!question->delegate && question->next_url < question->urls.size()) {
            hedge = std::min(hedge, question->hedge_ms);
        }
    }
    return Deadline::at_ms(hedge).earlier_of(latest).earlier_of(deadline);
}

void Inquiry::pump() {
    while (transport_ != nullptr && !attempts_.empty()) {
        auto completion = transport_->wait(Deadline::at_ms(0));
        if (!completion) {
            break;
        }
        take(std::move(completion).value());
    }
    if (transport_ != nullptr && !done()) {
        start_due();
    }
}

void Inquiry::finish(Deadline deadline) {
    Error end(ErrorCode::OcspTimeout, "no answer in time");
    while (!done() && !attempts_.empty()) {
        const Deadline event = next_event(deadline);
        auto completion = transport_->wait(event);
        if (completion) {
            take(std::move(completion).value());
            continue;
        }
        if (completion.code() != ErrorCode::DeadlineOver) {
            end = completion.error();  // the transport itself is gone
            break;
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
        question.delegate.reset();
        give_up(n - 1);
    }
}

}  // namespace piv
