#include "pam_module/decide/record_json.h"

#include <algorithm>

namespace piv {

namespace {

nlohmann::ordered_json time_or_null(UnixTime time) {
    return time == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(format_time(time));
}

}  // namespace

std::string_view to_text(RevocationState state) noexcept {
    switch (state) {
        case RevocationState::Good:
            return "good";
        case RevocationState::Revoked:
            return "revoked";
        case RevocationState::Unknown:
            return "unknown";
        case RevocationState::Unavailable:
            break;
    }
    return "unavailable";
}

nlohmann::ordered_json certificate_json(const Certificate& certificate) {
    const Result<std::vector<std::string>> upns = certificate.upns();
    nlohmann::ordered_json out;
    out["subject"] = certificate.subject();
    out["issuer"] = certificate.issuer();
    out["serial"] = certificate.serial_hex();
    out["not_before"] = format_time(certificate.not_before());
    out["not_after"] = format_time(certificate.not_after());
    out["sha256"] = certificate.sha256_hex();
    out["upn"] = upns && upns->size() == 1 ? upns->front() : std::string();
    out["key"] = certificate.key_description();
    out["eku"] = certificate.eku();
    out["policies"] = certificate.policies();
    return out;
}

nlohmann::ordered_json steps_json(const AttemptRecord& record) {
    std::vector<Step> steps = record.steps;
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step& a, const Step& b) { return a.name < b.name; });
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Step& step : steps) {
        out.push_back({{"step", to_text(step.name)},
                       {"result", to_text(step.result)},
                       {"code", step.code},
                       {"detail", step.detail},
                       {"hint", step.hint}});
    }
    return out;
}

nlohmann::ordered_json elapsed_json(const AttemptRecord& record) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (const StageTime& time : record.times) {
        out[time.stage] = time.ms;
    }
    return out;
}

nlohmann::ordered_json revocation_json(const AttemptRecord& record) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const RevocationVerdict& verdict : record.verdicts) {
        const bool good = verdict.state == RevocationState::Good;
        out.push_back({{"status", to_text(verdict.state)},
                       {"code", good ? std::string_view("ok") : info(verdict.why.code).name},
                       {"detail", verdict.why.detail},
                       {"source", verdict.source},
                       {"responder_url", verdict.responder_url},
                       {"signer", verdict.signer},
                       {"nonce", verdict.nonce},
                       {"this_update", time_or_null(verdict.this_update)},
                       {"next_update", time_or_null(verdict.next_update)},
                       {"revocation_time", time_or_null(verdict.revocation_time)},
                       {"reason", verdict.reason}});
    }
    return out;
}

// ASCII only: names out of certificates may turn a terminal's text around.
std::string dump_json(const nlohmann::ordered_json& document, int indent) {
    return document.dump(indent, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace piv
