// Runs third-party vectors through the public functions of pki/x509:
//   vectors forms|crl|chains|pkits|whole-pkits DIR [-v]
// Exit status: 0 every scored row is as the index says, 1 not, 77 the vectors are not there.
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/crl.h"

using namespace piv;

namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& text, char by) {
    std::vector<std::string> out;
    std::string part;
    std::istringstream in(text);
    while (std::getline(in, part, by)) {
        out.push_back(part);
    }
    return out;
}

std::vector<Row> read_index(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::vector<std::string> heads;
    std::vector<Row> rows;
    while (std::getline(in, line)) {
        const std::vector<std::string> cells = split(line, '\t');
        if (heads.empty()) {
            heads = cells;
            continue;
        }
        Row row;
        for (std::size_t i = 0; i < heads.size(); ++i) {
            row[heads[i]] = i < cells.size() ? cells[i] : "";
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<std::string> files(const Row& row, const std::string& column) {
    const std::string& cell = row.at(column);
    return cell.empty() || cell == "-" ? std::vector<std::string>() : split(cell, ',');
}

std::vector<Certificate> certificates(const std::string& folder,
                                      const std::vector<std::string>& names, std::string& problem) {
    std::vector<Certificate> all;
    for (const std::string& name : names) {
        Result<ReadCertificates> read = read_certificate_file(folder + "/" + name);
        if (!read) {
            problem = name + ": " + std::string(info(read.code()).name) + " " + read.error().detail;
            return {};
        }
        all.insert(all.end(), read->certificates.begin(), read->certificates.end());
    }
    return all;
}

struct Outcome {
    std::string got;
    std::string why;
};

Outcome refused(const Error& error) {
    return {"fail", std::string(info(error.code).name) + ": " + error.detail};
}

struct PathCase {
    std::vector<Certificate> leaf;
    std::vector<Certificate> untrusted;
    std::vector<Certificate> anchors;
    std::vector<std::string> crls;
    PathPolicy policy;
    UnixTime at = 0;
};

Outcome run_path(const PathCase& c) {
    TrustStore store;
    for (const Certificate& a : c.anchors) {
        store.add_anchor(a);
    }
    Result<CertificationPath> path =
        validate_path(c.leaf.front(), store, c.untrusted, c.policy, c.at);
    if (!path) {
        return refused(path.error());
    }
    if (c.crls.empty()) {
        return {"pass", ""};
    }
    Result<CrlSet> crls = CrlSet::open(c.crls);
    if (!crls) {
        return refused(crls.error());
    }
    const CrlContext context{store, c.untrusted, c.policy, c.at, 0};
    for (const CrlVerdict& v : check_path_crls(*path, *crls, context)) {
        if (v.state != CrlState::Good) {
            return refused(v.why);
        }
    }
    return {"pass", ""};
}

Outcome run_pkits(const Row& row, const std::string& folder) {
    PathCase c;
    std::string problem;
    std::vector<Certificate> all = certificates(folder, files(row, "certs"), problem);
    if (all.size() < 2) {
        return {"fail", problem};
    }
    c.anchors = {all.front()};
    c.leaf = {all.back()};
    c.untrusted.assign(all.begin() + 1, all.end() - 1);
    for (const std::string& name : files(row, "crls")) {
        c.crls.push_back(folder + "/" + name);
    }
    c.policy = PathPolicy::standards_only();
    c.policy.user_initial_policy_set = files(row, "initial_policy_set");
    c.policy.require_explicit_policy = row.at("initial_explicit_policy") == "true";
    c.policy.inhibit_policy_mapping = row.at("initial_policy_mapping_inhibit") == "true";
    c.policy.inhibit_any_policy = row.at("initial_inhibit_any_policy") == "true";
    c.at = 1302825600;
    return run_path(c);
}

Outcome run_chain(const Row& row, const std::string& folder) {
    PathCase c;
    std::string problem;
    c.leaf = certificates(folder, {row.at("leaf")}, problem);
    c.untrusted = certificates(folder, files(row, "untrusted"), problem);
    c.anchors = certificates(folder, files(row, "trust"), problem);
    if (!problem.empty()) {
        return {"fail", problem};
    }
    for (const std::string& name : files(row, "crls")) {
        c.crls.push_back(folder + "/" + name);
    }
    const std::string& purpose = row.at("purpose");
    c.policy = PathPolicy::standards_only();
    c.policy.purpose = purpose == "sslserver"   ? Purpose::ServerAuth
                       : purpose == "sslclient" ? Purpose::ClientAuth
                                                : Purpose::Any;
    // x509-limbo tests the profile of section 4, BoringSSL what relying parties must check
    if (row.at("suite") == "x509-limbo") {
        c.policy.conformance = Conformance::Strict;
    }
    c.at = std::stoll(row.at("at"));
    return run_path(c);
}

Outcome run_crl(const Row& row, const std::string& folder) {
    std::string problem;
    const auto leaf = certificates(folder, {row.at("cert")}, problem);
    const auto issuers = certificates(folder, files(row, "issuers"), problem);
    if (!problem.empty()) {
        return {"undetermined", problem};
    }
    TrustStore store;
    for (const Certificate& c : issuers) {
        store.add_anchor(c);
    }
    const PathPolicy policy = PathPolicy::standards_only();
    const UnixTime at = std::stoll(row.at("at"));
    Result<CertificationPath> path = validate_path(leaf.front(), store, {}, policy, at);
    if (!path) {
        return {"undetermined", std::string(info(path.code()).name) + " " + path.error().detail};
    }
    Result<CrlSet> crls = CrlSet::open({folder + "/" + row.at("crl")});
    if (!crls) {
        return {"undetermined", crls.error().detail};
    }
    const std::vector<Certificate> none;
    const CrlVerdict v = check_path_crls(*path, *crls, {store, none, policy, at, 0}).front();
    return {v.state == CrlState::Good      ? "good"
            : v.state == CrlState::Revoked ? "revoked"
                                           : "undetermined",
            v.why.detail};
}

Outcome run_form(const Row& row, const std::string& folder) {
    Result<ReadCertificates> read = read_certificate_file(folder + "/" + row.at("file"));
    if (!read) {
        return {"reject", std::string(info(read.code()).name) + ": " + read.error().detail};
    }
    std::string prefixes;
    for (const Certificate& c : read->certificates) {
        prefixes += (prefixes.empty() ? "" : ",") + c.sha256_hex().substr(0, 16);
    }
    if (row.at("expect") == "accept" && prefixes != row.at("sha256_prefixes_in_file_order")) {
        return {"other certificates", prefixes};
    }
    return {"accept", ""};
}

struct Set {
    const char* name;
    const char* index;
    std::function<Outcome(const Row&, const std::string&)> run;
};

bool as_expected(const std::string& expect, const std::string& got) {
    return got == expect || (expect == "no-certs" && got == "reject") || expect == "either";
}

// Rows whose expectation is not RFC 5280's, by name and with the code that we must end with; why is
// in docs/paths.md. GnuTLS and OpenSSL refuse it too.
bool listed_difference(const std::string& id, const Outcome& outcome) {
    return id == "boringssl-many-names_ok-all-types" && outcome.got == "fail" &&
           outcome.why.compare(0, 15, "name-constraint") == 0;
}

int run(const Set& set, const std::string& folder, bool verbose) {
    const std::vector<Row> rows = read_index(folder + "/" + set.index);
    if (rows.empty()) {
        std::printf("skipped: no %s/%s\n", folder.c_str(), set.index);
        return 77;
    }
    std::size_t scored = 0;
    std::size_t right = 0;
    std::size_t listed = 0;
    for (const Row& row : rows) {
        const bool counts = row.count("score") == 0 || row.at("score") == "1";
        const Outcome outcome = set.run(row, folder);
        const bool good = as_expected(row.at("expect"), outcome.got);
        scored += counts ? 1 : 0;
        right += counts && good ? 1 : 0;
        listed += counts && !good && listed_difference(row.at("id"), outcome) ? 1 : 0;
        if ((counts && !good) || verbose) {
            std::printf("%s %s%s: expected %s, got %s: %s\n", good ? "as expected" : "DIFFERS",
                        row.at("id").c_str(), counts ? "" : " (not scored)",
                        row.at("expect").c_str(), outcome.got.c_str(), outcome.why.c_str());
        }
    }
    std::printf("%s: %zu of %zu scored rows as the index says, %zu differ as listed\n", set.name,
                right, scored, listed);
    return right + listed == scored ? 0 : 1;
}

// NIST's whole suite from Debian's python3-cryptography-vectors: the names of the end entity
// certificates say what they are. Every CA certificate and every CRL is given to every test, so that
// the search for the path and for the CRL is tested as well. Default policy inputs.
int run_whole_pkits(const std::string& folder, bool verbose) {
    Result<std::vector<std::string>> names = list_folder(folder + "/certs", ".crt");
    if (!names) {
        std::printf("skipped: no %s/certs (apt-get install python3-cryptography-vectors)\n",
                    folder.c_str());
        return 77;
    }
    const auto starts = [](const std::string& text, const char* with) {
        return text.rfind(with, 0) == 0;
    };
    PathCase c;
    std::string problem;
    std::vector<std::string> targets;
    std::vector<std::string> others;
    for (const std::string& name : *names) {
        const bool target = name.size() > 6 && name.compare(name.size() - 6, 6, "EE.crt") == 0;
        if (target && (starts(name, "Valid") || starts(name, "Invalid"))) {
            targets.push_back(name);
        } else if (!target && name != "TrustAnchorRootCertificate.crt") {
            others.push_back(name);
        }
    }
    c.anchors = certificates(folder + "/certs", {"TrustAnchorRootCertificate.crt"}, problem);
    c.untrusted = certificates(folder + "/certs", others, problem);
    if (!problem.empty()) {
        std::printf("%s\n", problem.c_str());
        return 1;
    }
    c.crls = {folder + "/crls"};
    c.policy = PathPolicy::standards_only();
    c.policy.max_signature_checks = 256;
    c.at = 1302825600;
    std::size_t right = 0;
    for (const std::string& name : targets) {
        c.leaf = certificates(folder + "/certs", {name}, problem);
        const std::string expect = starts(name, "Valid") ? "pass" : "fail";
        const Outcome outcome = c.leaf.empty() ? Outcome{"fail", problem} : run_path(c);
        right += outcome.got == expect ? 1 : 0;
        if (verbose || outcome.got != expect) {
            std::printf("%s: expected %s, got %s: %s\n", name.c_str(), expect.c_str(),
                        outcome.got.c_str(), outcome.why.c_str());
        }
    }
    std::printf("whole PKITS: %zu of %zu targets as their names say\n", right, targets.size());
    return right == targets.size() && targets.size() > 200 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const Set sets[] = {{"forms", "forms.tsv", run_form},
                        {"crl", "crl.tsv", run_crl},
                        {"chains", "chains.tsv", run_chain},
                        {"pkits", "pkits.tsv", run_pkits}};
    if (argc >= 3) {
        if (std::string(argv[1]) == "whole-pkits") {
            return run_whole_pkits(argv[2], argc > 3);
        }
        for (const Set& set : sets) {
            if (std::string(set.name) == argv[1]) {
                return run(set, argv[2], argc > 3);
            }
        }
    }
    std::fprintf(stderr, "usage: vectors forms|crl|chains|pkits|whole-pkits DIR [-v]\n");
    return 64;
}
