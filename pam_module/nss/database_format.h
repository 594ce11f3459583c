// The compiled account map, /var/lib/piv-login/accounts.db: an immutable file that piv-accounts
// writes and the NSS module reads. Replaced by rename, never changed in place. All numbers are
// little-endian; offsets count from the start of the file.
//
//   header     kHeaderSize octets, see Header
//   order      u32 offset of each account's record, by uid
//   names      hash table of slots {u32 hash, u32 offset of a record or 0}, open addressing
//   ids        the same by uid
//   domains    {u8 length, DNS name in lower case, u8 length, NetBIOS name} one after the other
//   records    see RecordType
#pragma once

#include <cstddef>
#include <cstdint>

namespace piv::nss {

constexpr char kMagic[9] = "PIVACCT1";
constexpr std::size_t kHeaderSize = 64;
constexpr std::size_t kSlotSize = 8;
constexpr std::uint32_t kSlotGroup =
    8;  // slots read at once; tables repeat their first 7 at the end
constexpr std::size_t kRecordHeader = 20;
constexpr std::size_t kMaxRecord = 4096;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxDomains = 4096;
constexpr std::uint32_t kMinSlots = 16;

struct Header {
    std::uint32_t file_size;
    std::uint32_t record_count;
    std::uint32_t order_offset;
    std::uint32_t name_slots;  // a power of two
    std::uint32_t name_offset;
    std::uint32_t id_slots;  // a power of two
    std::uint32_t id_offset;
    std::uint32_t domain_offset;
    std::uint32_t domain_size;
    std::uint32_t uid_min;   // accounts of passwd(5) below it have no aliases
    std::uint64_t checksum;  // fnv1a64 of everything after the header
};
constexpr std::size_t kHeaderFields = 10;  // the u32 ones, from octet 8

/// u8 type, u8 zero, u16 size of all of it, u32 uid, u32 gid, u16 lengths[4], then the texts, each
/// with a NUL: name, gecos, home, shell of an account; name and target name of an alias.
enum class RecordType : std::uint8_t { Account = 1, Alias = 2 };

inline std::uint32_t load32(const unsigned char* p) noexcept {
    return static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8 |
           static_cast<std::uint32_t>(p[2]) << 16 | static_cast<std::uint32_t>(p[3]) << 24;
}
inline std::uint16_t load16(const unsigned char* p) noexcept {
    return static_cast<std::uint16_t>(p[0] | p[1] << 8);
}

/// FNV-1a, 64 bits.
inline std::uint64_t fnv1a64(const void* data, std::size_t size) noexcept {
    const auto* p = static_cast<const unsigned char*>(data);
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t i = 0; i < size; ++i) {
        hash = (hash ^ p[i]) * 0x100000001b3ULL;
    }
    return hash;
}
inline std::uint32_t name_hash(const char* name, std::size_t size) noexcept {
    const std::uint64_t hash = fnv1a64(name, size);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}
inline std::uint32_t id_hash(std::uint32_t id) noexcept {
    const std::uint32_t mixed = id * 0x9E3779B1U;
    return mixed ^ (mixed >> 15);
}

}  // namespace piv::nss
