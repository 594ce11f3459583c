// The revocation question of a whole path: asked of caches, responders and CRLs, judged here, and
// turned into a proof by one function.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ocsp_client/transport.h"
#include "pki/x509/certification_path.h"

namespace piv {

enum class RevocationState { Good, Revoked, Unknown, Unavailable };  // the last two never merge
enum class OcspMode { Require, Soft, Off };
enum class NonceMode { Auto, Require, Off };

struct RevocationVerdict {
    RevocationState state = RevocationState::Unavailable;
    Error why;           // for everything but Good
    std::string source;  // "network", "cache", "staged", "crl", "file"
    std::string responder_url;
    std::string responder_id;  // for display
    std::string signer;        // "issuer", "delegated", "trusted"
    std::string nonce;         // "match", "absent", "off"
    UnixTime this_update = 0;
    UnixTime next_update = 0;  // 0: none given
    UnixTime revocation_time = 0;
    std::string reason;
    std::int64_t elapsed_ms = 0;
};

struct RevocationSettings {
    OcspMode ocsp = OcspMode::Require;
    NonceMode nonce = NonceMode::Auto;
    std::vector<std::string> urls;       // override: instead of AIA, for every certificate
    std::vector<std::string> crl_paths;  // FILE or DIR
    std::vector<Certificate> trusted_responders;
    std::vector<Bytes> staged_responses;            // DER, from the image or --ocsp-response
    std::string staged_dir = PIV_STATEDIR "/ocsp";  // *.der, from the image too; may be missing
    /// With CRLs given, each certificate has to be good by one of them as well (`--crl`); otherwise
    /// they are asked where OCSP cannot be had, and a revocation in one always counts.
    bool crl_required = false;
    std::vector<Certificate> crl_signers;  // beside the path's own certificates
    PathPolicy path_policy;                // for certificates of CRL signers
    std::string cache_dir;                 // empty: no cache
    std::int64_t skew = 300;
    std::int64_t max_age = 86400;
    std::int64_t soft_max_age = 0;
    int timeout_ms = 5000;
    std::string proxy;
};

/// Proof that nothing in the path is revoked, or that policy accepts why it could not be asked.
class RevocationCheckedPath {
  public:
    RevocationCheckedPath(RevocationCheckedPath&&) noexcept = default;
    RevocationCheckedPath& operator=(RevocationCheckedPath&&) noexcept = default;
    RevocationCheckedPath(const RevocationCheckedPath&) = delete;
    RevocationCheckedPath& operator=(const RevocationCheckedPath&) = delete;
    [[nodiscard]] const CertificationPath& path() const noexcept { return path_; }
    /// One per certificate below the anchor, leaf first. Empty with ocsp = off and no CRL.
    [[nodiscard]] const std::vector<RevocationVerdict>& verdicts() const noexcept {
        return verdicts_;
    }
    /// True when `soft` let an unavailable answer pass; named in the log.
    [[nodiscard]] bool soft() const noexcept { return soft_; }

  private:
    friend class RevocationCheck;
    RevocationCheckedPath(CertificationPath path, std::vector<RevocationVerdict> verdicts,
                          bool soft)
        : path_(std::move(path)), verdicts_(std::move(verdicts)), soft_(soft) {}
    CertificationPath path_;
    std::vector<RevocationVerdict> verdicts_;
    bool soft_;
};

/// One question, in two halves so that it runs while the person types the PIN: start() looks into
/// caches and sends what is left to the transport; finish() waits and judges.
class RevocationCheck {
  public:
    /// Takes the path. `transport` may be nullptr: then only caches, staged answers and CRLs count.
    RevocationCheck(CertificationPath path, RevocationSettings settings,
                    std::unique_ptr<Transport> transport, UnixTime now);
    RevocationCheck(RevocationCheck&&) noexcept;
    RevocationCheck& operator=(RevocationCheck&&) noexcept;
    ~RevocationCheck();

    void start();
    /// For a caller that sits in a poll() of its own meanwhile: a descriptor that becomes readable
    /// when pump() has something to do; -1 when nothing is waited for.
    [[nodiscard]] int poll_fd() const noexcept;
    /// Milliseconds after which pump() has something to send (another responder) although nothing
    /// has arrived; -1: never.
    [[nodiscard]] int next_pump_ms() const;
    /// Takes in what has arrived and sends what follows from it (another responder, a question
    /// without a nonce). Never waits.
    void pump();
    /// The proof, or Revoked, RevocationUnknown, OcspUnavailable ... with the detail naming the
    /// certificate, URL and cause. Call once.
    Result<RevocationCheckedPath> finish(Deadline deadline);
    /// After finish(), also when it failed: the verdicts so far, for reports.
    [[nodiscard]] const std::vector<RevocationVerdict>& verdicts() const noexcept;
    [[nodiscard]] const CertificationPath& path() const noexcept;

  private:
    struct Data;
    std::unique_ptr<Data> data_;
};

}  // namespace piv
