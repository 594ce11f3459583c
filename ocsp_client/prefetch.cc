#include "ocsp_client/prefetch.h"

#include <algorithm>
#include <map>

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

// What is due, by where it is asked: empty for the certificate's own URLs.
using Due = std::map<std::vector<std::string>, std::vector<CertSubject>>;

// The configured responders, else the certificate's, else the one that answered last.
std::vector<std::string> urls_for(const CertSubject& subject, const std::string& last,
                                  const InquirySettings& settings) {
    if (!settings.urls.empty() || !subject.certificate.ocsp_urls().empty() || last.empty()) {
        return settings.urls;
    }
    return {last};
}

Due find_due(const InquirySettings& settings, UnixTime now, std::int64_t lead,
             PrefetchReport& report) {
    Due all;
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
            std::vector<CertSubject>& same = all[urls_for(subject.value(), entry.url, settings)];
            same.push_back(std::move(subject).value());
        }
    }
    return all;
}

void renew(std::vector<CertSubject> subjects, const InquirySettings& settings, Transport& transport,
           UnixTime now, PrefetchReport& report) {
    Inquiry inquiry(std::move(subjects), settings, &transport, now);
    inquiry.start();
    inquiry.finish(Deadline::after_ms(settings.timeout_ms));
    for (const RevocationVerdict& verdict : inquiry.verdicts()) {
        const bool renewed =
            verdict.source == "network" &&
            (verdict.state == RevocationState::Good || verdict.state == RevocationState::Revoked);
        report.renewed += renewed ? 1 : 0;
        report.failed += renewed ? 0 : 1;
        report.revoked += verdict.state == RevocationState::Revoked ? 1 : 0;
        if (!renewed) {
            report.errors.push_back(verdict.why);
        }
    }
}

}  // namespace

PrefetchReport prefetch(const InquirySettings& settings, Transport& transport, UnixTime now,
                        std::int64_t lead) {
    PrefetchReport report;
    for (auto& group : find_due(settings, now, lead, report)) {
        InquirySettings ask = settings;
        ask.ignore_cached = true;
        ask.urls = group.first;
        std::vector<CertSubject>& subjects = group.second;
        for (std::size_t from = 0; from < subjects.size(); from += kBatch) {
            const auto begin = subjects.begin() + static_cast<std::ptrdiff_t>(from);
            const auto count = std::min(kBatch, subjects.size() - from);
            renew({begin, begin + static_cast<std::ptrdiff_t>(count)}, ask, transport, now, report);
        }
    }
    return report;
}

}  // namespace piv
