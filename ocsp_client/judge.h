// The judgement of one response for one certificate (RFC 6960 section 3.2). A pure function of
// bytes, certificates and the time: no network, no files, no clock.
#pragma once

#include <functional>
#include <string>

#include "ocsp_client/response.h"
#include "ocsp_client/revocation.h"

namespace piv {

enum class SignerKind { Issuer, Delegated, Trusted };
enum class NonceResult { Off, Absent, Match };
std::string_view to_text(SignerKind kind) noexcept;
std::string_view to_text(NonceResult result) noexcept;

struct JudgeOptions {
    UnixTime now = 0;
    std::int64_t skew = 300;       // seconds of tolerance for every time in the answer
    std::int64_t max_age = 86400;  // an answer without nextUpdate counts this long
    /// With nextUpdate too; nothing: nextUpdate alone says.
    std::optional<std::int64_t> max_age_of_all;
    /// The answer was made before `now`, since it has just arrived. False for a file that is judged
    /// at a chosen time: producedAt may then be later, but not after nextUpdate.
    bool already_produced = true;
    Bytes nonce;  // as sent; empty: none was sent
    bool nonce_required = false;
    std::vector<Certificate> trusted;  // responders named in the configuration
};

/// What a response says that passed every check.
struct Judgement {
    CertStatus status = CertStatus::Unknown;
    UnixTime this_update = 0;
    UnixTime next_update = 0;  // 0: none given
    UnixTime produced_at = 0;
    UnixTime revocation_time = 0;
    std::optional<int> reason;
    SignerKind signer = SignerKind::Issuer;
    std::string responder_id;  // for display
    NonceResult nonce = NonceResult::Off;
    /// The delegate, when its certificate lacks nocheck: its own status is still to be asked
    /// (RFC 6960 section 4.2.2.2.1).
    std::optional<Certificate> unchecked_delegate;
};

/// Revoked for good: not merely on hold (RFC 5280 section 5.3.1).
bool is_lasting_revocation(const Judgement& judgement) noexcept;

/// Structure, signature, signer's authority, then content. Any error means: not to be used.
Result<Judgement> judge_response(ByteView der, const CertSubject& subject,
                                 const JudgeOptions& options);

/// The worst answer in `response` for the certificate that `matches` recognises, times checked.
/// The signature is not looked at: this is a step of judge_response().
Result<SingleResponse> find_answer(const OcspResponse& response,
                                   const std::function<bool(const CertIdView&)>& matches,
                                   const JudgeOptions& options);

/// The error that goes with a status other than successful.
Error responder_error(ResponderStatus status);

}  // namespace piv
