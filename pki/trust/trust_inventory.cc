#include "pki/trust/trust_inventory.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "pki/base/file.h"
#include "pki/config/rooted_file.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

constexpr char kStates[] = "states";
constexpr std::size_t kMaxStates = 1U << 20U;

struct Recorded {
    TrustState state = TrustState::Active;
    std::optional<UnixTime> since;
    std::string succeeds;
};

std::string folder_of_states(const TrustInventory& inventory) {
    return split_path(inventory.settings.trust.anchors).first;
}

bool is_sha256(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// `SHA256 STATE [since TIME] [succeeds SHA256]`, and comments.
bool parse_state(const std::string& line, std::map<std::string, Recorded>& out) {
    std::istringstream words(line);
    std::string sha;
    std::string state;
    if (!(words >> sha) || sha[0] == '#') {
        return true;
    }
    Recorded r;
    if (!is_sha256(sha) || !(words >> state)) {
        return false;
    }
    const bool next = state == "next";
    if (!next && state != "active" && state != "retired") {
        return false;
    }
    r.state = next                ? TrustState::Next
              : state == "active" ? TrustState::Active
                                  : TrustState::Retired;
    std::string key;
    std::string value;
    while (words >> key) {
        if (!(words >> value)) {
            return false;
        }
        if (key == "since") {
            const auto time = parse_time(value);
            if (!time) {
                return false;
            }
            r.since = *time;
        } else if (key == "succeeds" && is_sha256(value)) {
            r.succeeds = value;
        } else {
            return false;
        }
    }
    return out.emplace(sha, r).second;
}

Result<std::map<std::string, Recorded>> read_states(const TrustInventory& inventory) {
    std::map<std::string, Recorded> out;
    const std::string path = folder_of_states(inventory) + "/" + kStates;
    const auto content = read_rooted(inventory.tree.root, path, kMaxStates, Ownership::RootOnly);
    if (!content) {
        return content.code() == ErrorCode::FileNotFound
                   ? Result<std::map<std::string, Recorded>>(out)
                   : content.error();
    }
    const std::string text(ByteView(*content).text());
    int number = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t end = text.find('\n', i);
        ++number;
        if (end == std::string::npos || !parse_state(text.substr(i, end - i), out)) {
            return Error(ErrorCode::BadConfig, inventory.tree.root + path + ":" +
                                                   std::to_string(number) +
                                                   ": not SHA256 next|active|retired [since TIME] "
                                                   "[succeeds SHA256]");
        }
        i = end + 1;
    }
    return out;
}

Bytes states_text(const TrustInventory& inventory) {
    std::vector<std::string> lines;
    for (const TrustEntry& e : inventory.entries) {
        if (e.state == TrustState::Active && !e.since && e.succeeds.empty()) {
            continue;  // what a certificate without a line is anyway
        }
        lines.push_back(e.certificate.sha256_hex() + " " + std::string(to_text(e.state)) +
                        (e.since ? " since " + format_time(*e.since) : "") +
                        (e.succeeds.empty() ? "" : " succeeds " + e.succeeds) + "\n");
    }
    std::sort(lines.begin(), lines.end());
    std::string text =
        "# States of the installed CAs, written by piv-trust. Without a line: active.\n";
    for (const std::string& line : lines) {
        text += line;
    }
    return ByteView(std::string_view(text)).copy();
}

Status read_folder(TrustInventory& inventory, TrustRole role) {
    const std::string& folder = inventory.folder(role);
    if (folder.size() > 4 && folder.substr(folder.size() - 4) == ".pem") {
        return Error(ErrorCode::BadConfig, "[trust] names the file " + folder +
                                               ": piv-trust works on a folder of *.pem files");
    }
    const auto opened = RootedFolder::open(inventory.tree.root, folder);
    if (!opened) {
        return opened.code() == ErrorCode::FileNotFound ? Status() : Status(opened.error());
    }
    const auto names = opened->list(".pem");
    if (!names) {
        return names.error();
    }
    for (const std::string& name : *names) {
        const auto content = opened->read(name, kMaxCertificateFile, Ownership::RootOnly);
        if (!content) {
            return content.error();
        }
        const auto read = read_certificates(*content, opened->shown(name));
        if (!read) {
            return read.error();
        }
        for (const Certificate& c : read->certificates) {
            inventory.entries.push_back({c, role, TrustState::Active, std::nullopt, "", name});
        }
    }
    return {};
}

bool has(const TrustInventory& inventory, const TrustEntry& entry) {
    return std::any_of(inventory.entries.begin(), inventory.entries.end(),
                       [&entry](const TrustEntry& e) {
                           return e.role == entry.role &&
                                  e.certificate.sha256_hex() == entry.certificate.sha256_hex();
                       });
}

Status write_states(const TrustInventory& inventory, const Bytes& states) {
    return write_rooted(inventory.tree.root, folder_of_states(inventory) + "/" + kStates, states,
                        0644);
}

Status remove_file(const TrustInventory& inventory, const TrustEntry& entry) {
    const auto folder = RootedFolder::open(inventory.tree.root, inventory.folder(entry.role));
    return folder ? folder->remove(entry.file) : Status(folder.error());
}

// States before the new certificates, so that a `next` one is never there without its state, and
// after the removed ones are gone: in between they keep theirs.
Status write_changes(const TrustInventory& before, const TrustInventory& after) {
    TrustInventory both = after;
    for (const TrustEntry& e : before.entries) {
        if (!has(after, e)) {
            both.entries.push_back(e);
        }
    }
    const Bytes states = states_text(both);
    if (states != states_text(before)) {
        if (Status s = write_states(after, states); !s) {
            return s;
        }
    }
    for (const TrustEntry& e : after.entries) {
        if (has(before, e)) {
            continue;
        }
        const std::string pem = to_pem(e.certificate);
        if (Status s = write_rooted(after.tree.root, after.folder(e.role) + "/" + e.file,
                                    ByteView(std::string_view(pem)), 0644);
            !s) {
            return s;
        }
    }
    for (const TrustEntry& e : before.entries) {
        if (!has(after, e)) {
            if (Status s = remove_file(before, e); !s) {
                return s;
            }
        }
    }
    if (const Bytes last = states_text(after); last != states) {
        (void)write_states(after, last);  // a line too many says nothing: the next write drops it
    }
    return {};
}

// After a failure: as before, as far as that can be done. Removed files were the last step.
void take_back(const TrustInventory& before, const TrustInventory& after) {
    for (const TrustEntry& e : after.entries) {
        if (!has(before, e)) {
            (void)remove_file(after, e);
        }
    }
    const std::string path = folder_of_states(before) + "/" + kStates;
    const auto now = read_rooted(before.tree.root, path, kMaxStates);
    const Bytes states = states_text(before);
    if (now && *now != states) {
        (void)write_states(before, states);
    }
}

}  // namespace

std::string_view to_text(TrustRole role) noexcept {
    return role == TrustRole::Anchor ? "anchor" : "intermediate";
}

std::string_view to_text(TrustState state) noexcept {
    switch (state) {
        case TrustState::Next:
            return "next";
        case TrustState::Retired:
            return "retired";
        case TrustState::Active:
            break;
    }
    return "active";
}

const std::string& TrustInventory::folder(TrustRole role) const noexcept {
    return role == TrustRole::Anchor ? settings.trust.anchors : settings.trust.intermediates;
}

Result<TrustInventory> load_inventory(const TrustTree& tree) {
    TrustInventory out;
    out.tree = tree;
    auto settings = load_settings(tree.config, "", ConfigTrust::RootOwned, tree.root);
    if (!settings) {
        return std::move(settings).error();
    }
    out.settings = std::move(*settings);
    for (const TrustRole role : {TrustRole::Anchor, TrustRole::Intermediate}) {
        if (Status s = read_folder(out, role); !s) {
            return std::move(s).error();
        }
    }
    const auto states = read_states(out);
    if (!states) {
        return states.error();
    }
    for (TrustEntry& e : out.entries) {
        const auto at = states->find(e.certificate.sha256_hex());
        if (at != states->end()) {
            e.state = at->second.state;
            e.since = at->second.since;
            e.succeeds = at->second.succeeds;
        }
    }
    std::stable_sort(
        out.entries.begin(), out.entries.end(), [](const TrustEntry& a, const TrustEntry& b) {
            return a.role != b.role ? a.role < b.role
                                    : a.certificate.not_after() < b.certificate.not_after();
        });
    return out;
}

Status save_inventory(const TrustInventory& before, const TrustInventory& after) {
    if (Status s = write_changes(before, after); !s) {
        take_back(before, after);
        return s;
    }
    return {};
}

Result<std::size_t> find_entry(const TrustInventory& inventory, const std::string& id) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < inventory.entries.size(); ++i) {
        const TrustEntry& e = inventory.entries[i];
        const bool by_hash =
            id.size() >= 6 && e.certificate.sha256_hex().compare(0, id.size(), id) == 0;
        if (!by_hash && e.file != id && e.file != id + ".pem") {
            continue;
        }
        if (found) {
            return Error(ErrorCode::TrustIdUnknown, "'" + id + "' names more than one certificate");
        }
        found = i;
    }
    if (!found) {
        return Error(ErrorCode::TrustIdUnknown, "'" + id + "' names no installed certificate");
    }
    return *found;
}

std::string trust_file_name_of(const Certificate& certificate) {
    // The common name in letters that every file system and shell takes.
    const std::string subject = certificate.subject();
    const std::size_t cn = subject.find("CN=");
    std::string name;
    for (std::size_t i = cn == std::string::npos ? 0 : cn + 3;
         i < subject.size() && name.size() < 48; ++i) {
        const char c = subject[i];
        if (c == ',' && cn != std::string::npos) {
            break;
        }
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            name += c;
        } else if (!name.empty() && name.back() != '-') {
            name += '-';
        }
    }
    while (!name.empty() && name.back() == '-') {
        name.pop_back();
    }
    return (name.empty() ? "ca" : name) + "-" + certificate.sha256_hex().substr(0, 16) + ".pem";
}

}  // namespace piv
