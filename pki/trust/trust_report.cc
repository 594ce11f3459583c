#include "pki/trust/trust_report.h"

#include <algorithm>

#include "pki/base/text.h"
#include "pki/x509/certification_path.h"

namespace piv {

namespace {

constexpr UnixTime kDay = 86400;

std::string in_days(long long days) {
    if (days < 0) {
        return "ended " + std::to_string(-days) + (days == -1 ? " day ago" : " days ago");
    }
    return "ends in " + std::to_string(days) + (days == 1 ? " day" : " days");
}

void entry_problems(const TrustRow& row, const TrustEntry& entry, const Settings::Rollover& limits,
                    UnixTime now, std::vector<TrustProblem>& out) {
    const std::string name = row.role + " " + row.subject;
    if (entry.state == TrustState::Retired) {
        return;
    }
    if (now > row.not_after) {
        if (row.successor.empty()) {
            out.push_back({"ended", row.sha256, name + " " + in_days(row.days_left),
                           "install its successor: piv-trust add FILE --state active"});
        }
        return;
    }
    if (entry.state == TrustState::Active && now < row.not_before) {
        out.push_back({"not-yet-valid", row.sha256,
                       name + " is valid from " + format_time(row.not_before), "check the clock"});
    }
    if (row.days_left < limits.generation_threshold && row.successor.empty()) {
        out.push_back({"successor-needed", row.sha256,
                       name + " " + in_days(row.days_left) + " and has no successor",
                       "get the CA's next certificate and install it beside: piv-trust add FILE"});
    }
}

TrustRow row_of(const TrustInventory& inventory, std::size_t index, const TrustEvidence& evidence,
                UnixTime now) {
    const TrustEntry& e = inventory.entries[index];
    TrustRow row;
    row.role = to_text(e.role);
    row.state = to_text(e.state);
    row.subject = e.certificate.subject();
    row.sha256 = e.certificate.sha256_hex();
    row.file = e.file;
    row.not_before = e.certificate.not_before();
    row.not_after = e.certificate.not_after();
    row.days_left = days_left(row.not_after, now);
    if (e.since) {
        row.since = format_time(*e.since);
        if (e.state == TrustState::Next) {
            const UnixTime due = *e.since + inventory.settings.rollover.promotion_threshold * kDay;
            row.becomes_active = format_time(std::max(due, row.not_before));
        }
    }
    row.breaks = dependents_of(inventory, index, evidence, now, keep_all);
    for (const std::size_t s : successors_of(inventory, index)) {
        if (inventory.entries[s].certificate.not_after() >= now) {
            row.successor = inventory.entries[s].certificate.sha256_hex();
        }
    }
    return row;
}

void answer_rows(const TrustEvidence& evidence, const Settings::Rollover& limits, UnixTime now,
                 TrustReport& out) {
    for (const StagedAnswer& a : evidence.answers) {
        TrustRow row;
        row.role = "answer";
        row.state = "staged";
        row.file = a.file;
        row.not_after = a.next_update;
        row.days_left = days_left(a.next_update, now);
        if (a.next_update != 0) {
            out.rows.push_back(row);
            if (now > a.next_update) {
                out.problems.push_back(
                    {"answer-stale", "",
                     "staged OCSP answer " + a.file + " " + in_days(row.days_left),
                     "stage a fresh one: piv-ocsp --save FILE"});
            }
        }
        for (const Certificate& c : a.responders) {
            TrustRow responder;
            responder.role = "responder";
            responder.state = "staged";
            responder.subject = c.subject();
            responder.sha256 = c.sha256_hex();
            responder.file = a.file;
            responder.not_before = c.not_before();
            responder.not_after = c.not_after();
            responder.days_left = days_left(c.not_after(), now);
            responder.breaks = {"the staged OCSP answer " + a.file};
            if (responder.days_left < limits.generation_threshold && now <= a.next_update) {
                out.problems.push_back({"responder-ends", responder.sha256,
                                        "OCSP responder certificate " + responder.subject + " " +
                                            in_days(responder.days_left),
                                        "stage an answer by its successor: piv-ocsp --save FILE"});
            }
            out.rows.push_back(std::move(responder));
        }
    }
}

std::string label(const std::string& text) {
    std::string out;
    for (const char c : escape_for_display(text)) {
        out += c == '\\' ? "\\\\" : c == '"' ? "\\\"" : std::string(1, c);
    }
    return out;
}

}  // namespace

long long days_left(UnixTime end, UnixTime now) noexcept {
    const UnixTime left = end - now;
    return left >= 0 ? left / kDay : -((-left + kDay - 1) / kDay);
}

TrustReport report_trust(const TrustInventory& inventory, const TrustEvidence& evidence,
                         UnixTime now) {
    TrustReport out;
    const Settings::Rollover& limits = inventory.settings.rollover;
    bool anchor_works = false;
    for (std::size_t i = 0; i < inventory.entries.size(); ++i) {
        const TrustEntry& e = inventory.entries[i];
        out.rows.push_back(row_of(inventory, i, evidence, now));
        entry_problems(out.rows.back(), e, limits, now, out.problems);
        const bool valid = e.certificate.not_before() <= now && now <= e.certificate.not_after();
        anchor_works = anchor_works || (e.role == TrustRole::Anchor && valid);
        if (e.role == TrustRole::Intermediate && valid) {
            PathPolicy policy;
            policy.purpose = Purpose::Any;
            const TrustStore store = store_of(inventory, keep_all);
            if (const auto path = validate_path(e.certificate, store, {}, policy, now); !path) {
                out.problems.push_back(
                    {std::string(info(path.code()).name), e.certificate.sha256_hex(),
                     "intermediate " + e.certificate.subject() + ": " + path.error().detail,
                     std::string(info(path.code()).hint)});
            }
        }
    }
    if (!anchor_works) {
        out.problems.push_back({"no-valid-anchor", "",
                                "no installed anchor is valid: nobody can log in with a card",
                                std::string(info(ErrorCode::NoTrustAnchors).hint)});
    }
    answer_rows(evidence, limits, now, out);
    return out;
}

std::string trust_metrics(const TrustReport& report, UnixTime now) {
    std::string out =
        "# HELP piv_login_trust_days_left Whole days until the certificate or answer ends.\n"
        "# TYPE piv_login_trust_days_left gauge\n";
    for (const TrustRow& row : report.rows) {
        out += "piv_login_trust_days_left{role=\"" + row.role + "\",state=\"" + row.state +
               "\",subject=\"" + label(row.subject) + "\",sha256=\"" + row.sha256 + "\",file=\"" +
               label(row.file) + "\"} " + std::to_string(row.days_left) + "\n";
    }
    out +=
        "# HELP piv_login_trust_problems Findings of the last check.\n"
        "# TYPE piv_login_trust_problems gauge\npiv_login_trust_problems " +
        std::to_string(report.problems.size()) +
        "\n# HELP piv_login_trust_checked_seconds When the last check was.\n"
        "# TYPE piv_login_trust_checked_seconds gauge\npiv_login_trust_checked_seconds " +
        std::to_string(now) + "\n";
    return out;
}

}  // namespace piv
