#include "ocsp_client/piv_ocsp_report.h"

#include <nlohmann/json.hpp>

#include "pki/base/text.h"

namespace piv {

namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(UnixTime time) {
    return time == 0 ? Json(nullptr) : Json(format_time(time));
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(escape_for_display(text, 4096));
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
            return "unavailable";
    }
    return "unavailable";
}

std::string to_line(const OcspResult& result) {
    const RevocationVerdict& v = result.verdict;
    std::string line =
        escape_for_display(result.certificate) + ": " + std::string(to_text(v.state));
    const auto add = [&line](const char* name, const std::string& value) {
        if (!value.empty()) {
            line += "  " + std::string(name) + " " + escape_for_display(value, 2048);
        }
    };
    const auto add_time = [&add](const char* name, UnixTime time) {
        add(name, time == 0 ? std::string() : format_time(time));
    };
    if (v.state == RevocationState::Revoked) {
        add_time("revoked-at", v.revocation_time);
        add("reason", v.reason);
    }
    if (v.state == RevocationState::Unavailable) {
        add("code", std::string(info(v.why.code).name));
    }
    add_time("this-update", v.this_update);
    add_time("next-update", v.next_update);
    add("responder", v.responder_url);
    add("responder-id", v.responder_id);
    add("signer", v.signer);
    add("nonce", v.nonce);
    add("source", v.source);
    line += "  " + std::to_string(v.elapsed_ms) + " ms";
    return line;
}

std::string to_json(const std::vector<OcspResult>& results) {
    Json document;
    document["results"] = Json::array();
    for (const OcspResult& result : results) {
        const RevocationVerdict& v = result.verdict;
        const bool good = v.state == RevocationState::Good;
        Json row;
        row["cert"] = escape_for_display(result.certificate);
        row["status"] = std::string(to_text(v.state));
        row["code"] = good ? std::string("good") : std::string(info(v.why.code).name);
        row["detail"] = text_or_null(v.why.detail);
        row["hint"] = good ? Json(nullptr) : Json(std::string(info(v.why.code).hint));
        row["this_update"] = time_or_null(v.this_update);
        row["next_update"] = time_or_null(v.next_update);
        row["revocation_time"] = time_or_null(v.revocation_time);
        row["reason"] = text_or_null(v.reason);
        row["responder_url"] = text_or_null(v.responder_url);
        row["responder_id"] = text_or_null(v.responder_id);
        row["signer"] = text_or_null(v.signer);
        row["nonce"] = text_or_null(v.nonce);
        row["source"] = text_or_null(v.source);
        row["elapsed_ms"] = v.elapsed_ms;
        document["results"].push_back(std::move(row));
    }
    return document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

int exit_status(const std::vector<OcspResult>& results) noexcept {
    bool all_good = !results.empty();
    for (const OcspResult& result : results) {
        if (result.verdict.state == RevocationState::Revoked) {
            return static_cast<int>(ExitStatus::No);
        }
        all_good = all_good && result.verdict.state == RevocationState::Good;
    }
    return static_cast<int>(all_good ? ExitStatus::Yes : ExitStatus::CannotTell);
}

}  // namespace piv
