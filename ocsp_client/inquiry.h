// Asking for the status of several certificates at once: caches and staged answers first, then the
// responders, with failover, the fallbacks that responders in the field need, and one deadline.
#pragma once

#include <map>
#include <memory>

#include "ocsp_client/answer_cache.h"
#include "ocsp_client/transport.h"

namespace piv {

enum class HttpMethod { Auto, Get, Post };

struct InquirySettings {
    NonceMode nonce = NonceMode::Auto;
    HttpMethod method = HttpMethod::Auto;
    std::optional<CertIdHash> hash;    // nothing: SHA-1, then what the responder wants
    std::vector<std::string> urls;     // instead of each certificate's AIA
    std::vector<Certificate> trusted;  // responders named in the configuration
    std::vector<Bytes> staged;         // DER answers from the image
    std::string cache_dir;             // empty: no cache
    std::int64_t skew = 300;
    std::int64_t max_age = 86400;
    std::optional<std::int64_t> max_age_of_all;
    int timeout_ms = 5000;  // for all attempts about one certificate together
    std::string proxy;
    bool ignore_cached = false;  // ask in any case; what is learnt is still stored
};

/// Whether a failure means "could not be asked", which `soft` may let pass, and not that something
/// came that should not be believed.
bool unreachable(ErrorCode code) noexcept;

class Inquiry {
  public:
    /// `transport` may be nullptr: then only caches and staged answers count. It must outlive this.
    Inquiry(std::vector<CertSubject> subjects, InquirySettings settings, Transport* transport,
            UnixTime now);
    Inquiry(const Inquiry&) = delete;
    Inquiry& operator=(const Inquiry&) = delete;
    ~Inquiry();

    /// Looks into caches and sends the first requests. Does not wait.
    void start();
    /// Takes in what has arrived, and sends what follows from it. Does not wait.
    void pump();
    /// Milliseconds until pump() has something to send although nothing has arrived; -1: never.
    [[nodiscard]] int next_pump_ms() const;
    /// Waits until everything is answered, or the deadline or timeout_ms is over.
    void finish(Deadline deadline);
    [[nodiscard]] bool done() const noexcept;

    /// One per subject, in order; meaningful after finish().
    [[nodiscard]] const std::vector<RevocationVerdict>& verdicts() const noexcept {
        return verdicts_;
    }
    /// The DER of the answer that decided, empty where none did.
    [[nodiscard]] const Bytes& answer(std::size_t subject) const;

  private:
    struct Attempt {
        std::size_t question = 0;
        std::string url;
        bool post = true;
        bool with_nonce = false;
        CertIdHash hash = CertIdHash::Sha1;
        bool changed_method = false;  // each fallback once
        bool changed_nonce = false;
        bool changed_hash = false;
        Bytes nonce;
    };
    struct Retry {
        std::int64_t when_ms = 0;
        Attempt attempt;
    };
    struct Question;
    bool decide_locally(Question& question);
    void ask_next(std::size_t index);
    void ask(std::size_t index, const std::string& url);
    Status send(Attempt attempt);
    bool send_other_way(Attempt attempt, ErrorCode code);
    void retry_later(const Attempt& attempt);
    void send_due_retries(std::size_t index);
    void learn(const Attempt& attempt);
    void take(Transport::Completion completion);
    void judged(const Attempt& attempt, Judgement judgement, Bytes response);
    void ask_about_delegate(std::size_t index, const Attempt& attempt);
    void delegate_decided(std::size_t delegate);
    void failed(std::size_t index, const std::string& url, Error error);
    void settle(std::size_t index);
    void accept(std::size_t index, const char* source);
    void give_up(std::size_t index);
    void start_due();
    void lose_transport(const Error& error);
    [[nodiscard]] bool waiting() const noexcept;
    [[nodiscard]] std::int64_t next_send_ms() const noexcept;
    [[nodiscard]] Deadline next_event(Deadline deadline) const;
    [[nodiscard]] JudgeOptions judge_options() const;

    InquirySettings settings_;
    Transport* transport_;
    UnixTime now_;
    AnswerCache cache_;
    std::size_t subject_count_;
    std::vector<std::unique_ptr<Question>> questions_;  // subjects first, delegates after them
    std::map<std::size_t, Attempt> attempts_;           // by transport id
    std::vector<RevocationVerdict> verdicts_;
};

/// Fills a verdict from a judgement; the state too.
void describe(const Judgement& judgement, RevocationVerdict& verdict);

}  // namespace piv
