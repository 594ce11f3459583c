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
    if (entry.since && *entry.since > now + kDay) {
        out.push_back(
            {"clock-behind", row.sha256,
             name + " is " + row.state + " since " + row.since + ", which is still to come",
             "set the clock; it is wrong, or was when that was recorded"});
    }
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

// Somebody retired it by force, or the clock was wrong at that time.
void retired_problem(const TrustInventory& inventory, std::size_t index,
                     const TrustEvidence& evidence, UnixTime now, std::vector<TrustProblem>& out) {
    const auto needs = dependents_of(inventory, index, evidence, now, keep_unless_retired);
    if (!needs.empty()) {
        const Certificate& c = inventory.entries[index].certificate;
        out.push_back({"retired-but-needed", c.sha256_hex(),
                       "retired CA " + c.subject() + " is still needed by " + needs.front(),
                       "piv-trust promote " + c.sha256_hex().substr(0, 16) +
                           ", or renew what needs it; it still validates until it is removed"});
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

TrustRow responder_row(const Certificate& c, const std::string& state, UnixTime now) {
    TrustRow row;
    row.role = "responder";
    row.state = state;
    row.subject = c.subject();
    row.sha256 = c.sha256_hex();
    row.not_before = c.not_before();
    row.not_after = c.not_after();
    row.days_left = days_left(c.not_after(), now);
    return row;
}

void answer_problems(const StagedAnswer& answer, const Settings::Rollover& limits, UnixTime now,
                     std::vector<TrustProblem>& out) {
    const std::string hint = "stage a fresh one: piv-ocsp --save FILE";
    if (answer.next_update != 0 && now > answer.next_update) {
        out.push_back({"answer-stale", "",
                       "staged OCSP answer " + answer.file + " " +
                           in_days(days_left(answer.next_update, now)),
                       hint});
        return;
    }
    // An answer counts no longer than the certificate of its signer.
    for (const Certificate& c : answer.responders) {
        const bool before_answer = answer.next_update == 0 || c.not_after() < answer.next_update;
        const long long left = days_left(c.not_after(), now);
        if (before_answer && left < limits.generation_threshold) {
            out.push_back({"responder-ends", c.sha256_hex(),
                           "OCSP responder certificate " + c.subject() + ", which signed " +
                               answer.file + ", " + in_days(left),
                           "stage an answer by its successor: piv-ocsp --save FILE"});
        }
    }
}

void answer_rows(const OcspEvidence& evidence, const Settings::Rollover& limits, UnixTime now,
                 TrustReport& out) {
    for (const StagedAnswer& a : evidence.answers) {
        if (a.next_update != 0) {
            TrustRow row;
            row.role = "answer";
            row.state = "staged";
            row.file = a.file;
            row.not_after = a.next_update;
            row.days_left = days_left(a.next_update, now);
            out.rows.push_back(row);
        }
        for (const Certificate& c : a.responders) {
            TrustRow responder = responder_row(c, "staged", now);
            responder.file = a.file;
            responder.breaks = {"the staged OCSP answer " + a.file};
            out.rows.push_back(std::move(responder));
        }
        answer_problems(a, limits, now, out.problems);
    }
    // Those that the responders on the network used last. They renew themselves: no finding.
    for (const Certificate& c : evidence.responders) {
        out.rows.push_back(responder_row(c, "cached", now));
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
        if (e.state == TrustState::Retired) {
            retired_problem(inventory, i, evidence, now, out.problems);
        }
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
    answer_rows(evidence.ocsp, limits, now, out);
    out.last_ocsp_success = evidence.ocsp.last_success;
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
    if (report.last_ocsp_success != 0) {
        out +=
            "# HELP piv_login_ocsp_last_success_seconds When the newest OCSP answer was stored.\n"
            "# TYPE piv_login_ocsp_last_success_seconds gauge\n"
            "piv_login_ocsp_last_success_seconds " +
            std::to_string(report.last_ocsp_success) + "\n";
    }
    return out;
}

}  // namespace piv
