// piv-trust federation: the token-signing certificates in AD FS federation metadata.
#include <curl/curl.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <memory>

#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"
#include "pki/config/rooted_file.h"
#include "pki/trust/federation_report.h"
#include "pki/trust/metadata_signature.h"
#include "pki/trust/piv_trust_options.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

using Json = nlohmann::ordered_json;

std::size_t take(char* data, std::size_t size, std::size_t count, void* out) {
    auto& body = *static_cast<Bytes*>(out);
    if (body.size() + size * count > kMaxMetadata) {
        return 0;
    }
    body.insert(body.end(), data, data + size * count);
    return size * count;
}

// https only: whoever is on the way could otherwise choose the certificates that we compare with.
Result<Bytes> fetch(const std::string& url) {
    struct Cleanup {
        void operator()(CURL* p) const noexcept { curl_easy_cleanup(p); }
    };
    const std::unique_ptr<CURL, Cleanup> curl(curl_easy_init());
    Bytes body;
    char why[CURL_ERROR_SIZE] = "";
    if (!curl) {
        return ErrorCode::OutOfMemory;
    }
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "https");
#else
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why);
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        return Error(ErrorCode::FileUnreadable,
                     url + ": " + (why[0] != '\0' ? why : curl_easy_strerror(code)));
    }
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {  // redirects too: the given URL is the one that is trusted
        return Error(ErrorCode::FileUnreadable, url + ": HTTP status " + std::to_string(status));
    }
    return body;
}

Result<Bytes> read_source(const std::string& source) {
    if (source.compare(0, 8, "https://") == 0) {
        return fetch(source);
    }
    if (source.compare(0, 7, "http://") == 0) {
        return Error(ErrorCode::BadUsage, source + ": fetch metadata by https");
    }
    return read_file(source, kMaxMetadata);
}

Result<FederationMetadata> load(const std::string& source, const TrustOptions& o, bool verify) {
    auto xml = read_source(source);
    if (!xml) {
        return std::move(xml).error();
    }
    // First by the reader that knows no DTD: nothing with one gets further.
    auto metadata = parse_federation_metadata(*xml, source, o.entity);
    if (!metadata || !verify) {
        return metadata;
    }
    std::vector<Certificate> trusted;
    for (const std::string& file : o.trusted) {
        auto read = read_certificate_file(file);
        if (!read) {
            return std::move(read).error();
        }
        trusted.insert(trusted.end(), read->certificates.begin(), read->certificates.end());
    }
    trusted.erase(std::remove_if(trusted.begin(), trusted.end(),
                                 [&o](const Certificate& c) {
                                     return o.now < c.not_before() || o.now > c.not_after();
                                 }),
                  trusted.end());
    if (trusted.empty()) {
        return Error(ErrorCode::MetadataUntrusted,
                     source + ": no trusted certificate is valid at " + format_time(o.now));
    }
    const auto verified = verify_metadata_signature(*xml, source, trusted);
    if (!verified) {
        return verified.error();
    }
    return parse_federation_metadata(*verified, source, o.entity);
}

Json to_json(const FederationReport& report, const std::string& signature) {
    Json document{
        {"entity_id", report.entity_id}, {"signature", signature}, {"certificates", Json::array()}};
    for (const FederationRow& row : report.rows) {
        Json j{{"use", row.use},
               {"subject", row.subject},
               {"sha256", row.sha256},
               {"not_before", format_time(row.not_before)},
               {"not_after", format_time(row.not_after)},
               {"days_left", row.days_left},
               {"promoted_about", nullptr},
               {"relying_party_has_it", nullptr}};
        if (!row.promoted_about.empty()) {
            j["promoted_about"] = row.promoted_about;
        }
        if (row.relying_party_has_it) {
            j["relying_party_has_it"] = *row.relying_party_has_it;
        }
        document["certificates"].push_back(std::move(j));
    }
    document["problems"] = Json::array();
    for (const TrustProblem& p : report.problems) {
        document["problems"].push_back(
            {{"code", p.code}, {"sha256", p.sha256}, {"detail", p.text}, {"hint", p.hint}});
    }
    document["update_command"] =
        report.update_command.empty() ? Json(nullptr) : Json(report.update_command);
    return document;
}

void print(const FederationReport& report, const std::string& signature) {
    std::printf("%s (signature: %s)\n", escape_for_display(report.entity_id).c_str(),
                signature.c_str());
    for (const FederationRow& row : report.rows) {
        std::printf(
            "%-9s %5lld days left  %s to %s  %s  %s%s%s\n", row.use.c_str(), row.days_left,
            format_time(row.not_before).substr(0, 10).c_str(),
            format_time(row.not_after).substr(0, 10).c_str(), row.sha256.substr(0, 16).c_str(),
            escape_for_display(row.subject).c_str(),
            row.promoted_about.empty() ? "" : ("  primary about " + row.promoted_about).c_str(),
            !row.relying_party_has_it   ? ""
            : *row.relying_party_has_it ? "  relying party: yes"
                                        : "  relying party: NO");
    }
    for (const TrustProblem& p : report.problems) {
        report_problem(kTrustTool, p.text, p.hint);
    }
    if (!report.update_command.empty()) {
        std::printf("%s\n", report.update_command.c_str());
    }
}

// The primary that an earlier run saw: in --seen FILE, or in a file for each entity below the tree's
// state folder.
class SeenPrimary {
  public:
    SeenPrimary(const TrustOptions& o, const std::string& entity)
        : root_(o.tree.root), given_(o.seen), path_(kSeenFolder + name_of(entity)) {
        const auto seen = given_.empty() ? read_rooted(root_, path_, kMaxSeen, Ownership::RootOnly)
                                         : read_file(given_, kMaxSeen);
        sha256_ = seen ? ByteView(*seen).sub(0, 64).text() : "";
    }
    [[nodiscard]] const std::string& sha256() const noexcept { return sha256_; }
    [[nodiscard]] Status remember(const std::string& sha256) const {
        const std::string text = sha256 + "\n";
        const ByteView content{std::string_view(text)};
        return given_.empty() ? write_rooted(root_, path_, content, 0644)
                              : write_file_atomically(given_, content, 0644);
    }

  private:
    static constexpr char kSeenFolder[] = PIV_STATEDIR "/federation/";
    static constexpr std::size_t kMaxSeen = 4096;
    // Readable, and another one for each entity.
    static std::string name_of(const std::string& entity) {
        std::string name;
        for (const char c : entity.substr(0, 64)) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
            name += plain ? c : '-';
        }
        std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
        SHA256(ByteView(std::string_view(entity)).data(), entity.size(), digest.data());
        return name + "-" + to_hex(ByteView(digest.data(), 8));
    }
    std::string root_;
    std::string given_;
    std::string path_;
    std::string sha256_;
};

// Whoever may not write the state folder still gets the report.
int keep_seen(const SeenPrimary& seen, const TrustOptions& o, const std::string& primary) {
    if (o.dry_run || seen.sha256() == primary) {
        return 0;
    }
    const Status s = seen.remember(primary);
    if (s || !o.seen.empty()) {
        return s ? 0 : fail(kTrustTool, s.error(), o.json);
    }
    report_problem(kTrustTool, s.error().detail + ": a rollover until the next run goes unnoticed",
                   "run it as root, or with --seen FILE");
    return 0;
}

}  // namespace

int run_federation(const TrustOptions& o) {
    const auto settings = load_settings(o.tree.config, "", ConfigTrust::RootOwned, o.tree.root);
    if (!settings) {
        return fail(kTrustTool, settings.error(), o.json);
    }
    const auto provider = load(o.source, o, !o.trusted.empty());
    if (!provider) {
        return fail(kTrustTool, provider.error(), o.json);
    }
    Result<FederationMetadata> copy = ErrorCode::Internal;
    if (!o.relying_party.empty()) {
        copy = load(o.relying_party, o, false);
        if (!copy) {
            return fail(kTrustTool, copy.error(), o.json);
        }
    }
    const SeenPrimary seen(o, provider->entity_id);
    const FederationReport report = report_federation(
        {*provider, copy ? &*copy : nullptr, o.source, o.saml_provider_arn, seen.sha256()},
        settings->rollover, o.now);
    if (const int status = keep_seen(seen, o, report.rows.front().sha256); status != 0) {
        return status;
    }
    const std::string signature = !o.trusted.empty()    ? "verified"
                                  : provider->is_signed ? "not checked"
                                                        : "none";
    if (o.json) {
        print_json(to_json(report, signature));
    } else {
        print(report, signature);
    }
    return report.problems.empty() ? 0 : 1;
}

}  // namespace piv
