#include "pam_module/card/certificate_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "pam_module/card/tlv.h"
#include "pki/base/file.h"

namespace piv {

namespace {

constexpr char kMagic[] = "PIVCARD1";
constexpr std::size_t kMagicSize = sizeof kMagic - 1;
constexpr std::size_t kMaxEntries = 512;

// FNV-1a: a name for a file. Equality is always decided on the octets themselves.
std::string name_part(ByteView bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const std::uint8_t octet : bytes) {
        hash = (hash ^ octet) * 0x100000001b3U;
    }
    char text[24];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    return text;
}

std::string name_of(ByteView atr, ByteView first_part) {
    return name_part(atr) + "-" + name_part(first_part.sub(0, CertificateCache::kKeySize)) +
           ".card";
}

// Makes room by removing the entry that was written first.
void drop_oldest(const std::string& folder, const std::vector<std::string>& names) {
    std::string oldest;
    timespec oldest_time{};
    for (const std::string& name : names) {
        struct stat st {};
        if (lstat((folder + "/" + name).c_str(), &st) != 0) {
            continue;
        }
        if (oldest.empty() || st.st_mtim.tv_sec < oldest_time.tv_sec) {
            oldest = name;
            oldest_time = st.st_mtim;
        }
    }
    if (!oldest.empty()) {
        (void)unlink((folder + "/" + oldest).c_str());
    }
}

std::string select_mark(const std::string& folder, ByteView atr) {
    return folder + "/" + name_part(atr) + ".select";
}

}  // namespace

bool CertificateCache::knows_kind(ByteView atr) const {
    if (folder_.empty()) {
        return false;
    }
    auto names = list_folder(folder_, ".card");
    if (!names) {
        return false;
    }
    const std::string start = name_part(atr) + "-";
    for (const std::string& name : *names) {
        if (name.compare(0, start.size(), start) == 0) {
            return true;
        }
    }
    return false;
}

std::optional<CacheEntry> CertificateCache::find(ByteView atr, ByteView first_part) const {
    if (folder_.empty() || first_part.size() < kKeySize) {
        return std::nullopt;
    }
    CacheEntry entry;
    entry.name = name_of(atr, first_part);
    auto file = read_file(folder_ + "/" + entry.name, kMaxCardObject + kMagicSize + 1);
    if (!file || file->size() <= kMagicSize + 1 ||
        std::memcmp(file->data(), kMagic, kMagicSize) != 0) {
        return std::nullopt;
    }
    const std::uint8_t reference = (*file)[kMagicSize];
    if (reference != static_cast<std::uint8_t>(PinReference::Application) &&
        reference != static_cast<std::uint8_t>(PinReference::Global)) {
        return std::nullopt;
    }
    entry.pin_reference = static_cast<PinReference>(reference);
    const ByteView object = ByteView(*file).sub(kMagicSize + 1);
    if (object.size() < first_part.size() || object.size() != announced_tlv_size(first_part) ||
        object.sub(0, first_part.size()) != first_part) {
        return std::nullopt;
    }
    entry.object = object.copy();
    return entry;
}

bool CertificateCache::keep(ByteView atr, ByteView object, PinReference pin_reference) const {
    if (folder_.empty() || object.size() < kKeySize || object.size() > kMaxCardObject ||
        announced_tlv_size(object) != object.size()) {
        return false;
    }
    auto names = list_folder(folder_, ".card");
    if (!names) {
        return false;
    }
    if (names->size() >= kMaxEntries) {
        drop_oldest(folder_, *names);
    }
    Bytes content(kMagic, kMagic + kMagicSize);
    content.push_back(static_cast<std::uint8_t>(pin_reference));
    content.insert(content.end(), object.begin(), object.end());
    return write_file_atomically(folder_ + "/" + name_of(atr, object), content, 0600).ok();
}

void CertificateCache::forget(const std::string& name) const noexcept {
    if (!folder_.empty() && !name.empty() && name.find('/') == std::string::npos) {
        (void)unlink((folder_ + "/" + name).c_str());
    }
}

bool CertificateCache::needs_select(ByteView atr) const {
    return folder_.empty() || access(select_mark(folder_, atr).c_str(), F_OK) == 0;
}

// Only for kinds that have an entry: there are not more of them than entries were ever kept.
void CertificateCache::keep_needs_select(ByteView atr) const {
    if (!folder_.empty()) {
        (void)write_file_atomically(select_mark(folder_, atr), {}, 0600);
    }
}

}  // namespace piv
