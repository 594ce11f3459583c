#include "pam_module/check/stig.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "pam_module/check/stig_evidence.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"
#include "pki/config/rooted_file.h"

namespace piv {

namespace {

using Json = nlohmann::ordered_json;

const char* to_text(StigVerdict verdict) noexcept {
    switch (verdict) {
        case StigVerdict::Met:
            return "met";
        case StigVerdict::ByHand:
            return "by-hand";
        case StigVerdict::NotApplicable:
            return "not-applicable";
        case StigVerdict::NotMet:
            break;
    }
    return "not-met";
}

struct Row {
    std::string ids;
    std::string requirement;
    StigEvidence evidence;
};

Result<std::size_t> guide_of(const CheckOptions& options) {
    Result<Bytes> release = read_followed(options.root, "/etc/os-release", 65536);
    if (!release) {
        release = read_followed(options.root, "/usr/lib/os-release", 65536);
    }
    if (!release && options.stig_guide.empty()) {
        return std::move(release).error();
    }
    const std::string text = release ? std::string(ByteView(*release).text()) : std::string();
    if (const auto guide = stig_guide(text, options.stig_guide)) {
        return *guide;
    }
    std::string known;
    for (const StigGuide& guide : kStigGuideTable) {
        known += (known.empty() ? "" : ", ") + std::string(guide.name);
    }
    return Error(
        ErrorCode::FileUnreadable,
        "no STIG with rules on smart cards is known for this system: name one of " + known);
}

Result<StigSystem> system_of(const CheckOptions& options, UnixTime now) {
    StigSystem out;
    out.root = options.root;
    out.config = options.config;
    Result<Settings> settings = load_settings(
        options.config.empty() ? kDefaultConfigFile : options.config, "",
        options.root.empty() ? ConfigTrust::RootOwned : ConfigTrust::Anyone, options.root);
    if (!settings) {
        return std::move(settings).error();
    }
    out.settings = std::move(*settings);
    const Result<TrustStore> store =
        TrustStore::open(options.root + out.settings.trust.anchors,
                         options.root + out.settings.trust.intermediates, options.root.empty());
    if (!store && store.code() != ErrorCode::NoTrustAnchors) {
        return store.error();
    }
    if (store) {
        const std::vector<TrustStore::Candidate> all = store->all();
        out.usable_anchors = static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [now](const TrustStore::Candidate& ca) {
                return ca.anchor && ca.certificate.not_before() <= now &&
                       now <= ca.certificate.not_after();
            }));
    }
    return out;
}

void print_rows(const StigGuide& guide, const std::vector<Row>& rows) {
    std::printf(
        "%s\nThe rules name files of SSSD or pam_pkcs11. Here the requirement counts, and "
        "piv-login's own files\nare the evidence: a scanner that looks for the other files "
        "reports it as not met.\n\n",
        guide.title);
    for (const Row& row : rows) {
        const StigEvidence& e = row.evidence;
        std::printf("%-14s  %s: %s\n", to_text(e.verdict), row.ids.c_str(),
                    row.requirement.c_str());
        const std::string where = e.where.empty() ? "" : e.where + ": ";
        std::printf("                %s\n", escape_for_display(where + e.what, 2000).c_str());
        if (!e.fix.empty()) {
            std::printf("                try: %s\n", escape_for_display(e.fix, 2000).c_str());
        }
    }
}

Json rows_json(const std::vector<Row>& rows) {
    Json out = Json::array();
    for (const Row& row : rows) {
        const StigEvidence& e = row.evidence;
        out.push_back({{"rule", row.ids},
                       {"requirement", row.requirement},
                       {"result", to_text(e.verdict)},
                       {"where", e.where},
                       {"what", e.what},
                       {"fix", e.fix}});
    }
    return out;
}

}  // namespace

int run_stig(const CheckOptions& options, UnixTime now) {
    const Result<std::size_t> guide = guide_of(options);
    if (!guide) {
        return report_failure(guide.error(), options.json);
    }
    const Result<StigSystem> system = system_of(options, now);
    if (!system) {
        return report_failure(system.error(), options.json);
    }
    std::vector<Row> rows;
    bool compliant = true;
    for (const StigRow& row : kStigRows) {
        const std::string ids = row.ids[*guide];
        if (!ids.empty()) {
            rows.push_back({ids, row.requirement, stig_evidence(row.topic, *system)});
            compliant = compliant && rows.back().evidence.verdict != StigVerdict::NotMet;
        }
    }
    if (options.json) {
        print_json({{"guide", kStigGuideTable[*guide].title},
                    {"compliant", compliant},
                    {"rules", rows_json(rows)}});
    } else {
        print_rows(kStigGuideTable[*guide], rows);
    }
    return static_cast<int>(compliant ? ExitStatus::Yes : ExitStatus::No);
}

}  // namespace piv
