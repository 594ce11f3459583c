// --dry-run: the plan as a unified diff of what is there and what would be.
#include <algorithm>
#include <sstream>

#include "image_builder/apply.h"
#include "pki/base/text.h"

namespace piv {

namespace {

using Lines = std::vector<std::string>;

Lines split_lines(const std::string& text) {
    Lines out;
    std::istringstream in(text);
    std::string line;
    while (std::getline(in, line)) {
        out.push_back(escape_for_display(line, 4096));
    }
    return out;
}

// The lines between the common head and the common tail, with three of context: small files, one hunk.
std::string unified(const Lines& before, const Lines& after) {
    std::size_t head = 0;
    while (head < before.size() && head < after.size() && before[head] == after[head]) {
        ++head;
    }
    std::size_t tail = 0;
    while (tail < before.size() - head && tail < after.size() - head &&
           before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
        ++tail;
    }
    const std::size_t from = head > 3 ? head - 3 : 0;
    const std::size_t more = std::min<std::size_t>(tail, 3);
    const std::size_t old_end = before.size() - tail;
    const std::size_t new_end = after.size() - tail;
    const auto range = [&](std::size_t end) {
        const std::size_t count = end + more - from;
        return std::to_string(count == 0 ? 0 : from + 1) + "," + std::to_string(count);
    };
    std::string out = "@@ -" + range(old_end) + " +" + range(new_end) + " @@\n";
    for (std::size_t i = from; i < head; ++i) {
        out += " " + before[i] + "\n";
    }
    for (std::size_t i = head; i < old_end; ++i) {
        out += "-" + before[i] + "\n";
    }
    for (std::size_t i = head; i < new_end; ++i) {
        out += "+" + after[i] + "\n";
    }
    for (std::size_t i = old_end; i < old_end + more; ++i) {
        out += " " + before[i] + "\n";
    }
    return out;
}

std::string holding_text(const Holding& h) {
    return h.kind == NodeKind::Link ? "link to " + escape_for_display(h.target) : "file";
}

Result<std::string> describe_entry(const RootDir& root, const PlanEntry& planned,
                                   const ManifestEntry& entry) {
    const std::string path = escape_for_display(planned.path);
    const bool fresh = entry.before.kind == NodeKind::Absent;
    std::string out = "# " + escape_for_display(planned.reason) + "\n";
    out += "--- " + (fresh ? std::string("/dev/null") : "a" + path) + "\n+++ b" + path + "\n";
    if (planned.kind == NodeKind::Link) {
        if (!fresh) {
            out += "-" + holding_text(entry.before) + "\n";
        }
        return out + "+link to " + escape_for_display(planned.target) + "\n";
    }
    Lines before;
    if (entry.before.kind == NodeKind::File) {
        Result<Bytes> content = root.read(planned.path, kMaxTreeFile);
        if (!content) {
            return std::move(content).error();
        }
        before = split_lines(std::string(content->begin(), content->end()));
    } else if (!fresh) {
        out += "-" + holding_text(entry.before) + "\n";
    }
    return out + unified(before, split_lines(std::string(ByteView(planned.content).text())));
}

}  // namespace

Result<std::string> describe_changes(const RootDir& root, const StagePlan& plan,
                                     const StageManifest& prepared) {
    std::string out;
    for (const ManifestEntry& entry : prepared.entries) {
        if (entry.before == entry.staged) {
            continue;
        }
        const PlanEntry* planned = plan.find(entry.path);
        if (planned == nullptr) {
            out += "# staged earlier, no longer wanted: put back " +
                   escape_for_display(entry.path) + "\n";
            continue;
        }
        Result<std::string> text = describe_entry(root, *planned, entry);
        if (!text) {
            return text;
        }
        out += *text;
    }
    return out;
}

}  // namespace piv
