#include "pam_module/nss/database.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace piv::nss {

namespace {

// All of `size`, unless the file ends before. -1 with errno.
ssize_t read_at(int fd, void* data, std::size_t size, std::uint32_t offset) noexcept {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = pread(fd, static_cast<unsigned char*>(data) + done, size - done,
                                static_cast<off_t>(offset + done));
        if (n == 0) {
            break;
        }
        if (n > 0) {
            done += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return static_cast<ssize_t>(done);
}

bool is_table(std::uint32_t slots, std::uint32_t offset, std::uint32_t file_size) noexcept {
    const std::uint64_t end =
        offset + (static_cast<std::uint64_t>(slots) + kSlotGroup - 1) * kSlotSize;
    return slots >= kMinSlots && (slots & (slots - 1)) == 0 && offset >= kHeaderSize &&
           end <= file_size;
}

bool is_header(const Header& h) noexcept {
    const std::uint64_t order_end = h.order_offset + static_cast<std::uint64_t>(h.record_count) * 4;
    const std::uint64_t domain_end = static_cast<std::uint64_t>(h.domain_offset) + h.domain_size;
    return is_table(h.name_slots, h.name_offset, h.file_size) &&
           is_table(h.id_slots, h.id_offset, h.file_size) && h.order_offset >= kHeaderSize &&
           order_end <= h.file_size && domain_end <= h.file_size && h.domain_size <= kMaxDomains;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(const char* a, const unsigned char* b, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) {
        if (lower(a[i]) != lower(static_cast<char>(b[i]))) {
            return false;
        }
    }
    return true;
}

}  // namespace

Found Database::open(const char* path) noexcept {
    fd_.reset(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd_.valid()) {
        return errno == ENOENT || errno == ENOTDIR ? Found::No
               : errno == EACCES || errno == ELOOP ? Found::Damaged
                                                   : Found::Again;
    }
    struct stat st;
    if (fstat(fd_.get(), &st) != 0) {
        return Found::Again;
    }
    // Whoever can write this file names the accounts of the machine.
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022U) != 0) {
        errno = EPERM;
        return Found::Damaged;
    }
    unsigned char raw[kHeaderSize];
    const ssize_t got = read_at(fd_.get(), raw, sizeof raw, 0);
    if (got < 0) {
        return Found::Again;
    }
    std::uint32_t* const fields[kHeaderFields] = {
        &header_.file_size,   &header_.record_count, &header_.order_offset, &header_.name_slots,
        &header_.name_offset, &header_.id_slots,     &header_.id_offset,    &header_.domain_offset,
        &header_.domain_size, &header_.uid_min};
    for (std::size_t i = 0; i < kHeaderFields; ++i) {
        *fields[i] = load32(raw + 8 + 4 * i);
    }
    if (static_cast<std::size_t>(got) != sizeof raw || memcmp(raw, kMagic, 8) != 0 ||
        st.st_size != static_cast<off_t>(header_.file_size) || !is_header(header_)) {
        errno = EINVAL;
        return Found::Damaged;
    }
    return Found::Yes;
}

Found Database::read_record(std::uint32_t offset, RecordBuffer& buffer,
                            Record& out) const noexcept {
    constexpr std::size_t kUsual = 256;  // most records fit; the rest is fetched when there is more
    ssize_t got = read_at(fd_.get(), buffer.bytes, kUsual, offset);
    const unsigned char* p = buffer.bytes;
    if (offset < kHeaderSize || (got >= 0 && static_cast<std::size_t>(got) < kRecordHeader)) {
        errno = EINVAL;
        return Found::Damaged;
    }
    const std::size_t size = load16(p + 2);
    if (got > 0 && size > kUsual && size <= sizeof buffer.bytes) {
        got = read_at(fd_.get(), buffer.bytes, size, offset);
    }
    if (got < 0) {
        return Found::Again;
    }
    errno = EINVAL;
    if (size > static_cast<std::size_t>(got) || load16(p + 2) != size || (p[0] != 1 && p[0] != 2) ||
        p[1] != 0) {
        return Found::Damaged;
    }
    out.type = static_cast<RecordType>(p[0]);
    out.uid = load32(p + 4);
    out.gid = load32(p + 8);
    std::size_t used = kRecordHeader;
    for (std::size_t i = 0; i < 4; ++i) {
        out.length[i] = load16(p + 12 + 2 * i);
        const std::size_t end = used + out.length[i];
        if (end >= size || p[end] != 0 || memchr(p + used, 0, out.length[i]) != nullptr) {
            return Found::Damaged;
        }
        out.text[i] = reinterpret_cast<const char*>(p + used);
        used = end + 1;
    }
    return used == size && out.length[0] != 0 ? Found::Yes : Found::Damaged;
}

template <typename Match>
Found Database::find(Table table, std::uint32_t hash, RecordBuffer& buffer, Record& out,
                     Match match) const noexcept {
    const std::uint32_t mask = table.slots - 1;
    for (std::uint32_t probe = 0; probe < table.slots; probe += kSlotGroup) {
        unsigned char group[kSlotGroup * kSlotSize];
        const std::uint32_t first = (hash + probe) & mask;
        const ssize_t got = read_at(fd_.get(), group, sizeof group,
                                    table.offset + first * static_cast<std::uint32_t>(kSlotSize));
        if (got != static_cast<ssize_t>(sizeof group)) {
            errno = got < 0 ? errno : EINVAL;
            return got < 0 ? Found::Again : Found::Damaged;
        }
        for (std::uint32_t i = 0; i < kSlotGroup; ++i) {
            const std::uint32_t offset = load32(group + i * kSlotSize + 4);
            if (offset == 0) {
                return Found::No;
            }
            if (load32(group + i * kSlotSize) != hash) {
                continue;
            }
            const Found read = read_record(offset, buffer, out);
            if (read != Found::Yes || match(out)) {
                return read;
            }
        }
    }
    return Found::No;
}

Found Database::by_name(const char* name, std::size_t size, RecordBuffer& buffer,
                        Record& out) const noexcept {
    return find({header_.name_offset, header_.name_slots}, name_hash(name, size), buffer, out,
                [name, size](const Record& r) {
                    return r.length[0] == size && memcmp(r.text[0], name, size) == 0;
                });
}

Found Database::by_uid(std::uint32_t uid, RecordBuffer& buffer, Record& out) const noexcept {
    return find({header_.id_offset, header_.id_slots}, id_hash(uid), buffer, out,
                [uid](const Record& r) { return r.type == RecordType::Account && r.uid == uid; });
}

Found Database::at(std::uint32_t index, RecordBuffer& buffer, Record& out) const noexcept {
    if (index >= header_.record_count) {
        return Found::No;
    }
    unsigned char raw[4];
    const ssize_t got = read_at(fd_.get(), raw, sizeof raw, header_.order_offset + 4 * index);
    if (got != static_cast<ssize_t>(sizeof raw)) {
        errno = got < 0 ? errno : EINVAL;
        return got < 0 ? Found::Again : Found::Damaged;
    }
    return read_record(load32(raw), buffer, out);
}

Found Database::local_part(const char* name, std::size_t size, const char*& user,
                           std::size_t& user_size) const noexcept {
    const auto* at = static_cast<const char*>(memchr(name, '@', size));
    const auto* slash = static_cast<const char*>(memchr(name, '\\', size));
    if ((at == nullptr) == (slash == nullptr)) {
        return Found::No;
    }
    const char* const mark = at != nullptr ? at : slash;
    const char* const domain = at != nullptr ? at + 1 : name;
    const auto domain_size =
        static_cast<std::size_t>(at != nullptr ? name + size - domain : mark - name);
    user = at != nullptr ? name : mark + 1;
    user_size = size - domain_size - 1;
    if (user_size == 0 || domain_size == 0 || memchr(user, '@', user_size) != nullptr ||
        memchr(user, '\\', user_size) != nullptr || memchr(user, ':', user_size) != nullptr ||
        memchr(domain, '@', domain_size) != nullptr) {
        return Found::No;
    }
    unsigned char raw[kMaxDomains];
    const ssize_t got = read_at(fd_.get(), raw, header_.domain_size, header_.domain_offset);
    if (got != static_cast<ssize_t>(header_.domain_size)) {
        errno = got < 0 ? errno : EINVAL;
        return got < 0 ? Found::Again : Found::Damaged;
    }
    // Pairs of counted texts: even ones are DNS names, odd ones NetBIOS names.
    bool dns = true;
    for (std::size_t i = 0; i < header_.domain_size; dns = !dns) {
        const std::size_t length = raw[i];
        if (i + 1 + length > header_.domain_size) {
            errno = EINVAL;
            return Found::Damaged;
        }
        if (dns == (at != nullptr) && length == domain_size &&
            equal_ignoring_case(domain, raw + i + 1, length)) {
            return Found::Yes;
        }
        i += 1 + length;
    }
    return Found::No;
}

}  // namespace piv::nss
