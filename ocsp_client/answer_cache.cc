#include "ocsp_client/answer_cache.h"

#include <array>
#include <cstdio>

#include "ocsp_client/cache_folder.h"

namespace piv {

namespace {

constexpr std::array<std::uint8_t, 8> kMagic{'P', 'I', 'V', 'O', 'C', 'S', 'P', '1'};
constexpr std::size_t kMaxEntry = 256U << 10U;
constexpr char kAnswer[] = ".ocsp";
constexpr char kRevoked[] = ".revoked";
constexpr char kHabits[] = ".responder";
constexpr std::int64_t kHabitsLast = 7L * 86400;  // then the responder is tried anew

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

Status AnswerCache::usable() const {
    if (folder_.empty()) {
        return {};
    }
    const auto folder = CacheFolder::open(folder_, CacheFolder::Missing::Make);
    if (!folder) {
        return folder.error();
    }
    return folder->lock().valid()
               ? Status()
               : Status(Error(ErrorCode::WriteFailed, folder_ + ": cannot be locked for writing"));
}

std::string AnswerCache::name_of(const CertSubject& subject, const char* suffix) {
    Bytes key;
    append_field(key, subject.issuer_name);
    append_field(key, subject.issuer_key);
    append_field(key, subject.serial);
    return to_hex(digest(EVP_sha256(), key)) + suffix;
}

std::optional<AnswerCache::Found> AnswerCache::read(const std::string& name,
                                                    const CertSubject& subject,
                                                    JudgeOptions options, bool any_age) const {
    if (folder_.empty()) {
        return std::nullopt;
    }
    const auto folder = CacheFolder::open(folder_, CacheFolder::Missing::Fail);
    const auto file = folder ? folder->read(name, kMaxEntry) : std::nullopt;
    if (!file) {
        return std::nullopt;
    }
    auto entry = decode_cache_entry(*file);
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
    return read(name_of(subject, kAnswer), subject, options, false);
}

std::optional<AnswerCache::Found> AnswerCache::last_known(const CertSubject& subject,
                                                          const JudgeOptions& options) const {
    return read(name_of(subject, kAnswer), subject, options, true);
}

std::optional<AnswerCache::Found> AnswerCache::lasting_revocation(
    const CertSubject& subject, const JudgeOptions& options) const {
    auto found = read(name_of(subject, kRevoked), subject, options, true);
    if (found && !is_lasting_revocation(found->judgement)) {
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
    const auto folder = CacheFolder::open(folder_, CacheFolder::Missing::Make);
    if (!folder) {
        return folder.error();
    }
    const UniqueFd lock = folder->lock();
    if (!lock.valid()) {
        return Error(ErrorCode::WriteFailed, folder_ + ": cannot be locked for writing");
    }
    if (lasting_revocation(subject, options)) {
        return {};
    }
    const char* suffix = is_lasting_revocation(judged.value()) ? kRevoked : kAnswer;
    const auto known = last_known(subject, options);
    if (known && known->judgement.this_update > judged->this_update && suffix == kAnswer) {
        return {};
    }
    const std::string name = name_of(subject, suffix);
    if (!folder->contains(name)) {
        folder->make_room(suffix, kMaxCachedAnswers);
    }
    const Entry entry{url, options.now, subject.certificate.der().copy(),
                      subject.issuer.der().copy(), response.copy()};
    return folder->replace(name, encode_cache_entry(entry));
}

namespace {

std::string habits_name(const std::string& url) {
    return to_hex(digest(EVP_sha256(), ByteView(std::string_view(url)))) + kHabits;
}

}  // namespace

ResponderHabits AnswerCache::habits(const std::string& url, UnixTime now) const {
    ResponderHabits habits;
    if (folder_.empty()) {
        return habits;
    }
    const auto folder = CacheFolder::open(folder_, CacheFolder::Missing::Fail);
    const auto file = folder ? folder->read(habits_name(url), 256) : std::nullopt;
    if (!file) {
        return habits;
    }
    // PIVRESP1 NONCE GET SHA256 SINCE, each of the first three 0 or 1
    const std::string_view text = ByteView(*file).text();
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
    const auto folder = CacheFolder::open(folder_, CacheFolder::Missing::Make);
    if (!folder) {
        return;
    }
    const UniqueFd lock = folder->lock();
    if (!lock.valid()) {
        return;
    }
    const std::string name = habits_name(url);
    if (!folder->contains(name)) {
        folder->make_room(kHabits, kMaxCachedAnswers);
    }
    char text[64];
    std::snprintf(text, sizeof text, "PIVRESP1 %d %d %d %lld\n", habits.refuses_nonce ? 1 : 0,
                  habits.refuses_get ? 1 : 0, habits.wants_sha256 ? 1 : 0,
                  static_cast<long long>(now));
    (void)folder->replace(name, ByteView(std::string_view(text)));  // best effort
}

std::vector<AnswerCache::Entry> AnswerCache::entries() const {
    std::vector<Entry> all;
    if (folder_.empty()) {
        return all;
    }
    const auto folder = CacheFolder::open(folder_, CacheFolder::Missing::Fail);
    if (!folder) {
        return all;
    }
    for (const std::string& name : folder->names(kAnswer)) {
        const auto file = folder->read(name, kMaxEntry);
        if (!file) {
            continue;
        }
        auto entry = decode_cache_entry(*file);
        if (entry) {
            all.push_back(std::move(entry).value());
        }
    }
    return all;
}

}  // namespace piv
