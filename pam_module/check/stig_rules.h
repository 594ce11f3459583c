// DISA's STIG rules about smart card login, by operating system.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace piv {

enum class StigTopic {
    TrustAnchor,
    Packages,
    PcscdSocket,
    CertificateStatus,
    RevocationCache,
    PivAccepted,
    CardLogin,
    IdentityMap,
    LockOnRemoval,
    CachedCredentials,
    KeyProtection,
};

/// The guides, in the order of StigRow::ids.
struct StigGuide {
    const char* name;   // for --stig NAME
    const char* title;  // with the release whose ids these are
};
inline constexpr std::size_t kStigGuides = 6;
extern const std::array<StigGuide, kStigGuides> kStigGuideTable;

struct StigRow {
    StigTopic topic;
    const char* requirement;
    /// "RULE V-NUMBER", several with commas; empty: the guide has none on this topic.
    std::array<const char*, kStigGuides> ids;
};
inline constexpr std::size_t kStigTopics = 11;
extern const std::array<StigRow, kStigTopics> kStigRows;

/// The guide for a system by the text of its os-release(5); `name` (may be empty) overrides it.
/// Nothing: there is none.
std::optional<std::size_t> stig_guide(std::string_view os_release, std::string_view name);

}  // namespace piv
