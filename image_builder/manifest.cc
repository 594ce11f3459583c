#include "image_builder/manifest.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "image_builder/tree.h"

namespace piv {

namespace {

using json = nlohmann::ordered_json;

const char* kind_text(NodeKind kind) {
    switch (kind) {
        case NodeKind::Absent:
            return "absent";
        case NodeKind::File:
            return "file";
        case NodeKind::Link:
            return "link";
        case NodeKind::Folder:
            return "folder";
        case NodeKind::Other:
            break;
    }
    return "other";
}

NodeKind kind_from(const std::string& text) {
    for (const NodeKind kind :
         {NodeKind::Absent, NodeKind::File, NodeKind::Link, NodeKind::Folder}) {
        if (text == kind_text(kind)) {
            return kind;
        }
    }
    return NodeKind::Other;
}

json to_json(const Holding& h) {
    json out{{"kind", kind_text(h.kind)}};
    if (h.kind == NodeKind::File) {
        out["sha256"] = h.sha256;
        char mode[8];
        (void)std::snprintf(mode, sizeof mode, "%04o", h.mode);
        out["mode"] = mode;
    }
    if (h.kind == NodeKind::Link) {
        out["target"] = h.target;
    }
    if (h.kind == NodeKind::File || h.kind == NodeKind::Link) {
        out["uid"] = h.uid;
        out["gid"] = h.gid;
    }
    return out;
}

Holding holding_from(const json& in) {
    Holding h;
    h.kind = kind_from(in.at("kind").get<std::string>());
    h.sha256 = in.value("sha256", "");
    h.target = in.value("target", "");
    h.mode = static_cast<unsigned>(std::stoul(in.value("mode", "0"), nullptr, 8));
    h.uid = in.value("uid", 0U);
    h.gid = in.value("gid", 0U);
    return h;
}

std::string time_text(const timespec& time) {
    char text[48];
    (void)std::snprintf(text, sizeof text, "%lld.%09ld", static_cast<long long>(time.tv_sec),
                        time.tv_nsec);
    return text;
}

json to_json(const std::map<std::string, timespec>& times) {
    json out = json::object();
    for (const auto& [folder, time] : times) {
        out[folder] = time_text(time);
    }
    return out;
}

std::map<std::string, timespec> times_from(const json& in) {
    std::map<std::string, timespec> times;
    for (const auto& [folder, value] : in.items()) {
        const std::string text = value.get<std::string>();
        timespec time{};
        std::size_t end = 0;
        time.tv_sec = static_cast<time_t>(std::stoll(text, &end));
        time.tv_nsec = std::stol(text.substr(std::min(end + 1, text.size())));
        if (time.tv_nsec < 0 || time.tv_nsec > 999999999L) {
            throw std::out_of_range("a time stamp");
        }
        times[folder] = time;
    }
    return times;
}

// A manifest lies in a tree that may be hostile: a path in it is used only if it is a plain one.
bool plain_path(const std::string& path) {
    return !path.empty() && path != "/" && normal_path(path) == path;
}

StageManifest parse(const json& in) {
    StageManifest m;
    m.profile = in.at("profile").get<std::string>();
    m.options = in.at("options").get<std::vector<std::string>>();
    m.folders = in.at("folders").get<std::vector<std::string>>();
    for (const json& c : in.at("certificates")) {
        PlanCertificate cert;
        cert.sha256 = c.at("sha256").get<std::string>();
        cert.role = c.at("role").get<std::string>();
        cert.subject = c.at("subject").get<std::string>();
        cert.not_after = c.at("not_after").get<std::string>();
        cert.file = c.at("file").get<std::string>();
        cert.file_sha256 = c.at("file_sha256").get<std::string>();
        cert.form = c.at("form").get<std::string>();
        m.certificates.push_back(std::move(cert));
    }
    for (const json& e : in.at("entries")) {
        ManifestEntry entry;
        entry.path = e.at("path").get<std::string>();
        entry.phase = e.at("phase").get<std::string>() == "switch" ? Phase::Switch : Phase::Inert;
        entry.reason = e.at("reason").get<std::string>();
        entry.staged = holding_from(e.at("staged"));
        entry.original = holding_from(e.at("original"));
        if (e.contains("before")) {
            entry.before = holding_from(e.at("before"));
        }
        m.entries.push_back(std::move(entry));
    }
    m.manifest_sha256 = in.value("manifest_sha256", "");
    m.folder_times = times_from(in.value("folder_times", json::object()));
    m.folder_times_before = times_from(in.value("folder_times_before", json::object()));
    return m;
}

}  // namespace

bool operator==(const Holding& a, const Holding& b) {
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
        case NodeKind::File:
            return a.sha256 == b.sha256 && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid;
        case NodeKind::Link:
            return a.target == b.target && a.uid == b.uid && a.gid == b.gid;
        case NodeKind::Absent:
            return true;
        default:
            return false;
    }
}

const ManifestEntry* StageManifest::find(const std::string& path) const {
    for (const ManifestEntry& entry : entries) {
        if (entry.path == path) {
            return &entry;
        }
    }
    return nullptr;
}

std::string to_json(const StageManifest& manifest, bool journal) {
    json out{{"format", 1},
             {"product", "piv-login"},
             {"profile", manifest.profile},
             {"options", manifest.options},
             {"folders", manifest.folders},
             {"folder_times", to_json(manifest.folder_times)},
             {"certificates", json::array()},
             {"entries", json::array()}};
    if (journal) {
        out["manifest_sha256"] = manifest.manifest_sha256;
        out["folder_times_before"] = to_json(manifest.folder_times_before);
    }
    for (const PlanCertificate& c : manifest.certificates) {
        out["certificates"].push_back({{"sha256", c.sha256},
                                       {"role", c.role},
                                       {"subject", c.subject},
                                       {"not_after", c.not_after},
                                       {"file", c.file},
                                       {"file_sha256", c.file_sha256},
                                       {"form", c.form}});
    }
    for (const ManifestEntry& e : manifest.entries) {
        json entry{{"path", e.path},
                   {"phase", e.phase == Phase::Switch ? "switch" : "inert"},
                   {"reason", e.reason},
                   {"staged", to_json(e.staged)},
                   {"original", to_json(e.original)}};
        if (journal) {
            entry["before"] = to_json(e.before);
        }
        out["entries"].push_back(std::move(entry));
    }
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string manifest_sha256(const StageManifest& manifest) {
    const std::string text = to_json(manifest, false);
    return sha256_hex(ByteView(text));
}

Result<StageManifest> manifest_from_json(const std::string& text) {
    try {
        const json in = json::parse(text);
        if (in.at("product") != "piv-login" || in.at("format") != 1) {
            return Error(ErrorCode::ImageTree, "the manifest is not of this product or version");
        }
        StageManifest m = parse(in);
        for (const ManifestEntry& e : m.entries) {
            if (!plain_path(e.path)) {
                return Error(ErrorCode::ImageTree, "the manifest names a path that is not plain");
            }
        }
        std::vector<std::string> folders = m.folders;
        for (const auto& [folder, time] : m.folder_times) {
            folders.push_back(folder);
        }
        for (const auto& [folder, time] : m.folder_times_before) {
            folders.push_back(folder);
        }
        for (const std::string& folder : folders) {
            if (!plain_path(folder) && folder != "/") {
                return Error(ErrorCode::ImageTree, "the manifest names a path that is not plain");
            }
        }
        return m;
    } catch (const std::exception& e) {
        return Error(ErrorCode::ImageTree, std::string("the manifest cannot be read: ") + e.what());
    }
}

Result<Holding> holding_of(const RootDir& root, const std::string& path) {
    Result<Node> node = root.node(path);
    if (!node) {
        return std::move(node).error();
    }
    Holding h;
    h.kind = node->kind;
    h.uid = node->uid;
    h.gid = node->gid;
    if (node->kind == NodeKind::Link) {
        h.target = node->target;
    }
    if (node->kind == NodeKind::File) {
        h.mode = node->mode;
        Result<Bytes> content = root.read(path, kMaxTreeFile);
        if (!content) {
            return std::move(content).error();
        }
        h.sha256 = sha256_hex(*content);
    }
    return h;
}

Holding holding_of(const PlanEntry& entry) {
    Holding h;
    h.kind = entry.kind;
    // Without root there is no chown: what we make is ours.
    const bool root = geteuid() == 0;
    h.uid = root ? entry.uid : geteuid();
    h.gid = root ? entry.gid : getegid();
    if (entry.kind == NodeKind::Link) {
        h.target = entry.target;
    } else {
        h.mode = entry.mode;
        h.sha256 = sha256_hex(entry.content);
    }
    return h;
}

}  // namespace piv
