#include "pki/trust/federation_report.h"

#include <algorithm>

namespace piv {

namespace {

constexpr UnixTime kDay = 86400;

bool has(const FederationMetadata& metadata, const std::string& sha256) {
    return std::any_of(
        metadata.signing.begin(), metadata.signing.end(),
        [&sha256](const SigningCertificate& s) { return s.certificate.sha256_hex() == sha256; });
}

std::string day(UnixTime time) {
    return format_time(time).substr(0, 10);
}

std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        out += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return out + "'";
}

// For a shell. What came from the network is fetched once more, into a file.
std::string update_command(const FederationInput& input) {
    constexpr char kFile[] = "FederationMetadata.xml";
    const bool url = input.source.compare(0, 8, "https://") == 0;
    return (url ? "curl -fsS -o " + std::string(kFile) + " " + quoted(input.source) + " && " : "") +
           "aws iam update-saml-provider --saml-provider-arn " +
           (input.saml_provider_arn.empty() ? "ARN" : quoted(input.saml_provider_arn)) +
           " --saml-metadata-document " + quoted("file://" + (url ? kFile : input.source));
}

void primary_problems(const FederationRow& primary, bool has_secondary,
                      const Settings::Rollover& limits, UnixTime now,
                      std::vector<TrustProblem>& out) {
    if (now > primary.not_after) {
        out.push_back({"primary-ended", primary.sha256,
                       "the primary token-signing certificate ended on " + day(primary.not_after),
                       "renew it in AD FS: Update-AdfsCertificate -CertificateType Token-Signing"});
    } else if (now < primary.not_before) {
        out.push_back(
            {"primary-not-yet-valid", primary.sha256,
             "the primary token-signing certificate is valid from " + day(primary.not_before),
             "check the clock"});
    } else if (!has_secondary && primary.days_left < limits.generation_threshold) {
        out.push_back(
            {"secondary-needed", primary.sha256,
             "the primary token-signing certificate ends in " + std::to_string(primary.days_left) +
                 " days and there is no secondary",
             "AD FS: Get-AdfsProperties AutoCertificateRollover; Update-AdfsCertificate"});
    }
}

}  // namespace

FederationReport report_federation(const FederationInput& input, const Settings::Rollover& limits,
                                   UnixTime now) {
    FederationReport out;
    out.entity_id = input.provider.entity_id;
    bool valid_secondary = false;
    bool lacks = false;
    for (const SigningCertificate& s : input.provider.signing) {
        FederationRow row;
        row.use = s.primary ? "primary" : "secondary";
        row.subject = s.certificate.subject();
        row.sha256 = s.certificate.sha256_hex();
        row.not_before = s.certificate.not_before();
        row.not_after = s.certificate.not_after();
        row.days_left = days_left(row.not_after, now);
        const bool usable = now <= row.not_after;
        // AD FS makes the certificate when it lists it, and promotes it that many days later. One
        // that ends before the primary is the old one.
        const bool coming = !s.primary && usable && row.not_after > out.rows.front().not_after;
        if (coming) {
            row.promoted_about = day(row.not_before + limits.promotion_threshold * kDay);
            valid_secondary = true;
        }
        if (input.relying_party != nullptr) {
            row.relying_party_has_it = has(*input.relying_party, row.sha256);
            if (!*row.relying_party_has_it && (s.primary || coming)) {
                lacks = true;
                out.problems.push_back(
                    {"relying-party-lacks-it", row.sha256,
                     "the relying party does not know the " + row.use + " certificate " +
                         row.sha256.substr(0, 16) +
                         (coming ? ", which becomes primary about " + row.promoted_about
                                 : ", which signs now: logins fail"),
                     "send it the current metadata"});
            }
        }
        out.rows.push_back(std::move(row));
    }
    primary_problems(out.rows.front(), valid_secondary, limits, now, out.problems);
    const std::string& primary = out.rows.front().sha256;
    if (!input.last_primary.empty() && input.last_primary != primary) {
        out.problems.push_back({"rolled-over", primary,
                                "the primary certificate was " + input.last_primary.substr(0, 16) +
                                    " and is " + primary.substr(0, 16) + " now",
                                "see that every relying party has the current metadata"});
    }
    if (lacks) {
        out.update_command = update_command(input);
    }
    return out;
}

}  // namespace piv
