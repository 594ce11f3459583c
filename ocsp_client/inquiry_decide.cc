// What an answer, or the lack of one, comes to.
#include <algorithm>

#include "ocsp_client/inquiry_question.h"

namespace piv {

namespace {

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
    auto& failures = questions_[index]->failures;
    const auto same = [&url](const auto& failure) { return failure.first == url; };
    failures.erase(std::remove_if(failures.begin(), failures.end(), same), failures.end());
    failures.emplace_back(url, std::move(error));
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

}  // namespace piv
