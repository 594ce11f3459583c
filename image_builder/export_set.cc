#include "image_builder/export_set.h"

#include <algorithm>
#include <map>

#include "image_builder/apply.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

bool starts(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

// Printable and without a quote: the manifest is the tree's word, and its text goes into scripts.
bool plain(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 0x7f && c != '\'' && c != '"' && c != '\\' && c != '`' && c != '$' &&
               c != '{' && c != '}';
    });
}

// Options of the manifest, "name=a,b", as words of a command line.
Result<std::vector<std::string>> command_words(const StageManifest& manifest) {
    static const std::map<std::string, std::string> flags{
        {"break-glass=no", "--no-break-glass"},
        {"allow-weak-mapping=yes", "--allow-weak-mapping"},
        {"rollover=yes", "--rollover"}};
    std::vector<std::string> words;
    for (const std::string& option : manifest.options) {
        const auto flag = flags.find(option);
        if (flag != flags.end()) {
            words.push_back(flag->second);
            continue;
        }
        const std::size_t eq = option.find('=');
        if (eq == std::string::npos || !plain(option)) {
            return Error(ErrorCode::ImageTree, "the manifest has an option that is not understood");
        }
        std::string values = option.substr(eq + 1);
        std::size_t at = 0;
        while (at <= values.size()) {
            const std::size_t comma = std::min(values.find(',', at), values.size());
            std::size_t next = comma + 1;
            std::size_t from = at;
            while (from < comma && values[from] == ' ') {
                ++from;
            }
            words.push_back("--" + option.substr(0, eq));
            words.push_back(values.substr(from, comma - from));
            at = next;
        }
    }
    return words;
}

std::string numbered(std::size_t number, const std::string& name) {
    return (number < 10 ? "0" : "") + std::to_string(number) + "-" + name;
}

Status add_entry(const RootDir& root, const ManifestEntry& entry, bool anchor, ExportSet& set) {
    Result<Bytes> content = root.read(entry.path, kMaxTreeFile);
    if (!content) {
        return std::move(content).error();
    }
    Result<ReadCertificates> read = read_certificates(*content, entry.path);
    if (!read) {
        return std::move(read).error();
    }
    const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
    if (!plain(name)) {
        return Error(ErrorCode::ImageTree, entry.path + ": is not a name that was staged");
    }
    Certificate& certificate = read->certificates.front();
    const std::string pem = to_pem(certificate);
    set.certificates.push_back(
        {numbered(set.certificates.size() + 1, name), pem, std::move(certificate), anchor});
    return {};
}

}  // namespace

Result<ExportSet> read_export_set(const RootDir& root) {
    const Stager stager(root, std::nullopt);
    Result<std::optional<StageManifest>> manifest = stager.manifest();
    if (!manifest) {
        return std::move(manifest).error();
    }
    if (!manifest->has_value() || stager.interrupted()) {
        return Error(ErrorCode::ImageDrift, root.path() + ": nothing is staged in this tree");
    }
    ExportSet set;
    set.manifest = std::move(**manifest);
    Result<std::vector<Difference>> drift = stager.drift(set.manifest);
    if (!drift) {
        return std::move(drift).error();
    }
    if (!drift->empty()) {
        return Error(ErrorCode::ImageDrift, drift->front().path + ": " + drift->front().what);
    }
    for (const char* folder : {"anchors/", "intermediates/"}) {
        for (const ManifestEntry& entry : set.manifest.entries) {
            if (starts(entry.path, std::string(PIV_SYSCONFDIR "/trust/") + folder)) {
                if (Status s = add_entry(root, entry, folder[0] == 'a', set); !s) {
                    return std::move(s).error();
                }
            }
        }
    }
    for (const ManifestEntry& entry : set.manifest.entries) {
        const bool crl = starts(entry.path, PIV_STATEDIR "/crl/");
        if (!crl && !starts(entry.path, PIV_STATEDIR "/ocsp/")) {
            continue;
        }
        Result<Bytes> content = root.read(entry.path, kMaxTreeFile * 4);
        if (!content) {
            return std::move(content).error();
        }
        const std::string number = std::to_string(set.answers.size() + 1);
        set.answers.push_back({crl ? "--crl" : "--ocsp-response",
                               (crl ? "crl-" : "ocsp-") + number + ".der", std::move(*content)});
    }
    Result<std::vector<std::string>> words = command_words(set.manifest);
    if (!words) {
        return std::move(words).error();
    }
    set.options = std::move(*words);
    for (std::size_t i = 0; i + 1 < set.options.size(); ++i) {
        if (set.options[i] == "--ocsp-url") {
            set.ocsp_urls.push_back(set.options[i + 1]);
        }
    }
    return set;
}

}  // namespace piv
