// Reading the compiled account map: opened, read and closed in each lookup, so that nothing is held
// across calls, forks or a replacement of the file. pread, not mmap: a file cut short by somebody
// is then an error and not a SIGBUS in the host, and no page tables are touched.
// No allocation, no lock, no exceptions, no C++ runtime.
#pragma once

#include "pam_module/nss/database_format.h"
#include "pki/base/fd.h"

namespace piv::nss {

enum class Found {
    Yes,
    No,
    Again,    // out of descriptors or memory: errno says
    Damaged,  // not a database, cut short, or not root's
};

/// A view of a record's texts inside the buffer it was read into.
struct Record {
    RecordType type = RecordType::Account;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    const char* text[4] = {nullptr, nullptr, nullptr, nullptr};
    std::size_t length[4] = {0, 0, 0, 0};
};

struct RecordBuffer {
    unsigned char bytes[kMaxRecord];
};

class Database {
  public:
    /// No: there is no such file.
    Found open(const char* path) noexcept;
    Found by_name(const char* name, std::size_t size, RecordBuffer& buffer,
                  Record& out) const noexcept;
    Found by_uid(std::uint32_t uid, RecordBuffer& buffer, Record& out) const noexcept;
    /// The account at `index` in the order of uids. No: past the end.
    Found at(std::uint32_t index, RecordBuffer& buffer, Record& out) const noexcept;
    /// For `user@dns` and `NETBIOS\user` of a configured domain: where in `name` the user stands.
    Found local_part(const char* name, std::size_t size, const char*& user,
                     std::size_t& user_size) const noexcept;
    [[nodiscard]] std::uint32_t uid_min() const noexcept { return header_.uid_min; }

  private:
    struct Table {
        std::uint32_t offset;
        std::uint32_t slots;
    };
    template <typename Match>
    Found find(Table table, std::uint32_t hash, RecordBuffer& buffer, Record& out,
               Match match) const noexcept;
    Found read_record(std::uint32_t offset, RecordBuffer& buffer, Record& out) const noexcept;

    UniqueFd fd_;
    Header header_ = {};
};

}  // namespace piv::nss
