#include "image_builder/plan.h"

#include <openssl/evp.h>

#include <algorithm>

namespace piv {

std::string sha256_hex(ByteView bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
        return {};
    }
    return to_hex(ByteView(digest, size));
}

void StagePlan::add_file(std::string path, std::string_view content, Phase phase,
                         std::string reason) {
    PlanEntry entry;
    entry.path = std::move(path);
    entry.content = ByteView(content).copy();
    entry.phase = phase;
    entry.reason = std::move(reason);
    entries.push_back(std::move(entry));
}

void StagePlan::add_link(std::string path, std::string target, Phase phase, std::string reason) {
    PlanEntry entry;
    entry.path = std::move(path);
    entry.kind = NodeKind::Link;
    entry.target = std::move(target);
    entry.mode = 0777;
    entry.phase = phase;
    entry.reason = std::move(reason);
    entries.push_back(std::move(entry));
}

void StagePlan::finish() {
    std::stable_sort(entries.begin(), entries.end(), [](const PlanEntry& a, const PlanEntry& b) {
        return a.phase != b.phase ? a.phase < b.phase : a.path < b.path;
    });
}

const PlanEntry* StagePlan::find(const std::string& path) const {
    for (const PlanEntry& entry : entries) {
        if (entry.path == path) {
            return &entry;
        }
    }
    return nullptr;
}

}  // namespace piv
