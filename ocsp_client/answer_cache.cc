#include "ocsp_client/answer_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "pki/base/fd.h"
#include "pki/base/file.h"

namespace piv {

namespace {

constexpr std::array<std::uint8_t, 8> kMagic{'P', 'I', 'V', 'O', 'C', 'S', 'P', '1'};
constexpr std::size_t kMaxEntry = 256U << 10U;
constexpr char kAnswer[] = ".ocsp";
constexpr char kRevoked[] = ".revoked";
constexpr char kHabits[] = ".responder";
constexpr std::int64_t kHabitsLast = 7L * 86400;  // then the responder is tried anew
constexpr int kHold = 6;                          // CRLReason certificateHold

void append_field(Bytes& out, ByteView field) {
    const auto size = static_cast<std::uint32_t>(field.size());
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        out.push_back(static_cast<std::uint8_t>(size >> shift));
    }
    out.insert(out.end(), field.begin(), field.end());
}

bool take_field(ByteView& rest, ByteView& field) noexcept {
    if (rest.size() < 4) {
        return false;
    }
    const std::size_t size = (std::size_t{rest[0]} << 24U) | (std::size_t{rest[1]} << 16U) |
                             (std::size_t{rest[2]} << 8U) | std::size_t{rest[3]};
    if (size > rest.size() - 4) {
        return false;
    }
    field = rest.sub(4, size);
    rest = rest.sub(4 + size);
    return true;
}

// Without fsync: after a crash a torn entry is refused when it is read, and asked for again.
Status write_replacing(const std::string& path, ByteView content) {
    std::string temporary = path + ".tmp-XXXXXX";
    const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
    bool good = fd.valid() && fchmod(fd.get(), 0644) == 0;
    std::size_t done = 0;
    while (good && done < content.size()) {
        const ssize_t n = ::write(fd.get(), content.data() + done, content.size() - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            good = false;
        }
    }
    if (good && ::rename(temporary.c_str(), path.c_str()) == 0) {
        return {};
    }
    const int error = errno;
    if (fd.valid()) {
        (void)::unlink(temporary.c_str());
    }
    return Error(ErrorCode::WriteFailed, path + ": " + std::strerror(error));
}

// One writer at a time compares and replaces. Readers need no lock.
class WriteLock {
  public:
    explicit WriteLock(const std::string& folder)
        : fd_(open((folder + "/.lock").c_str(),
                   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)) {
        for (int tries = 0; fd_.valid() && !held_ && tries < 40; ++tries) {
            held_ = flock(fd_.get(), LOCK_EX | LOCK_NB) == 0;
            if (!held_) {
                (void)usleep(5000);
            }
        }
    }
    [[nodiscard]] bool held() const noexcept { return held_; }

  private:
    UniqueFd fd_;
    bool held_ = false;
};

// The cache itself and the folder of answers in it; what cannot be made shows when it is written.
void make_folder(const std::string& folder) {
    (void)mkdir(folder.substr(0, folder.rfind('/')).c_str(), 0755);
    (void)mkdir(folder.c_str(), 0755);
}

bool exists(const std::string& path) noexcept {
    struct stat st {};
    return lstat(path.c_str(), &st) == 0;
}

bool lasting(const Judgement& judgement) noexcept {
    return judgement.status == CertStatus::Revoked && judgement.reason.value_or(0) != kHold;
}

}  // namespace

Bytes encode_cache_entry(const AnswerCache::Entry& entry) {
    Bytes out(kMagic.begin(), kMagic.end());
    append_field(out, ByteView(std::string_view(entry.url)));
    append_field(out, ByteView(std::string_view(std::to_string(entry.judged_at))));
    append_field(out, entry.certificate);
    append_field(out, entry.issuer);
    append_field(out, entry.response);
    return out;
}

Result<AnswerCache::Entry> decode_cache_entry(ByteView file) {
    ByteView rest = file.sub(kMagic.size());
    std::array<ByteView, 5> fields;
    bool ok = file.sub(0, kMagic.size()) == ByteView(kMagic.data(), kMagic.size());
    for (ByteView& field : fields) {
        ok = ok && take_field(rest, field);
    }
    const auto judged_at =
        ok ? parse_time(fields[1].text()) : Result<UnixTime>(ErrorCode::BadUsage);
    if (!ok || !rest.empty() || !judged_at) {
        return Error(ErrorCode::OcspMalformed, "not a cached answer");
    }
    return AnswerCache::Entry{std::string(fields[0].text()), judged_at.value(), fields[2].copy(),
                              fields[3].copy(), fields[4].copy()};
}

AnswerCache::AnswerCache(std::string folder) : folder_(std::move(folder)) {
    if (!folder_.empty()) {
        folder_ += "/ocsp";
    }
}

std::string AnswerCache::path_of(const CertSubject& subject, const char* suffix) const {
    Bytes key;
    append_field(key, subject.issuer_name);
    append_field(key, subject.issuer_key);
    append_field(key, subject.serial);
    return folder_ + "/" + to_hex(digest(EVP_sha256(), key)) + suffix;
}

std::optional<AnswerCache::Found> AnswerCache::read(const std::string& path,
                                                    const CertSubject& subject,
                                                    JudgeOptions options, bool any_age) const {
    if (folder_.empty()) {
        return std::nullopt;
    }
    auto file = read_file(path, kMaxEntry);
    if (!file) {
        return std::nullopt;
    }
    auto entry = decode_cache_entry(file.value());
    if (!entry) {
        return std::nullopt;
    }
    options.nonce.clear();
    if (any_age) {
        options.now = entry->judged_at;  // it passed then, and its signature holds still
        options.max_age_of_all.reset();
    }
    auto judged = judge_response(entry->response, subject, options);
    if (!judged) {
        return std::nullopt;
    }
    return Found{std::move(entry->response), std::move(judged).value()};
}

std::optional<AnswerCache::Found> AnswerCache::fresh(const CertSubject& subject,
                                                     const JudgeOptions& options) const {
    return read(path_of(subject, kAnswer), subject, options, false);
}

std::optional<AnswerCache::Found> AnswerCache::last_known(const CertSubject& subject,
                                                          const JudgeOptions& options) const {
    return read(path_of(subject, kAnswer), subject, options, true);
}

std::optional<AnswerCache::Found> AnswerCache::lasting_revocation(
    const CertSubject& subject, const JudgeOptions& options) const {
    auto found = read(path_of(subject, kRevoked), subject, options, true);
    if (found && !lasting(found->judgement)) {
        found.reset();
    }
    return found;
}

Status AnswerCache::store(const CertSubject& subject, const std::string& url, ByteView response,
                          const JudgeOptions& options) const {
    if (folder_.empty()) {
        return {};
    }
    const auto judged = judge_response(response, subject, options);
    if (!judged || judged->status == CertStatus::Unknown) {
        return {};
    }
    make_folder(folder_);
    const WriteLock lock(folder_);
    if (!lock.held()) {
        return Error(ErrorCode::WriteFailed, folder_ + ": cannot be locked for writing");
    }
    if (lasting_revocation(subject, options)) {
        return {};
    }
    const char* suffix = lasting(judged.value()) ? kRevoked : kAnswer;
    const auto known = last_known(subject, options);
    if (known && known->judgement.this_update > judged->this_update && suffix == kAnswer) {
        return {};
    }
    const std::string path = path_of(subject, suffix);
    if (!exists(path)) {
        make_room(suffix);
    }
    const Entry entry{url, options.now, subject.certificate.der().copy(),
                      subject.issuer.der().copy(), response.copy()};
    return write_replacing(path, encode_cache_entry(entry));
}

void AnswerCache::make_room(const char* suffix) const {
    const auto names = list_folder(folder_, suffix);
    if (!names || names->size() < kMaxCachedAnswers) {
        return;
    }
    std::vector<std::pair<std::int64_t, std::string>> by_age;
    for (const std::string& name : names.value()) {
        struct stat st {};
        const std::string path = folder_ + "/" + name;
        if (lstat(path.c_str(), &st) == 0) {
            by_age.emplace_back(st.st_mtime, path);
        }
    }
    std::sort(by_age.begin(), by_age.end());
    // One eighth at a time, so that a full cache is not listed on each store.
    const std::size_t surplus =
        std::min(by_age.size(), names->size() - kMaxCachedAnswers + kMaxCachedAnswers / 8);
    for (std::size_t i = 0; i < surplus; ++i) {
        (void)::unlink(by_age[i].second.c_str());
    }
}

ResponderHabits AnswerCache::habits(const std::string& url, UnixTime now) const {
    ResponderHabits habits;
    if (folder_.empty()) {
        return habits;
    }
    const std::string name = to_hex(digest(EVP_sha256(), ByteView(std::string_view(url))));
    const auto file = read_file(folder_ + "/" + name + kHabits, 256);
    if (!file) {
        return habits;
    }
    // PIVRESP1 NONCE GET SHA256 SINCE, each of the first three 0 or 1
    const std::string_view text = ByteView(file.value()).text();
    constexpr std::string_view kStart = "PIVRESP1 ";
    if (text.size() < kStart.size() + 8 || text.substr(0, kStart.size()) != kStart ||
        text.back() != '\n') {
        return habits;
    }
    const std::string_view flags = text.substr(kStart.size(), 6);
    const std::string_view time = text.substr(kStart.size() + 6);
    const auto since = parse_time(time.substr(0, time.size() - 1));
    if (since && since.value() <= now && now - since.value() < kHabitsLast) {
        habits = {flags[0] == '1', flags[2] == '1', flags[4] == '1'};
    }
    return habits;
}

void AnswerCache::remember(const std::string& url, const ResponderHabits& habits,
                           UnixTime now) const {
    if (folder_.empty()) {
        return;
    }
    make_folder(folder_);
    const std::string name = to_hex(digest(EVP_sha256(), ByteView(std::string_view(url))));
    const std::string path = folder_ + "/" + name + kHabits;
    if (!exists(path)) {
        make_room(kHabits);
    }
    char text[64];
    std::snprintf(text, sizeof text, "PIVRESP1 %d %d %d %lld\n", habits.refuses_nonce ? 1 : 0,
                  habits.refuses_get ? 1 : 0, habits.wants_sha256 ? 1 : 0,
                  static_cast<long long>(now));
    (void)write_replacing(path, ByteView(std::string_view(text)));  // best effort
}

std::vector<AnswerCache::Entry> AnswerCache::entries() const {
    std::vector<Entry> all;
    const auto names = folder_.empty() ? Result<std::vector<std::string>>(ErrorCode::FileNotFound)
                                       : list_folder(folder_, kAnswer);
    if (!names) {
        return all;
    }
    for (const std::string& name : names.value()) {
        const auto file = read_file(folder_ + "/" + name, kMaxEntry);
        if (!file) {
            continue;
        }
        auto entry = decode_cache_entry(file.value());
        if (entry) {
            all.push_back(std::move(entry).value());
        }
    }
    return all;
}

}  // namespace piv
