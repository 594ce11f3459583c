// Answers on disk, shared by login, sudo, unlock and the prefetch timer. Nothing in here is
// believed for being here: what is read is judged again, as if it had just come from the network. Files may vanish
// or be torn at any time; then the responder is asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ocsp_client/judge.h"

namespace piv {

/// How a responder likes to be asked, by evidence.
struct ResponderHabits {
    bool refuses_nonce = false;
    bool refuses_get = false;
    bool wants_sha256 = false;
};

class AnswerCache {
  public:
    /// `folder` is revocation.cache; empty: nothing is found and nothing is stored.
    explicit AnswerCache(std::string folder);
    /// Whether answers can be kept; makes the folder. Every other function takes a folder that
    /// cannot be trusted or written for an empty one. Errors: as CacheFolder::open, WriteFailed.
    [[nodiscard]] Status usable() const;

    struct Found {
        Bytes response;
        Judgement judgement;
    };
    /// A stored answer that passes every check at options.now.
    [[nodiscard]] std::optional<Found> fresh(const CertSubject& subject,
                                             const JudgeOptions& options) const;
    /// A stored answer of any age that was valid when it was made.
    [[nodiscard]] std::optional<Found> last_known(const CertSubject& subject,
                                                  const JudgeOptions& options) const;
    /// A stored revocation, of any age, that cannot be undone (any reason but certificateHold).
    [[nodiscard]] std::optional<Found> lasting_revocation(const CertSubject& subject,
                                                          const JudgeOptions& options) const;
    /// Keeps a judged answer: never over a newer one, never over a lasting revocation. Bounded: the
    /// oldest good answers go first. Error: WriteFailed.
    Status store(const CertSubject& subject, const std::string& url, ByteView response,
                 const JudgeOptions& options) const;

    [[nodiscard]] ResponderHabits habits(const std::string& url, UnixTime now) const;
    void remember(const std::string& url, const ResponderHabits& habits, UnixTime now) const;

    /// What the prefetch needs to ask again.
    struct Entry {
        std::string url;
        UnixTime judged_at = 0;  // when it was found good or revoked
        Bytes certificate;
        Bytes issuer;
        Bytes response;
    };
    [[nodiscard]] std::vector<Entry> entries() const;

  private:
    static std::string name_of(const CertSubject& subject, const char* suffix);
    [[nodiscard]] std::optional<Found> read(const std::string& name, const CertSubject& subject,
                                            JudgeOptions options, bool any_age) const;
    std::string folder_;
};

inline constexpr std::size_t kMaxCachedAnswers = 2048;

/// The file form, for tests and fuzzing. Error: OcspMalformed.
Bytes encode_cache_entry(const AnswerCache::Entry& entry);
Result<AnswerCache::Entry> decode_cache_entry(ByteView file);

}  // namespace piv
