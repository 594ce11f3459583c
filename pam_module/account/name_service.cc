#include "pam_module/account/name_service.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>

#include "pam_module/account/names.h"
#include "pki/base/file.h"

namespace piv {

namespace {

constexpr std::size_t kMaxRecord = 1U << 20U;

// Calls a get...nam_r function with a growing buffer; `use` sees the record while it is valid.
template <typename Record, typename Get, typename Use>
bool with_record(Get get, const std::string& name, Use use) {
    for (std::size_t size = 1024; size <= kMaxRecord; size *= 4) {
        std::vector<char> buffer(size);
        Record record{};
        Record* found = nullptr;
        const int error = get(name.c_str(), &record, buffer.data(), buffer.size(), &found);
        if (error == ERANGE) {
            continue;
        }
        if (error == 0 && found != nullptr) {
            use(*found);
            return true;
        }
        return false;
    }
    return false;
}

}  // namespace

NameService system_name_service() {
    return [](const std::string& name) -> std::optional<NamedAccount> {
        std::optional<NamedAccount> account;
        (void)with_record<passwd>(getpwnam_r, name, [&account](const passwd& record) {
            if (record.pw_name != nullptr && is_account_name(record.pw_name)) {
                account = NamedAccount{record.pw_name, record.pw_uid};
            }
        });
        return account;
    };
}

Result<bool> is_group_member(const std::string& user, const std::string& group) {
    gid_t wanted = 0;
    if (!with_record<struct group>(getgrnam_r, group,
                                   [&wanted](const struct group& g) { wanted = g.gr_gid; })) {
        return Error(ErrorCode::BadConfig, "there is no group '" + group + "'");
    }
    std::string name;
    gid_t primary = 0;
    if (!with_record<passwd>(getpwnam_r, user, [&](const passwd& record) {
            name = record.pw_name;
            primary = record.pw_gid;
        })) {
        return Error(ErrorCode::UserUnknown, "'" + user + "'");
    }
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    while (getgrouplist(name.c_str(), primary, groups.data(), &count) < 0) {
        if (count <= 0 || static_cast<std::size_t>(count) > (1U << 16U)) {
            return Error(ErrorCode::Internal, "the groups of '" + user + "' cannot be had");
        }
        groups.resize(std::max(groups.size() * 2, static_cast<std::size_t>(count)));
        count = static_cast<int>(groups.size());
    }
    groups.resize(static_cast<std::size_t>(count));
    return std::find(groups.begin(), groups.end(), wanted) != groups.end();
}

uid_t read_uid_min(const std::string& root) {
    constexpr uid_t kUsual = 1000;
    const auto content =
        read_file_checked(root + "/etc/login.defs", 1U << 20U, Ownership::RootOnly);
    if (!content) {
        return kUsual;
    }
    std::string_view text = ByteView(*content).text();
    uid_t found = kUsual;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        constexpr std::string_view kKey = "UID_MIN";
        if (line.substr(0, kKey.size()) != kKey || line.size() == kKey.size() ||
            (line[kKey.size()] != ' ' && line[kKey.size()] != '\t')) {
            continue;
        }
        line.remove_prefix(kKey.size());
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        unsigned long value = 0;
        std::size_t digits = 0;
        while (digits < line.size() && digits < 9 && line[digits] >= '0' && line[digits] <= '9') {
            value = value * 10 + static_cast<unsigned long>(line[digits++] - '0');
        }
        if (digits > 0) {
            found = static_cast<uid_t>(value);
        }
    }
    return found;
}

}  // namespace piv
