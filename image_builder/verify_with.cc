#include "image_builder/verify_with.h"

#include <algorithm>
#include <cctype>

#include "image_builder/card_leaf.h"
#include "image_builder/stage_plan.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/certification_path.h"

namespace piv {

namespace {

bool starts_with(const std::string& text, std::string_view start) {
    return text.compare(0, start.size(), start) == 0;
}

class Verifier {
  public:
    Verifier(const StagePlan& plan, const StageOptions& options) : plan_(plan), options_(options) {}

    Findings run() {
        TrustStore store;
        if (!options_.verify_with.empty() && read_plan(store)) {
            for (const std::string& file : options_.verify_with) {
                one(file, store);
            }
        }
        return std::move(out_);
    }

  private:
    void problem(const Error& error) {
        out_.problems.push_back(
            {error.detail.empty() ? std::string(info(error.code).name) : error.detail,
             std::string(info(error.code).hint), error.code});
    }
    void warning(std::string what, std::string hint) {
        out_.warnings.push_back({std::move(what), std::move(hint), ErrorCode::ImageTree});
    }

    // The PEM texts of the plan, decoded again.
    bool read_plan(TrustStore& store) {
        for (const PlanEntry& entry : plan_.entries) {
            const bool anchor = starts_with(entry.path, kAnchors);
            if (!anchor && !starts_with(entry.path, kIntermediates)) {
                continue;
            }
            Result<ReadCertificates> read = read_certificates(entry.content, entry.path);
            if (!read) {
                problem(read.error());
                return false;
            }
            for (Certificate& c : read->certificates) {
                anchor ? store.add_anchor(std::move(c)) : store.add_intermediate(std::move(c));
            }
        }
        return true;
    }

    void one(const std::string& file, const TrustStore& store) {
        const Result<Certificate> leaf = leaf_to_verify(file);
        if (!leaf) {
            problem(leaf.error());
            return;
        }
        const Result<CertificationPath> path =
            validate_path(*leaf, store, {}, PathPolicy{}, options_.now);
        if (!path) {
            out_.problems.push_back({"--verify-with " + file +
                                         ": would be refused: " + path.error().detail + " (" +
                                         std::string(info(path.code()).name) + ")",
                                     std::string(info(path.code()).hint), ErrorCode::ImageInput});
            return;
        }
        mapping(*leaf, file);
    }

    [[nodiscard]] Result<Certificate> leaf_to_verify(const std::string& file) const {
        if (file == kCardInReader && options_.card) {
            return Certificate::from_der(options_.card->der);
        }
        Result<ReadCertificates> read = read_certificate_file(file);
        if (!read) {
            return std::move(read).error();
        }
        return read->certificates.front();
    }

    void mapping(const Certificate& c, const std::string& file) {
        const Result<std::vector<std::string>> upns = c.upns();
        const bool by_upn =
            options_.map.empty() ||
            std::find(options_.map.begin(), options_.map.end(), "upn") != options_.map.end();
        if (!by_upn) {
            return;
        }
        if (!upns.ok() || upns->size() != 1) {
            warning(
                "--verify-with " + file + ": has no usable UPN, so only the account map can map it",
                "piv-accounts add --from-cert " + file_name_of(file) + " --user NAME");
            return;
        }
        const std::string suffix = upns->front().substr(upns->front().rfind('@') + 1);
        const auto same = [&suffix](const std::string& domain) {
            const std::string dns = domain.substr(0, domain.find('='));
            return dns.size() == suffix.size() &&
                   std::equal(dns.begin(), dns.end(), suffix.begin(), [](char a, char b) {
                       return std::tolower(static_cast<unsigned char>(a)) ==
                              std::tolower(static_cast<unsigned char>(b));
                   });
        };
        if (!std::any_of(options_.domains.begin(), options_.domains.end(), same)) {
            warning("--verify-with " + file + ": its UPN " + upns->front() +
                        " is in no domain that was given, so it maps to nobody by UPN",
                    "--domain " + suffix);
        }
    }

    const StagePlan& plan_;
    const StageOptions& options_;
    Findings out_;
};

}  // namespace

Findings verify_with(const StagePlan& plan, const StageOptions& options) {
    return Verifier(plan, options).run();
}

}  // namespace piv
