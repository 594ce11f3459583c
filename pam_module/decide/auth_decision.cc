#include "pam_module/decide/auth_decision.h"

namespace piv {

AuthDecision AuthDecision::grant(RevocationCheckedPath path, AccountBinding account,
                                 PossessionProof possession) {
    const ByteView certificate = path.path().leaf().der();
    if (certificate.empty() || account.certificate().der() != certificate ||
        possession.certificate().der() != certificate || account.user().empty()) {
        return refuse({ErrorCode::Internal, "the proofs are not about one certificate"});
    }
    AuthDecision decision;
    decision.granted_ = true;
    decision.user_ = account.user();
    return decision;
}

AuthDecision AuthDecision::refuse(Error error) {
    AuthDecision decision;
    decision.error_ = std::move(error);
    return decision;
}

AuthOutcome AuthDecision::outcome() const noexcept {
    if (granted_) {
        return AuthOutcome::Granted;
    }
    const AuthOutcome outcome = info(error_.code).outcome;
    return outcome == AuthOutcome::Granted ? AuthOutcome::SystemError : outcome;
}

}  // namespace piv
