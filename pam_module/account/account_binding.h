// AccountBinding: proof that a certificate belongs to the account that logs in. Made by
// bind_account() and by nothing else.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pki/config/settings.h"
#include "pki/x509/certification_path.h"

namespace piv {

/// A rule of `mapping.map`, and the key of a line of the account map. Upn as a rule: the suffix is
/// in `domain`, the account is the local part. File: every line of the map. Any other: its lines
/// alone.
enum class MapKind {
    Upn,
    File,
    Sid,
    IssuerSerial,
    Ski,
    SpkiSha256,
    CertSha256,
    Edipi,
    Email,
    Subject
};

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
    uid_t uid_min = 1000;  // UID_MIN of login.defs: accounts below it are system accounts
};

/// UID_MIN of `root`/etc/login.defs; 1000 where it does not say.
uid_t read_uid_min(const std::string& root);
/// `[mapping]` and `[policy]` of the configuration as types. UID_MIN is read from
/// `root`/etc/login.defs. Error: BadConfig.
Result<MappingSettings> mapping_settings(const Settings& settings, const std::string& root = {});

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
    [[nodiscard]] const std::string& rule() const noexcept {
        return rule_;
    }  // "upn", "file: line 3"
    [[nodiscard]] const Certificate& certificate() const noexcept { return certificate_; }

  private:
    friend Result<AccountBinding> bind_account(const CertificationPath&, const std::string&,
                                               const MappingSettings&, const NameService&,
                                               UnixTime);
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
/// Errors: NotMapped, WrongUser, UserUnknown, AccountBarred, UpnMalformed, NoUserName, BadConfig,
/// InsecureConfig (the account map).
Result<AccountBinding> bind_account(const CertificationPath& path, const std::string& requested,
                                    const MappingSettings& settings, const NameService& names,
                                    UnixTime now);

}  // namespace piv
