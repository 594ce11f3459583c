#include "ocsp_client/prefetch.h"

namespace piv {

namespace {

constexpr std::size_t kBatch = 16;  // questions at a time

bool due(const AnswerCache::Entry& entry, const CertSubject& subject,
         const InquirySettings& settings, UnixTime now, std::int64_t lead) {
    JudgeOptions options;
    options.now = now;
    options.skew = settings.skew;
    options.max_age = settings.max_age;
    options.trusted = settings.trusted;
    const auto judged = judge_response(entry.response, subject, options);
    if (!judged) {
        return true;
    }
    const UnixTime end =
        judged->next_update != 0 ? judged->next_update : judged->this_update + settings.max_age;
    return now >= end - lead || now - judged->this_update >= (end - judged->this_update) / 4 * 3;
}

}  // namespace

PrefetchReport prefetch(const InquirySettings& settings, Transport& transport, UnixTime now,
                        std::int64_t lead) {
    PrefetchReport report;
    std::vector<CertSubject> subjects;
    std::vector<std::string> urls;
    for (const AnswerCache::Entry& entry : AnswerCache(settings.cache_dir).entries()) {
        auto certificate = Certificate::from_der(entry.certificate);
        auto issuer = Certificate::from_der(entry.issuer);
        if (!certificate || !issuer || certificate->not_after() < now) {
            continue;
        }
        auto subject = CertSubject::make(certificate.value(), issuer.value());
        if (!subject) {
            continue;
        }
        ++report.cached;
        if (due(entry, subject.value(), settings, now, lead)) {
            subjects.push_back(std::move(subject).value());
            urls.push_back(entry.url);
        }
    }
    for (std::size_t from = 0; from < subjects.size(); from += kBatch) {
        const std::size_t to = std::min(subjects.size(), from + kBatch);
        InquirySettings ask = settings;
        ask.ignore_cached = true;
        Inquiry inquiry(std::vector<CertSubject>(subjects.begin() + static_cast<long>(from),
                                                 subjects.begin() + static_cast<long>(to)),
                        std::move(ask), &transport, now);
        inquiry.start();
        inquiry.finish(Deadline::after_ms(settings.timeout_ms));
        for (const RevocationVerdict& verdict : inquiry.verdicts()) {
            const bool renewed =
                verdict.source == "network" && (verdict.state == RevocationState::Good ||
                                                verdict.state == RevocationState::Revoked);
            report.renewed += renewed ? 1 : 0;
            report.failed += renewed ? 0 : 1;
            report.revoked += verdict.state == RevocationState::Revoked ? 1 : 0;
            if (!renewed) {
                report.errors.push_back(verdict.why);
            }
        }
    }
    return report;
}

}  // namespace piv
