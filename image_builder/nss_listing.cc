#include "image_builder/nss_listing.h"

#include <algorithm>

#include "pki/base/text.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

struct Line {
    std::string nickname;
    std::string trust;
};

// "NICKNAME    CT,C,C": the trust is the last word and has two commas. The title has no nickname.
std::vector<Line> lines_of(const std::string& output) {
    std::vector<Line> lines;
    std::size_t at = 0;
    while (at < output.size()) {
        const std::size_t lf = std::min(output.find('\n', at), output.size());
        std::string text = output.substr(at, lf - at);
        at = lf + 1;
        text.erase(text.find_last_not_of(" \t\r") + 1);
        const std::size_t space = text.find_last_of(" \t");
        if (space == std::string::npos) {
            continue;
        }
        const std::string trust = text.substr(space + 1);
        text.erase(text.find_last_not_of(" \t", space) + 1);
        const bool flags = trust.find_first_not_of("pPcCTuw,") == std::string::npos;
        if (!text.empty() && flags && std::count(trust.begin(), trust.end(), ',') == 2) {
            lines.push_back({text, trust});
        }
    }
    return lines;
}

std::set<std::string> certificates_in(const std::string& output) {
    std::set<std::string> found;
    const Result<ReadCertificates> read = read_certificates(ByteView(output), "certutil");
    if (read) {
        for (const Certificate& c : read->certificates) {
            found.insert(c.sha256_hex());
        }
    }
    return found;
}

}  // namespace

Result<NssListing> list_nss_database(const WorkFolder& folder, const std::string& database) {
    Result<ToolRun> run = run_build_tool(kCertutil, {"-L", "-d", database}, folder);
    if (!run) {
        return std::move(run).error();
    }
    if (run->status != 0) {
        return Error(ErrorCode::ImageTree, std::string(kCertutil) + " -L: " + run->output);
    }
    NssListing listing;
    std::set<std::string> seen;
    const std::vector<Line> lines = lines_of(run->output);
    for (const Line& line : lines) {
        if (!seen.insert(line.nickname).second) {
            continue;
        }
        NssSubject subject;
        for (const Line& other : lines) {
            if (other.nickname == line.nickname) {
                subject.nickname.insert(other.nickname);
                subject.trust.insert(other.trust);
            }
        }
        // Names that certutil itself cannot find again (TOKEN:NAME) are of others: kept by name.
        run = run_build_tool(kCertutil, {"-L", "-d", database, "-n", line.nickname, "-a"}, folder);
        if (!run) {
            return std::move(run).error();
        }
        subject.sha256 = certificates_in(run->output);
        const auto same =
            std::find_if(listing.begin(), listing.end(), [&subject](const NssSubject& one) {
                return !subject.sha256.empty() && one.sha256 == subject.sha256;
            });
        if (same == listing.end()) {
            listing.push_back(std::move(subject));
        } else {
            same->trust.insert(subject.trust.begin(), subject.trust.end());
            same->nickname.insert(subject.nickname.begin(), subject.nickname.end());
        }
    }
    std::sort(listing.begin(), listing.end(), [](const NssSubject& a, const NssSubject& b) {
        return a.sha256 != b.sha256 ? a.sha256 < b.sha256 : a.nickname < b.nickname;
    });
    return listing;
}

const NssSubject* find_certificate(const NssListing& listing, const std::string& sha256) {
    for (const NssSubject& subject : listing) {
        if (subject.sha256.count(sha256) != 0) {
            return &subject;
        }
    }
    return nullptr;
}

std::size_t count_trust(const NssSubject& subject, char flag) {
    return static_cast<std::size_t>(
        std::count_if(subject.trust.begin(), subject.trust.end(), [flag](const std::string& t) {
            return t.substr(0, t.find(',')).find(flag) != std::string::npos;
        }));
}

std::string with_client_trust(const std::string& trust) {
    const std::size_t comma = std::min(trust.find(','), trust.size());
    std::string tls = trust.substr(0, comma);
    tls.erase(std::remove(tls.begin(), tls.end(), 'u'), tls.end());
    if (tls.find('T') == std::string::npos) {
        tls += 'T';
    }
    return tls + trust.substr(comma);
}

}  // namespace piv
