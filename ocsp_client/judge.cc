#include "ocsp_client/judge.h"

#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>

#include "ocsp_client/signer.h"
#include "pki/base/text.h"

namespace piv {

namespace {

// Extensions that are understood, by the content octets of their OIDs.
constexpr std::array<std::uint8_t, 9> kNonce{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
constexpr std::array<std::uint8_t, 9> kExtendedRevoke{0x2b, 0x06, 0x01, 0x05, 0x05,
                                                      0x07, 0x30, 0x01, 0x09};
constexpr std::array<std::uint8_t, 9> kCrlReferences{0x2b, 0x06, 0x01, 0x05, 0x05,
                                                     0x07, 0x30, 0x01, 0x03};
constexpr std::array<std::uint8_t, 9> kArchiveCutoff{0x2b, 0x06, 0x01, 0x05, 0x05,
                                                     0x07, 0x30, 0x01, 0x06};
constexpr std::array<std::uint8_t, 3> kReasonCode{0x55, 0x1d, 0x15};
constexpr std::array<std::uint8_t, 3> kInvalidityDate{0x55, 0x1d, 0x18};

template <std::size_t N>
bool is(ByteView oid, const std::array<std::uint8_t, N>& known) noexcept {
    return oid == ByteView(known.data(), known.size());
}

// RFC 6960 section 4.4: a critical extension that is not understood makes the answer unusable.
Status check_critical(const std::vector<OcspExtension>& extensions, bool single) {
    for (const OcspExtension& extension : extensions) {
        const bool understood =
            single ? is(extension.oid, kCrlReferences) || is(extension.oid, kArchiveCutoff) ||
                         is(extension.oid, kReasonCode) || is(extension.oid, kInvalidityDate)
                   : is(extension.oid, kNonce) || is(extension.oid, kExtendedRevoke);
        if (extension.critical && !understood) {
            return Error(ErrorCode::OcspCriticalExtension,
                         "extension with the OID octets " + to_hex(extension.oid));
        }
    }
    return {};
}

// RFC 9654 section 2.1: the nonce of the answer is the nonce of the question.
Result<NonceResult> check_nonce(const OcspResponse& response, const JudgeOptions& options) {
    if (options.nonce.empty()) {
        return NonceResult::Off;
    }
    for (const OcspExtension& extension : response.extensions) {
        if (!is(extension.oid, kNonce)) {
            continue;
        }
        const auto inner = der_single(extension.value, der::kOctetString);
        if (!inner || inner->value != ByteView(options.nonce)) {
            return Error(ErrorCode::OcspNonceMismatch, "the answer holds another nonce");
        }
        return NonceResult::Match;
    }
    if (options.nonce_required) {
        return Error(ErrorCode::OcspNonceMissing, "the answer holds no nonce");
    }
    return NonceResult::Absent;
}

// RFC 6960 sections 3.2 (5), (6) and 4.2.2.1.
Status check_times(const SingleResponse& single, UnixTime produced_at,
                   const JudgeOptions& options) {
    const std::string now = "; the time is " + format_time(options.now);
    const std::int64_t skew = options.skew;
    const UnixTime latest = options.already_produced || !single.next_update
                                ? options.now
                                : std::max(options.now, *single.next_update);
    if (single.this_update > options.now + skew || produced_at > latest + skew) {
        return Error(ErrorCode::OcspNotYetValid, "thisUpdate " + format_time(single.this_update) +
                                                     ", producedAt " + format_time(produced_at) +
                                                     now);
    }
    if (produced_at < single.this_update - skew) {
        return Error(ErrorCode::OcspTimes, "produced at " + format_time(produced_at) +
                                               ", before thisUpdate " +
                                               format_time(single.this_update));
    }
    if (single.next_update) {
        if (*single.next_update < single.this_update) {
            return Error(ErrorCode::OcspTimes, "nextUpdate is before thisUpdate");
        }
        if (*single.next_update + skew < options.now) {
            return Error(ErrorCode::OcspStale,
                         "nextUpdate " + format_time(*single.next_update) + now);
        }
    }
    const std::int64_t age = options.now - single.this_update - skew;
    const bool too_old = (!single.next_update && age > options.max_age) ||
                         (options.max_age_of_all && age > *options.max_age_of_all);
    if (too_old) {
        return Error(ErrorCode::OcspStale, "thisUpdate " + format_time(single.this_update) +
                                               (single.next_update ? "" : ", no nextUpdate") +
                                               ", older than allowed" + now);
    }
    return {};
}

int badness(CertStatus status) noexcept {
    return status == CertStatus::Revoked ? 2 : status == CertStatus::Unknown ? 1 : 0;
}

std::string responder_text(const OcspResponse& response, const Certificate& signer) {
    if (!response.responder_key_hash.empty()) {
        return "key:" + to_hex(response.responder_key_hash);
    }
    return escape_for_display(signer.subject());
}

}  // namespace

bool is_lasting_revocation(const Judgement& judgement) noexcept {
    constexpr int kHold = 6;  // CRLReason certificateHold
    return judgement.status == CertStatus::Revoked && judgement.reason.value_or(0) != kHold;
}

std::string_view to_text(SignerKind kind) noexcept {
    switch (kind) {
        case SignerKind::Issuer:
            return "issuer";
        case SignerKind::Delegated:
            return "delegated";
        case SignerKind::Trusted:
            return "trusted";
    }
    return {};
}

std::string_view to_text(NonceResult result) noexcept {
    switch (result) {
        case NonceResult::Off:
            return "off";
        case NonceResult::Absent:
            return "absent";
        case NonceResult::Match:
            return "match";
    }
    return {};
}

Error responder_error(ResponderStatus status) {
    switch (status) {
        case ResponderStatus::MalformedRequest:
            return {ErrorCode::OcspMalformedRequest, "the responder answered malformedRequest (1)"};
        case ResponderStatus::TryLater:
            return {ErrorCode::OcspTryLater, "the responder answered tryLater (3)"};
        case ResponderStatus::SigRequired:
            return {ErrorCode::OcspSigRequired, "the responder answered sigRequired (5)"};
        case ResponderStatus::Unauthorized:
            return {ErrorCode::OcspUnauthorized, "the responder answered unauthorized (6)"};
        case ResponderStatus::InternalError:
        case ResponderStatus::Successful:
            break;
    }
    return {ErrorCode::OcspInternalError, "the responder answered internalError (2)"};
}

Result<SingleResponse> find_answer(const OcspResponse& response,
                                   const std::function<bool(const CertIdView&)>& matches,
                                   const JudgeOptions& options) {
    const SingleResponse* best = nullptr;  // the worst status; of those, the newest
    const SingleResponse* unusable = nullptr;
    Error error(ErrorCode::OcspNoMatch, "none of the " + std::to_string(response.responses.size()) +
                                            " answers in the response is about this certificate");
    for (const SingleResponse& single : response.responses) {
        if (!matches(single.id)) {
            continue;
        }
        Status usable = check_critical(single.extensions, true);
        if (usable) {
            usable = check_times(single, response.produced_at, options);
        }
        if (!usable) {
            if (unusable == nullptr || badness(single.status) > badness(unusable->status)) {
                unusable = &single;
                error = std::move(usable).error();
            }
            continue;
        }
        if (best == nullptr || badness(single.status) > badness(best->status) ||
            (single.status == best->status && single.this_update > best->this_update)) {
            best = &single;
        }
    }
    if (best == nullptr) {
        return error;
    }
    if (unusable != nullptr && badness(unusable->status) > badness(best->status)) {
        return Error(ErrorCode::OcspContradictory,
                     "one answer for this certificate is better than another that cannot be used");
    }
    return *best;
}

Result<Judgement> judge_response(ByteView der, const CertSubject& subject,
                                 const JudgeOptions& options) {
    auto parsed = parse_response(der);
    if (!parsed) {
        return std::move(parsed).error();
    }
    const OcspResponse& response = parsed.value();
    if (response.status != ResponderStatus::Successful) {
        return responder_error(response.status);
    }
    auto signer = verify_signer(response, subject, options.trusted, options.now);
    if (!signer) {
        return std::move(signer).error();
    }
    if (Status s = check_critical(response.extensions, false); !s) {
        return std::move(s).error();
    }
    const auto matches = [&subject](const CertIdView& id) { return cert_id_matches(id, subject); };
    auto answer = find_answer(response, matches, options);
    if (!answer) {
        return std::move(answer).error();
    }
    auto nonce = check_nonce(response, options);
    if (!nonce) {
        return std::move(nonce).error();
    }
    Judgement judgement;
    judgement.status = answer->status;
    judgement.this_update = answer->this_update;
    judgement.next_update = answer->next_update.value_or(0);
    judgement.produced_at = response.produced_at;
    judgement.revocation_time = answer->revocation_time;
    judgement.reason = answer->reason;
    judgement.signer = signer->kind;
    judgement.responder_id = responder_text(response, signer->certificate);
    judgement.nonce = nonce.value();
    if (!signer->nocheck) {
        judgement.unchecked_delegate = signer->certificate;
    }
    return judgement;
}

}  // namespace piv
