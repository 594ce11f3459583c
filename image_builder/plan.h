// StagePlan: everything a staging will make of a tree, decided before anything is written. Equal
// inputs give equal plans; applying one is apply.h's business.
#pragma once

#include <string>
#include <vector>

#include "image_builder/root_dir.h"

namespace piv {

/// Inert files first: they change nothing until a Switch (a PAM file or link) makes them count.
enum class Phase { Inert, Switch };

struct PlanEntry {
    std::string path;                // absolute inside the root
    NodeKind kind = NodeKind::File;  // File or Link
    Bytes content;
    std::string target;  // of a link
    unsigned mode = 0644;
    uid_t uid = 0;
    gid_t gid = 0;
    Phase phase = Phase::Inert;
    std::string reason;  // for people: why this is staged
};

struct PlanCertificate {
    std::string sha256;
    std::string role;  // "anchor" or "intermediate"
    std::string subject;
    std::string not_after;
    std::string file;         // the input's name without its folder
    std::string file_sha256;  // of the input's bytes
    std::string form;
};

struct StagePlan {
    std::string profile;
    std::vector<std::string> options;  // canonical "name=value", for the manifest
    std::vector<PlanCertificate> certificates;
    std::vector<PlanEntry> entries;  // unique paths
    std::vector<std::string> notes;  // what people should know about it, one sentence each

    void add_file(std::string path, std::string_view content, Phase phase, std::string reason);
    void add_link(std::string path, std::string target, Phase phase, std::string reason);
    /// Inert before Switch, each by path. Called once, before the plan is used.
    void finish();
    [[nodiscard]] const PlanEntry* find(const std::string& path) const;
};

std::string sha256_hex(ByteView bytes);

}  // namespace piv
