// How a responder is asked, and how else when it refuses.
#include <strings.h>

#include <algorithm>

#include "ocsp_client/inquiry_question.h"
#include "ocsp_client/request.h"
#include "ocsp_client/url.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::int64_t kMinHedgeMs = 250;
constexpr std::int64_t kFirstRetryMs = 250;  // then twice as long each time
constexpr unsigned kMaxRetries = 4;          // of one certificate, at all its responders together

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

}  // namespace

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
    if (question.open == 0 && question.later.empty() && !question.decided && !question.delegate) {
        give_up(index);
    }
}

// RFC 6960 section 2.3: tryLater is the responder's word that it will know. It is asked again while
// there is time; other responders are asked meanwhile.
void Inquiry::retry_later(const Attempt& attempt) {
    Question& question = *questions_[attempt.question];
    const std::int64_t when = monotonic_ms() + (kFirstRetryMs << question.retries);
    if (question.retries < kMaxRetries && when < question.deadline.monotonic_ms()) {
        ++question.retries;
        question.later.push_back({when, attempt});
    }
}

void Inquiry::send_due_retries(std::size_t index) {
    std::vector<Retry> due;
    std::swap(due, questions_[index]->later);
    for (Retry& retry : due) {
        if (questions_[index]->decided || questions_[index]->delegate) {
            return;
        }
        if (monotonic_ms() < retry.when_ms) {
            questions_[index]->later.push_back(std::move(retry));
        } else if (Status s = send(retry.attempt); !s) {
            failed(index, retry.attempt.url, s.error());
        }
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
        // RFC 5019 section 5: GET while the URL stays within 255 octets. Behind a query there is no
        // path to put the request into.
        request.post = settings_.method == HttpMethod::Auto &&
                       (url.size() > kGetLimit || attempt.url.find('?') != std::string::npos);
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
        if (error.code == ErrorCode::OcspTryLater) {
            retry_later(attempt);
        }
        failed(attempt.question, attempt.url, std::move(error));
    }
}

}  // namespace piv
