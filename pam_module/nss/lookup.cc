#include "pam_module/nss/lookup.h"

#include <errno.h>
#include <string.h>

#include "pam_module/nss/database.h"
#include "pam_module/nss/local_files.h"

namespace piv::nss {

namespace {

enum nss_status say(enum nss_status status, int error, int* out) noexcept {
    *out = error;
    return status;
}

enum nss_status not_found(int* error) noexcept {
    return say(NSS_STATUS_NOTFOUND, ENOENT, error);
}

// What nss(5) wants for a buffer that is too small: the caller comes again with a larger one.
enum nss_status too_small(int* error) noexcept {
    return say(NSS_STATUS_TRYAGAIN, ERANGE, error);
}

enum nss_status failed(Found found, int* error) noexcept {
    switch (found) {
        case Found::Again:
            // ERANGE would send the caller round for ever.
            return say(NSS_STATUS_TRYAGAIN, errno == ERANGE || errno == 0 ? EIO : errno, error);
        case Found::Damaged:
            return say(NSS_STATUS_UNAVAIL, errno == ERANGE || errno == 0 ? EINVAL : errno, error);
        case Found::Yes:
        case Found::No:
            break;
    }
    return not_found(error);
}

/// Hands out the caller's buffer piece by piece.
class Writer {
  public:
    explicit Writer(const Out& out) noexcept : next_(out.buffer), left_(out.size) {}
    // A copy of the text with its NUL; nullptr (and from then on always) when it does not fit.
    char* text(const char* from, std::size_t length) noexcept {
        char* const to = take(length + 1);
        if (to != nullptr) {
            memcpy(to, from, length);
            to[length] = '\0';
        }
        return to;
    }
    char** empty_list() noexcept {
        const std::size_t past = reinterpret_cast<std::uintptr_t>(next_) % alignof(char*);
        if (past != 0 && take(alignof(char*) - past) == nullptr) {
            return nullptr;
        }
        void* const to = take(sizeof(char*));
        if (to != nullptr) {
            *static_cast<char**>(to) = nullptr;
        }
        return static_cast<char**>(to);
    }
    [[nodiscard]] bool full() const noexcept { return full_; }

  private:
    char* take(std::size_t size) noexcept {
        if (full_ || next_ == nullptr || size > left_) {
            full_ = true;
            return nullptr;
        }
        char* const taken = next_;
        next_ += size;
        left_ -= size;
        return taken;
    }
    char* next_;
    std::size_t left_;
    bool full_ = false;
};

enum nss_status fill(const Record& r, struct passwd* result, const Out& out) noexcept {
    Writer writer(out);
    result->pw_name = writer.text(r.text[0], r.length[0]);
    result->pw_passwd = writer.text("x", 1);
    result->pw_uid = r.uid;
    result->pw_gid = r.gid;
    result->pw_gecos = writer.text(r.text[1], r.length[1]);
    result->pw_dir = writer.text(r.text[2], r.length[2]);
    result->pw_shell = writer.text(r.text[3], r.length[3]);
    return writer.full() ? too_small(out.error) : NSS_STATUS_SUCCESS;
}

enum nss_status fill(const Record& r, struct group* result, const Out& out) noexcept {
    Writer writer(out);
    result->gr_mem = writer.empty_list();
    result->gr_name = writer.text(r.text[0], r.length[0]);
    result->gr_passwd = writer.text("x", 1);
    result->gr_gid = r.gid;
    return writer.full() ? too_small(out.error) : NSS_STATUS_SUCCESS;
}

enum nss_status fill(const Record& r, struct spwd* result, const Out& out) noexcept {
    Writer writer(out);
    result->sp_namp = writer.text(r.text[0], r.length[0]);
    result->sp_pwdp = writer.text("!*", 2);
    result->sp_lstchg = result->sp_min = result->sp_max = -1;
    result->sp_warn = result->sp_inact = result->sp_expire = -1;
    result->sp_flag = ~0UL;
    return writer.full() ? too_small(out.error) : NSS_STATUS_SUCCESS;
}

/// What a name stands for: a record of ours, or a name of the machine's own files.
struct Target {
    Found found = Found::No;
    bool ours = false;
    const char* local = nullptr;  // points into the record or into the caller's name
    std::size_t local_size = 0;
};

Target resolve(const Database& db, const char* name, RecordBuffer& buffer,
               Record& record) noexcept {
    Target target;
    const std::size_t size = strlen(name);
    if (size == 0 || size > kMaxName) {
        return target;
    }
    target.found = db.by_name(name, size, buffer, record);
    if (target.found == Found::Yes && record.type == RecordType::Alias) {
        target.local = record.text[1];
        target.local_size = record.length[1];
    } else if (target.found == Found::No) {
        target.found = db.local_part(name, size, target.local, target.local_size);
    } else {
        target.ours = target.found == Found::Yes;
    }
    return target;
}

// An alias of one of our own accounts; Found::No: it is one of the machine's.
Found alias_of_ours(const Database& db, Target& target, RecordBuffer& buffer, Record& record,
                    char (&name)[kMaxName + 1]) noexcept {
    if (target.local_size > kMaxName) {
        return Found::Damaged;
    }
    memcpy(name, target.local, target.local_size);  // it may point into the buffer
    name[target.local_size] = '\0';
    target.local = name;
    const Found found = db.by_name(name, target.local_size, buffer, record);
    if (found == Found::Yes && record.type == RecordType::Alias) {
        return Found::No;  // an alias never leads to an alias
    }
    return found;
}

bool parse_passwd(char* line, struct passwd* result) noexcept {
    char* f[7];
    unsigned long uid = 0;
    unsigned long gid = 0;
    if (!split_fields(line, f, 7) || !parse_number(f[2], 0xFFFFFFFEUL, uid) ||
        !parse_number(f[3], 0xFFFFFFFEUL, gid) || *f[5] == '\0') {
        return false;
    }
    result->pw_name = f[0];
    result->pw_passwd = f[1];
    result->pw_uid = static_cast<uid_t>(uid);
    result->pw_gid = static_cast<gid_t>(gid);
    result->pw_gecos = f[4];
    result->pw_dir = f[5];
    result->pw_shell = f[6];
    return true;
}

enum nss_status line_status(Line line, int* error) noexcept {
    switch (line) {
        case Line::TooSmall:
            return too_small(error);
        case Line::Failed:
            return say(errno == EACCES ? NSS_STATUS_UNAVAIL : NSS_STATUS_TRYAGAIN,
                       errno == ERANGE || errno == 0 ? EIO : errno, error);
        case Line::Found:
            return NSS_STATUS_SUCCESS;
        case Line::Absent:
            break;
    }
    return not_found(error);
}

// The local account `name`; system accounts (below UID_MIN) have no aliases.
enum nss_status local_passwd(const Paths& paths, const Target& target, std::uint32_t uid_min,
                             struct passwd* result, const Out& out) noexcept {
    std::size_t used = 0;
    const Line line =
        find_line(paths.passwd, target.local, target.local_size, out.buffer, out.size, used);
    if (line != Line::Found) {
        return line_status(line, out.error);
    }
    if (!parse_passwd(out.buffer, result) || result->pw_uid < uid_min || result->pw_uid == 65534) {
        return not_found(out.error);
    }
    return NSS_STATUS_SUCCESS;
}

// shadow(5): an empty number is -1.
bool parse_day(const char* text, long& out) noexcept {
    unsigned long value = 0;
    if (*text == '\0') {
        out = -1;
        return true;
    }
    if (!parse_number(text, 0x7FFFFFFFUL, value)) {
        return false;
    }
    out = static_cast<long>(value);
    return true;
}

enum nss_status local_shadow(const Paths& paths, const Target& target, struct spwd* result,
                             const Out& out) noexcept {
    std::size_t used = 0;
    const Line line =
        find_line(paths.shadow, target.local, target.local_size, out.buffer, out.size, used);
    if (line != Line::Found) {
        return line_status(line, out.error);
    }
    char* f[9];
    if (!split_fields(out.buffer, f, 9) || !parse_day(f[2], result->sp_lstchg) ||
        !parse_day(f[3], result->sp_min) || !parse_day(f[4], result->sp_max) ||
        !parse_day(f[5], result->sp_warn) || !parse_day(f[6], result->sp_inact) ||
        !parse_day(f[7], result->sp_expire)) {
        return not_found(out.error);
    }
    result->sp_namp = f[0];
    result->sp_pwdp = f[1];
    result->sp_flag = ~0UL;
    return NSS_STATUS_SUCCESS;
}

bool is_system(const Paths& paths, const Target& target, std::uint32_t uid_min) noexcept {
    char line[2048];
    struct passwd entry;
    int error = 0;
    return local_passwd(paths, target, uid_min, &entry, {line, sizeof line, &error}) !=
           NSS_STATUS_SUCCESS;
}

template <typename Entry>
enum nss_status by_index(const Paths& paths, std::uint32_t index, Entry* result,
                         const Out& out) noexcept {
    Database db;
    RecordBuffer buffer;
    Record record;
    Found found = db.open(paths.database);
    if (found == Found::Yes) {
        found = db.at(index, buffer, record);
    }
    return found == Found::Yes ? fill(record, result, out) : failed(found, out.error);
}

template <typename Entry>
enum nss_status by_id(const Paths& paths, std::uint32_t id, bool need_group, Entry* result,
                      const Out& out) noexcept {
    Database db;
    RecordBuffer buffer;
    Record record;
    Found found = db.open(paths.database);
    if (found == Found::Yes) {
        found = db.by_uid(id, buffer, record);
    }
    if (found != Found::Yes) {
        return failed(found, out.error);
    }
    return need_group && record.gid != id ? not_found(out.error) : fill(record, result, out);
}

}  // namespace

enum nss_status passwd_by_name(const Paths& paths, const char* name, struct passwd* result,
                               Out out) noexcept {
    Database db;
    RecordBuffer buffer;
    Record record;
    const Found opened = db.open(paths.database);
    if (opened != Found::Yes) {
        return failed(opened, out.error);
    }
    Target target = resolve(db, name, buffer, record);
    if (target.found != Found::Yes) {
        return failed(target.found, out.error);
    }
    if (!target.ours) {
        char local[kMaxName + 1];
        const Found found = alias_of_ours(db, target, buffer, record, local);
        if (found == Found::No) {
            return local_passwd(paths, target, db.uid_min(), result, out);
        }
        if (found != Found::Yes) {
            return failed(found, out.error);
        }
    }
    return fill(record, result, out);
}

enum nss_status passwd_by_uid(const Paths& paths, uid_t uid, struct passwd* result,
                              Out out) noexcept {
    return by_id(paths, uid, false, result, out);
}

enum nss_status passwd_at(const Paths& paths, std::uint32_t index, struct passwd* result,
                          Out out) noexcept {
    return by_index(paths, index, result, out);
}

enum nss_status group_by_name(const Paths& paths, const char* name, struct group* result,
                              Out out) noexcept {
    Database db;
    RecordBuffer buffer;
    Record record;
    const std::size_t size = strlen(name);
    Found found = size == 0 || size > kMaxName ? Found::No : db.open(paths.database);
    if (found == Found::Yes) {
        found = db.by_name(name, size, buffer, record);
    }
    if (found != Found::Yes) {
        return failed(found, out.error);
    }
    if (record.type != RecordType::Account || record.gid != record.uid) {
        return not_found(out.error);
    }
    return fill(record, result, out);
}

enum nss_status group_by_gid(const Paths& paths, gid_t gid, struct group* result,
                             Out out) noexcept {
    return by_id(paths, gid, true, result, out);
}

enum nss_status group_at(const Paths& paths, std::uint32_t index, struct group* result,
                         Out out) noexcept {
    const enum nss_status status = by_index(paths, index, result, out);
    if (status != NSS_STATUS_SUCCESS) {
        return status;
    }
    struct passwd entry;
    char line[kMaxRecord];
    int error = 0;
    if (by_index(paths, index, &entry, {line, sizeof line, &error}) != NSS_STATUS_SUCCESS) {
        return not_found(out.error);
    }
    return entry.pw_uid == entry.pw_gid ? NSS_STATUS_SUCCESS : NSS_STATUS_RETURN;
}

enum nss_status shadow_by_name(const Paths& paths, const char* name, struct spwd* result,
                               Out out) noexcept {
    Database db;
    RecordBuffer buffer;
    Record record;
    const Found opened = db.open(paths.database);
    if (opened != Found::Yes) {
        return failed(opened, out.error);
    }
    Target target = resolve(db, name, buffer, record);
    if (target.found != Found::Yes) {
        return failed(target.found, out.error);
    }
    if (!target.ours) {
        char local[kMaxName + 1];
        const Found found = alias_of_ours(db, target, buffer, record, local);
        if (found == Found::No) {
            return is_system(paths, target, db.uid_min())
                       ? not_found(out.error)
                       : local_shadow(paths, target, result, out);
        }
        if (found != Found::Yes) {
            return failed(found, out.error);
        }
    }
    return fill(record, result, out);
}

enum nss_status shadow_at(const Paths& paths, std::uint32_t index, struct spwd* result,
                          Out out) noexcept {
    return by_index(paths, index, result, out);
}

enum nss_status is_account(const Paths& paths, const char* name, int* error) noexcept {
    Database db;
    RecordBuffer buffer;
    Record record;
    Found found = db.open(paths.database);
    if (found == Found::Yes) {
        found = resolve(db, name, buffer, record).found;
    }
    return found == Found::Yes ? NSS_STATUS_SUCCESS : failed(found, error);
}

}  // namespace piv::nss
