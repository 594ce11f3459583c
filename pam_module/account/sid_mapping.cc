#include "pam_module/account/sid_mapping.h"

#include <string>

namespace piv {

namespace {

constexpr std::uint32_t kLower = 200000;
constexpr std::uint32_t kUpper = 2000200000;
constexpr std::uint32_t kRange = 200000;
constexpr std::uint32_t kSlices = (kUpper - kLower) / kRange;
constexpr std::uint32_t kSeed = 0xdeadbeef;

constexpr std::uint32_t rotate(std::uint32_t x, int by) noexcept {
    return (x << by) | (x >> (32 - by));
}

std::uint32_t scramble(std::uint32_t k) noexcept {
    return rotate(k * 0xcc9e2d51U, 15) * 0x1b873593U;
}

// A 32-bit number without sign and leading zeros.
std::optional<std::uint32_t> number(std::string_view text) {
    if (text.empty() || text.size() > 10 || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(value)) : std::nullopt;
}

}  // namespace

std::uint32_t murmurhash3(std::string_view data, std::uint32_t seed) noexcept {
    const auto byte = [&data](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(data[i]));
    };
    std::uint32_t hash = seed;
    std::size_t i = 0;
    for (; i + 4 <= data.size(); i += 4) {
        const std::uint32_t block =
            byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
        hash = rotate(hash ^ scramble(block), 13) * 5 + 0xe6546b64U;
    }
    std::uint32_t tail = 0;
    for (std::size_t k = data.size(); k > i; --k) {
        tail = (tail << 8) | byte(k - 1);
    }
    hash ^= scramble(tail);
    hash ^= static_cast<std::uint32_t>(data.size());
    hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
    hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
    return hash ^ (hash >> 16);
}

std::optional<std::uint32_t> sid_to_id(std::string_view sid) {
    constexpr std::string_view kPrefix = "S-1-5-21-";
    if (sid.substr(0, kPrefix.size()) != kPrefix) {
        return std::nullopt;
    }
    std::string_view rest = sid.substr(kPrefix.size());
    for (int i = 0; i < 3; ++i) {
        const std::size_t dash = rest.find('-');
        if (dash == std::string_view::npos || !number(rest.substr(0, dash))) {
            return std::nullopt;
        }
        rest.remove_prefix(dash + 1);
    }
    const auto rid = number(rest);
    if (!rid) {
        return std::nullopt;
    }
    // RIDs from 200000 up have slices of their own, each hashed from the domain and its first RID.
    const std::string domain(sid.substr(0, sid.size() - rest.size() - 1));
    const auto slice_of = [&domain](std::uint32_t first) {
        const std::string name = first == 0 ? domain : domain + "-" + std::to_string(first);
        return murmurhash3(name, kSeed) % kSlices;
    };
    const std::uint32_t first = *rid - *rid % kRange;
    const std::uint32_t slice = slice_of(first);
    for (std::uint32_t earlier = 0; earlier != first; earlier += kRange) {
        if (slice_of(earlier) == slice) {
            return std::nullopt;  // two people would have one id
        }
    }
    return kLower + slice * kRange + (*rid - first);
}

}  // namespace piv
