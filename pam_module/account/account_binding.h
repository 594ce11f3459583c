// AccountBinding: proof that a certificate belongs to the account that logs in. Made by
// bind_account() and by nothing else.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pki/x509/certification_path.h"

namespace piv {

enum class MapKind { Upn, File, Sid, IssuerSerial, Ski, SpkiSha256, CertSha256, Edipi, Email, Subject };

struct Domain {
    std::string dns;      // compared without case (ASCII)
    std::string netbios;  // may be empty
};

struct MappingSettings {
    std::vector<MapKind> map{MapKind::Upn, MapKind::File};
    std::vector<Domain> domains;
    std::string accounts_file;
    bool allow_weak = false;
    std::string exempt_group;
    bool user_from_card = true;
};

/// What the name service says about a name; a parameter so that tests need no NSS.
struct NamedAccount {
    std::string name;  // canonical
    uid_t uid = 0;
};
using NameService = std::function<std::optional<NamedAccount>(const std::string& name)>;

class AccountBinding {
  public:
    AccountBinding(AccountBinding&&) noexcept = default;
    AccountBinding& operator=(AccountBinding&&) noexcept = default;
    AccountBinding(const AccountBinding&) = delete;
    AccountBinding& operator=(const AccountBinding&) = delete;
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    [[nodiscard]] uid_t uid() const noexcept { return uid_; }
    [[nodiscard]] const std::string& rule() const noexcept { return rule_; }  // "upn", "file: line 3"
    [[nodiscard]] const Certificate& certificate() const noexcept { return certificate_; }

  private:
    friend Result<AccountBinding> bind_account(const CertificationPath&, const std::string&,
                                               const MappingSettings&, const NameService&, UnixTime);
    AccountBinding(std::string user, uid_t uid, std::string rule, Certificate certificate)
        : user_(std::move(user)),
          uid_(uid),
          rule_(std::move(rule)),
          certificate_(std::move(certificate)) {}
    std::string user_;
    uid_t uid_;
    std::string rule_;
    Certificate certificate_;
};

/// The account of the path's leaf. `requested` is PAM_USER, or empty to derive it from the card.
/// With `requested`, the binding holds only if some rule gives an account of the same uid; the name
/// in the binding is then `requested` itself, byte for byte.
/// Errors: NotMapped, WrongUser, UserUnknown, AccountBarred, UpnMalformed, NoUserName, BadConfig.
Result<AccountBinding> bind_account(const CertificationPath& path, const std::string& requested,
                                    const MappingSettings& settings, const NameService& names,
                                    UnixTime now);

}  // namespace piv
