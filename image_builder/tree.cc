#include "image_builder/tree.h"

#include <algorithm>

namespace piv {

Result<std::string> Tree::follow(const std::string& path) const {
    std::string at = normal_path(path);
    for (int i = 0; i < 40; ++i) {
        Result<Node> found = node(at);
        if (!found) {
            return std::move(found).error();
        }
        if (found->kind != NodeKind::Link) {
            return at;
        }
        at = resolve_link_text(at, found->target);
    }
    return Error(ErrorCode::ImageTree, path + ": too many links");
}

Result<std::string> Tree::read(const std::string& path) const {
    Result<std::string> at = follow(path);
    if (!at) {
        return std::move(at).error();
    }
    Result<Bytes> content = read_plain(*at);
    if (!content) {
        return std::move(content).error();
    }
    return std::string(content->begin(), content->end());
}

bool Tree::exists(const std::string& path) const {
    Result<std::string> at = follow(path);
    if (!at) {
        return false;
    }
    const Result<Node> found = node(*at);
    return found.ok() && found->kind != NodeKind::Absent;
}

template <typename T>
Result<T> DiskTree::noted(Result<T> result) const {
    if (!result && result.code() == ErrorCode::FileUnreadable && !fault_) {
        fault_ = result.error();
    }
    return result;
}

Result<Node> DiskTree::node(const std::string& path) const {
    return noted(root_.node(path));
}

Result<Bytes> DiskTree::read_plain(const std::string& path) const {
    return noted(root_.read(path, kMaxTreeFile));
}

Result<std::vector<std::string>> DiskTree::list(const std::string& path) const {
    Result<std::vector<std::string>> names = noted(root_.list(path));
    if (!names && names.code() == ErrorCode::FileNotFound) {
        return std::vector<std::string>{};
    }
    return names;
}

void OverlayTree::put_file(const std::string& path, Bytes content, unsigned mode, uid_t uid,
                           gid_t gid) {
    Laid laid;
    laid.node.kind = NodeKind::File;
    laid.node.mode = mode;
    laid.node.uid = uid;
    laid.node.gid = gid;
    laid.content = std::move(content);
    laid_[normal_path(path)] = std::move(laid);
    for (std::string up = parent_path(path); up != "/"; up = parent_path(up)) {
        folders_.insert(up);
    }
}

void OverlayTree::put_link(const std::string& path, const std::string& target) {
    Laid laid;
    laid.node.kind = NodeKind::Link;
    laid.node.mode = 0777;
    laid.node.target = target;
    laid_[normal_path(path)] = std::move(laid);
    for (std::string up = parent_path(path); up != "/"; up = parent_path(up)) {
        folders_.insert(up);
    }
}

void OverlayTree::put_absent(const std::string& path) {
    laid_[normal_path(path)] = Laid{};
}

Result<Node> OverlayTree::node(const std::string& path) const {
    const std::string normal = normal_path(path);
    const auto it = laid_.find(normal);
    if (it != laid_.end()) {
        return it->second.node;
    }
    Result<Node> below = below_.node(normal);
    if (below.ok() && below->kind == NodeKind::Absent && folders_.count(normal) != 0) {
        Node folder;
        folder.kind = NodeKind::Folder;
        folder.mode = 0755;
        return folder;
    }
    return below;
}

Result<Bytes> OverlayTree::read_plain(const std::string& path) const {
    const std::string normal = normal_path(path);
    const auto it = laid_.find(normal);
    if (it == laid_.end()) {
        return below_.read_plain(normal);
    }
    if (it->second.node.kind == NodeKind::Absent) {
        return Error(ErrorCode::FileNotFound, normal);
    }
    if (it->second.node.kind != NodeKind::File) {
        return Error(ErrorCode::ImageTree, normal + ": is not a regular file");
    }
    return it->second.content;
}

Result<std::vector<std::string>> OverlayTree::list(const std::string& path) const {
    const std::string normal = normal_path(path);
    Result<std::vector<std::string>> below = below_.list(normal);
    if (!below) {
        return below;
    }
    std::set<std::string> names(below->begin(), below->end());
    const std::string prefix = normal == "/" ? "/" : normal + "/";
    for (const auto& [laid_path, laid] : laid_) {
        if (laid_path.compare(0, prefix.size(), prefix) != 0) {
            continue;
        }
        const std::string rest = laid_path.substr(prefix.size());
        const std::size_t slash = rest.find('/');
        if (slash != std::string::npos) {
            names.insert(rest.substr(0, slash));
        } else if (laid.node.kind == NodeKind::Absent) {
            names.erase(rest);
        } else {
            names.insert(rest);
        }
    }
    return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace piv
