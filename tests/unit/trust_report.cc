// What list and check say, and the metrics.
#include "pki/trust/trust_report.h"

#include "tests/unit/trust_maker.h"

namespace {

using namespace piv;
using namespace piv::test;

std::vector<std::string> codes(const TrustReport& report) {
    std::vector<std::string> out;
    out.reserve(report.problems.size());
    for (const TrustProblem& p : report.problems) {
        out.push_back(p.code);
    }
    return out;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("whole days, the last day is 0") {
    CHECK(days_left(kNow, kNow) == 0);
    CHECK(days_left(kNow + kDay - 1, kNow) == 0);
    CHECK(days_left(kNow + kDay, kNow) == 1);
    CHECK(days_left(kNow - 1, kNow) == -1);
    CHECK(days_left(kNow - kDay, kNow) == -1);
    CHECK(days_left(kNow - kDay - 1, kNow) == -2);
}

TEST_CASE("findings over time") {
    const Chain chain;
    TrustInventory two = chain.inventory(TrustState::Active, TrustState::Next);
    CHECK(codes(report_trust(two, {}, kNow)).empty());
    CHECK(codes(report_trust(two, {}, kNow + 99 * kDay)).empty());  // it has a successor
    TrustInventory one = two;
    one.entries.pop_back();
    CHECK(codes(report_trust(one, {}, kNow + 80 * kDay)).empty());
    CHECK(codes(report_trust(one, {}, kNow + 81 * kDay)) == Codes{"successor-needed"});
    CHECK(codes(report_trust(one, {}, kNow + 101 * kDay)) == Codes{"ended"});
    CHECK(codes(report_trust(one, {}, kNow + 2001 * kDay)) ==
          Codes{"ended", "ended", "no-valid-anchor"});
    CHECK(codes(report_trust(two, {}, kNow - 900 * kDay)) ==
          Codes{"not-yet-valid", "not-yet-valid", "clock-behind", "no-valid-anchor"});
    CHECK(codes(report_trust({}, {}, kNow)) == Codes{"no-valid-anchor"});
}

TEST_CASE("an intermediate that leads nowhere is a finding") {
    const Chain chain;
    TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Active);
    inventory.entries.erase(inventory.entries.begin());
    const Codes found = codes(report_trust(inventory, {}, kNow));
    CHECK(found == Codes{"no-trust-anchors", "no-trust-anchors", "no-valid-anchor"});
}

TEST_CASE("retired and still needed") {
    const Chain chain;
    TrustEvidence evidence;
    evidence.cards = {chain.old_user};
    const TrustInventory inventory = chain.inventory(TrustState::Retired, TrustState::Active);
    CHECK(codes(report_trust(inventory, evidence, kNow)) == Codes{"retired-but-needed"});
    CHECK(codes(report_trust(inventory, evidence, kNow + 95 * kDay)).empty());
}

TEST_CASE("answers and their signers") {
    const Chain chain;
    Spec spec = chain.pki.user_spec();
    spec.extensions = {{NID_ext_key_usage, "OCSPSigning"}};
    spec.to = kNow + 3 * kDay;
    const Certificate responder = make(spec);
    TrustEvidence evidence;
    evidence.ocsp.answers = {{"a.der", {responder}, {}, kNow + 7 * kDay}};
    const TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Active);
    CHECK(codes(report_trust(inventory, evidence, kNow)) == Codes{"responder-ends"});
    CHECK(codes(report_trust(inventory, evidence, kNow + 8 * kDay)) == Codes{"answer-stale"});
    evidence.ocsp.answers.front().next_update = kNow + 2 * kDay;  // it ends before its signer
    CHECK(codes(report_trust(inventory, evidence, kNow)).empty());
    evidence.ocsp = {{}, {responder}, kNow - 5};
    const TrustReport cached = report_trust(inventory, evidence, kNow);
    CHECK(codes(cached).empty());
    CHECK(cached.rows.back().role == "responder");
    CHECK(cached.rows.back().days_left == 3);
    CHECK(trust_metrics(cached, kNow).find("piv_login_ocsp_last_success_seconds 1799999995\n") !=
          std::string::npos);
}

TEST_CASE("labels of metrics are escaped") {
    TrustReport report;
    TrustRow row;
    row.role = "anchor";
    row.subject = "CN=a\"b\\c\nd";
    report.rows = {row};
    const std::string text = trust_metrics(report, kNow);
    CHECK(text.find("a\\\"b") != std::string::npos);
    CHECK(text.find("c\nd") == std::string::npos);
}
