#include "image_builder/inspect.h"

#include <cstdio>

#include "image_builder/report.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

// Chain order: for each certificate the index of its issuer among all, by signature.
std::vector<int> issuers(const std::vector<CaCertificate>& all) {
    std::vector<int> out(all.size(), -1);
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = 0; j < all.size() && out[i] < 0; ++j) {
            if (i != j && signed_by(all[i].certificate, all[j].certificate)) {
                out[i] = static_cast<int>(j);
            }
        }
    }
    return out;
}

int depth_of(const std::vector<int>& issuer, std::size_t i) {
    int depth = 0;
    for (int at = issuer[i]; at >= 0 && depth < 64; at = issuer[static_cast<std::size_t>(at)]) {
        ++depth;
    }
    return depth;
}

// What lint would say about these files as CAs, apart from that people's certificates are no CAs.
std::vector<Problem> remarks(const CaInputs& inputs, UnixTime now, std::vector<Problem>& warnings) {
    CaInputs cas;
    for (const CaCertificate& c : inputs.certificates) {
        if (c.certificate.is_ca()) {
            cas.certificates.push_back(c);
        }
    }
    if (cas.certificates.empty()) {
        return {};
    }
    LintSettings settings;
    settings.now = now;
    LintResult lint = lint_cas(cas, settings);
    warnings = std::move(lint.warnings);
    return std::move(lint.problems);
}

}  // namespace

int inspect_files(const std::string& tool, const std::vector<std::string>& files, UnixTime now,
                  bool json) {
    const CaInputs inputs = read_ca_files(files);
    const std::vector<CaCertificate>& all = inputs.certificates;
    const std::vector<int> issuer = issuers(all);
    std::vector<Problem> warnings;
    const std::vector<Problem> problems = remarks(inputs, now, warnings);
    Json document{{"certificates", Json::array()},
                  {"problems", Json::array()},
                  {"warnings", Json::array()},
                  {"unreadable", Json::array()}};
    for (std::size_t i = 0; i < all.size(); ++i) {
        Json one = certificate_json(all[i].certificate);
        one["file"] = all[i].file;
        one["form"] = std::string(to_text(all[i].form));
        one["chain_position"] = depth_of(issuer, i);
        one["issuer_in"] = issuer[i] < 0 ? "" : all[static_cast<std::size_t>(issuer[i])].file;
        one["expired"] = all[i].certificate.not_after() < now;
        document["certificates"].push_back(std::move(one));
        if (!json) {
            std::printf("%s (%s)\n%s", escape_for_display(all[i].file).c_str(),
                        std::string(to_text(all[i].form)).c_str(),
                        describe(all[i].certificate, "  ").c_str());
            std::printf("  chain       %s\n\n",
                        issuer[i] >= 0
                            ? ("issued by " +
                               escape_for_display(all[static_cast<std::size_t>(issuer[i])].file))
                                  .c_str()
                        : all[i].certificate.self_signed() ? "root"
                                                           : "its issuer is not in these files");
        }
    }
    for (const Problem& p : problems) {
        document["problems"].push_back(problem_json(p));
        if (!json) {
            std::printf("problem: %s\n  try: %s\n", escape_for_display(p.what, 4096).c_str(),
                        escape_for_display(p.hint, 4096).c_str());
        }
    }
    for (const Problem& w : warnings) {
        document["warnings"].push_back(problem_json(w));
        if (!json) {
            std::printf("note: %s\n", escape_for_display(w.what, 4096).c_str());
        }
    }
    for (const Problem& p : inputs.problems) {
        document["unreadable"].push_back(problem_json(p));
        print_problem(tool, p);
    }
    if (json) {
        print_json(document);
    }
    return inputs.problems.empty() ? 0 : exit_status(inputs.problems);
}

}  // namespace piv
