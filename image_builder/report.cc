#include "image_builder/report.h"

#include <cstdio>

#include "pki/base/text.h"
#include "pki/cli/tool.h"

namespace piv {

std::string role_of(const Certificate& certificate) {
    if (!certificate.is_ca()) {
        return "leaf";
    }
    return certificate.self_signed() ? "root" : "intermediate";
}

Json problem_json(const Problem& problem) {
    return {{"what", problem.what},
            {"hint", problem.hint},
            {"code", std::string(info(problem.code).name)}};
}

Json certificate_json(const Certificate& c) {
    const CaFacts facts = ca_facts(c);
    const Result<std::vector<std::string>> upns = c.upns();
    const std::optional<Bytes> ski = c.subject_key_id();
    const std::optional<Bytes> aki = c.authority_key_id();
    return {{"role", role_of(c)},
            {"subject", c.subject()},
            {"issuer", c.issuer()},
            {"serial", c.serial_hex()},
            {"not_before", format_time(c.not_before())},
            {"not_after", format_time(c.not_after())},
            {"sha256", c.sha256_hex()},
            {"key", c.key_description()},
            {"signature", facts.signature_name},
            {"subject_key_id", ski ? to_hex(*ski) : ""},
            {"authority_key_id", aki ? to_hex(*aki) : ""},
            {"upn", upns.ok() ? Json(*upns) : Json(nullptr)},
            {"eku", c.eku()},
            {"policies", c.policies()},
            {"ocsp", c.ocsp_urls()},
            {"ca_issuers", c.ca_issuer_urls()},
            {"crl", c.crl_urls()}};
}

std::string describe(const Certificate& c, const std::string& indent) {
    const CaFacts facts = ca_facts(c);
    std::string out;
    const auto line = [&](const char* name, const std::string& value) {
        if (!value.empty()) {
            out += indent + name + escape_for_display(value, 4096) + "\n";
        }
    };
    line("subject     ", c.subject().empty() ? "(empty)" : c.subject());
    line("role        ", role_of(c));
    line("issuer      ", c.issuer());
    line("serial      ", c.serial_hex());
    line("valid       ", format_time(c.not_before()) + " to " + format_time(c.not_after()));
    line("key         ", c.key_description());
    line("signature   ", facts.signature_name);
    line("SHA-256     ", c.sha256_hex());
    const Result<std::vector<std::string>> upns = c.upns();
    if (upns.ok()) {
        for (const std::string& upn : *upns) {
            line("UPN         ", upn);
        }
    }
    for (const std::string& url : c.ocsp_urls()) {
        line("OCSP        ", url);
    }
    for (const std::string& url : c.ca_issuer_urls()) {
        line("CA issuers  ", url);
    }
    for (const std::string& url : c.crl_urls()) {
        line("CRL         ", url);
    }
    return out;
}

namespace {

const char* word(const PamVerdict& v) {
    if (v.surely_granted()) {
        return "granted";
    }
    return v.surely_refused() ? "refused" : "depends";
}

}  // namespace

Json proof_json(const PamProof& proof) {
    Json out{{"covered", proof.covered},
             {"problems", proof.problems},
             {"rows", Json::array()},
             {"session_rows", Json::array()}};
    for (const PamProof::Row& row : proof.rows) {
        out["rows"].push_back({{"service", row.service},
                               {"outcome", row.outcome},
                               {"password", word(row.password)},
                               {"no_password", word(row.card_only)},
                               {"root", word(row.root)}});
    }
    for (const PamProof::SessionRow& row : proof.session_rows) {
        out["session_rows"].push_back(
            {{"service", row.service}, {"outcome", row.outcome}, {"opened", word(row.opened)}});
    }
    return out;
}

std::string describe(const PamProof& proof) {
    std::string out;
    std::string service;
    char line[256];
    for (const PamProof::Row& row : proof.rows) {
        if (row.service != service) {
            service = row.service;
            out += (out.empty() ? "" : "\n") + escape_for_display(service) + "\n";
            (void)std::snprintf(line, sizeof line, "  %-20s %-14s %-14s %s\n", "pam_piv says",
                                "with password", "without", "root, password");
            out += line;
        }
        (void)std::snprintf(line, sizeof line, "  %-20s %-14s %-14s %s\n", row.outcome.c_str(),
                            word(row.password), word(row.card_only), word(row.root));
        out += line;
    }
    service.clear();
    for (const PamProof::SessionRow& row : proof.session_rows) {
        if (row.service != service) {
            service = row.service;
            out += "\n" + escape_for_display(service) + "\n";
            (void)std::snprintf(line, sizeof line, "  %-20s %s\n", "pam_piv says", "session");
            out += line;
        }
        (void)std::snprintf(line, sizeof line, "  %-20s %s\n", row.outcome.c_str(),
                            word(row.opened));
        out += line;
    }
    return out;
}

void print_problem(const std::string& tool, const Problem& problem) {
    report_problem(tool, problem.what, problem.hint);
}

void print_warning(const std::string& tool, const Problem& problem) {
    report_problem(tool, "warning: " + problem.what, problem.hint);
}

int exit_status(const std::vector<Problem>& problems) {
    int status = 0;
    for (const Problem& problem : problems) {
        const int one = static_cast<int>(info(problem.code).exit);
        // Bad input data is the most telling of several.
        if (status == 0 || one == static_cast<int>(ExitStatus::BadData)) {
            status = one;
        }
    }
    return status;
}

}  // namespace piv
