#include "pki/config/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/config/ini.h"
#include "pki/config/rooted_file.h"
#include "pki/config/setting_table.h"

namespace piv {

namespace {

constexpr std::string_view kServicePrefix = "service ";

struct Assignment {
    const SettingRow* row;
    std::string value;
    std::string place;    // file:line
    std::string service;  // empty: for every service
};

Error bad(const std::string& place, const std::string& what, const std::string& meant) {
    return {ErrorCode::BadConfig,
            place + ": " + what + (meant.empty() ? "" : ": did you mean '" + meant + "'?")};
}

// Whoever may rename files in the folder may replace the configuration.
Status check_folder(const std::string& path) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) {
        return Error(ErrorCode::FileUnreadable, path + ": " + std::strerror(errno));
    }
    const bool owner_ok = st.st_uid == 0 || (geteuid() != 0 && st.st_uid == geteuid());
    const bool others_write = (st.st_mode & 022U) != 0 && (st.st_mode & S_ISVTX) == 0;
    if (!owner_ok || others_write) {
        return Error(ErrorCode::InsecureConfig,
                     path + ": the folder does not belong to root or is writable by others");
    }
    return {};
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

Result<const SettingRow*> find_row(const std::string& section, const std::string& key,
                                   const std::string& place) {
    std::vector<std::string> keys;
    for (const SettingRow& row : setting_table()) {
        if (section == row.section) {
            if (key == row.key) {
                return &row;
            }
            keys.emplace_back(row.key);
        }
    }
    if (!keys.empty()) {
        std::string meant = did_you_mean(key, keys);
        for (const SettingRow& row : setting_table()) {
            if (meant.empty() && key == row.key) {
                meant = std::string("[") + row.section + "] " + row.key;
            }
        }
        return bad(place, "unknown key '" + key + "' in [" + section + "]", meant);
    }
    std::vector<std::string> sections{"service NAME"};
    for (const SettingRow& row : setting_table()) {
        if (sections.back() != row.section) {
            sections.emplace_back(row.section);
        }
    }
    return bad(place, "unknown section [" + section + "]", did_you_mean(section, sections));
}

// The words of a form such as "require, soft or off", for "did you mean".
std::vector<std::string> words_of(std::string_view form) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : std::string(form) + " ") {
        if (c != ' ' && c != ',') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    return words;
}

Status check_value(const Assignment& a) {
    Settings scratch;
    if (a.row->set(scratch, a.value)) {
        return {};
    }
    return bad(a.place, std::string(a.row->key) + " = " + a.value + ": not " + a.row->form,
               did_you_mean(a.value, words_of(a.row->form)));
}

// `section.key` of a [service NAME] section.
Result<Assignment> service_assignment(const IniEntry& entry, const std::string& place) {
    const std::size_t dot = entry.key.find('.');
    if (dot == std::string::npos) {
        return bad(place, "in [" + entry.section + "] a key is written section.key", "");
    }
    auto row = find_row(entry.key.substr(0, dot), entry.key.substr(dot + 1), place);
    if (!row) {
        return std::move(row).error();
    }
    return Assignment{*row, entry.value, place, entry.section.substr(kServicePrefix.size())};
}

Status check_header(const IniEntry& entry, const std::string& place) {
    if (entry.section.rfind(kServicePrefix, 0) == 0) {
        const std::string name = entry.section.substr(kServicePrefix.size());
        if (name.find_first_of(" /") != std::string::npos) {
            return bad(place, "[" + entry.section + "]: one name of a PAM service", "");
        }
        return {};
    }
    for (const SettingRow& row : setting_table()) {
        if (entry.section == row.section) {
            return {};
        }
    }
    return std::move(find_row(entry.section, "", place)).error();
}

Status read_assignments(const std::string& root, const std::string& file, ConfigTrust trust,
                        std::vector<Assignment>& out) {
    const std::string path = root + file;
    if (trust == ConfigTrust::RootOwned && root.empty()) {
        if (Status s = check_folder(folder_of(path)); !s) {
            return s.code() == ErrorCode::FileUnreadable ? Error(ErrorCode::FileNotFound, path)
                                                         : std::move(s).error();
        }
    }
    const Ownership owner = trust == ConfigTrust::RootOwned ? Ownership::RootOnly : Ownership::Any;
    const auto content = read_rooted(root, file, kMaxConfigFile, owner);
    if (!content) {
        return content.error();
    }
    const auto entries = parse_ini(ByteView(*content).text(), path);
    if (!entries) {
        return entries.error();
    }
    for (const IniEntry& entry : *entries) {
        const std::string place = path + ":" + std::to_string(entry.line);
        if (entry.key.empty()) {
            if (Status s = check_header(entry, place); !s) {
                return s;
            }
            continue;
        }
        Result<Assignment> assignment = ErrorCode::Internal;
        if (entry.section.rfind(kServicePrefix, 0) == 0) {
            assignment = service_assignment(entry, place);
        } else if (auto row = find_row(entry.section, entry.key, place); row) {
            assignment = Assignment{*row, entry.value, place, ""};
        } else {
            assignment = std::move(row).error();
        }
        if (!assignment) {
            return std::move(assignment).error();
        }
        if (Status s = check_value(*assignment); !s) {
            return s;
        }
        out.push_back(std::move(*assignment));
    }
    return {};
}

Status read_drop_ins(const std::string& root, const std::string& folder, ConfigTrust trust,
                     std::vector<Assignment>& out) {
    const auto opened = RootedFolder::open(root, folder);
    const auto names =
        opened ? opened->list(".conf") : Result<std::vector<std::string>>(opened.error());
    if (!names) {
        return names.code() == ErrorCode::FileNotFound ? Status() : Status(names.error());
    }
    for (const std::string& name : *names) {
        if (name.front() == '.') {
            continue;  // an editor's or a package manager's temporary file
        }
        std::string path = folder;
        path.append("/").append(name);
        if (Status s = read_assignments(root, path, trust, out); !s) {
            return s;
        }
    }
    return {};
}

}  // namespace

Result<Settings> load_settings(const std::string& file, const std::string& service,
                               ConfigTrust trust, const std::string& root) {
    const bool is_default = file == kDefaultConfigFile;
    std::vector<Assignment> all;
    Status main = read_assignments(root, file, trust, all);
    if (!main && !(is_default && main.code() == ErrorCode::FileNotFound)) {
        return std::move(main).error();
    }
    if (is_default) {
        if (Status s = read_drop_ins(root, file + ".d", trust, all); !s) {
            return std::move(s).error();
        }
    }
    Settings settings;
    for (const bool of_service : {false, true}) {
        for (const Assignment& a : all) {
            const bool applies =
                of_service ? !a.service.empty() && a.service == service : a.service.empty();
            if (applies && !a.row->set(settings, a.value)) {
                return Error(ErrorCode::Internal, a.place);
            }
        }
    }
    return settings;
}

}  // namespace piv
