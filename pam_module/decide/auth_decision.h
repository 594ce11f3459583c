// AuthDecision: the only thing that can say yes.
#pragma once

#include <string>

#include "ocsp_client/revocation.h"
#include "pam_module/account/account_binding.h"
#include "pki/x509/possession.h"

namespace piv {

class AuthDecision {
  public:
    /// Yes, from three proofs for the same certificate; anything else is a refusal.
    static AuthDecision grant(RevocationCheckedPath path, AccountBinding account,
                              PossessionProof possession);
    static AuthDecision refuse(Error error);

    [[nodiscard]] bool granted() const noexcept { return granted_; }
    [[nodiscard]] AuthOutcome outcome() const noexcept;
    [[nodiscard]] const std::string& user() const noexcept { return user_; }  // when granted
    [[nodiscard]] const Error& error() const noexcept { return error_; }      // when not

  private:
    AuthDecision() = default;
    bool granted_ = false;
    std::string user_;
    Error error_;
};

}  // namespace piv
