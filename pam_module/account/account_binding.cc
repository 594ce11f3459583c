#include "pam_module/account/account_binding.h"

#include <algorithm>

#include "pam_module/account/account_map.h"
#include "pam_module/account/names.h"

namespace piv {

namespace {

struct Candidate {
    NamedAccount account;
    std::string rule;
    bool listed = false;  // named in the account map, so system accounts may be
};

struct Candidates {
    std::vector<Candidate> known;
    std::string unknown;  // the first name that a rule gave and NSS does not know
    std::string expired;  // the first rule whose date is over
    std::string why;      // why the UPN gave none
};

void add_by_upn(const Upn& upn, const MappingSettings& settings, const NameService& names,
                Candidates& out) {
    const bool ours = std::any_of(
        settings.domains.begin(), settings.domains.end(),
        [&upn](const Domain& d) { return equal_ignoring_ascii_case(d.dns, upn.domain); });
    if (!ours) {
        out.why = "the UPN's suffix '" + upn.domain + "' is not in mapping.domain";
        return;
    }
    // Where NSS knows the person by the whole UPN, that is the account; a local one that happens to
    // have the name of the local part is somebody else.
    std::optional<NamedAccount> account = names(upn.local + "@" + upn.domain);
    if (!account) {
        account = names(upn.local);
    }
    if (account) {
        out.known.push_back({std::move(*account), "upn", false});
    } else if (out.unknown.empty()) {
        out.unknown = upn.local;
    }
}

/// What the certificate has for each key, read when a line first asks for it.
class CertificateKeys {
  public:
    explicit CertificateKeys(const Certificate& certificate) : certificate_(certificate) {}
    Result<bool> has(MapKind kind, const std::string& value) {
        auto& values = values_[static_cast<std::size_t>(kind)];
        if (!values) {
            auto read = certificate_values(certificate_, kind);
            if (!read) {
                return std::move(read).error();
            }
            values = std::move(*read);
        }
        return std::find(values->begin(), values->end(), value) != values->end();
    }

  private:
    const Certificate& certificate_;
    std::optional<std::vector<std::string>> values_[static_cast<std::size_t>(MapKind::Subject) + 1];
};

struct Lookup {
    const MappingSettings& settings;
    const NameService& names;
    UnixTime now;
};

Status add_by_map(MapKind rule, const AccountMap& map, CertificateKeys& keys, const Lookup& lookup,
                  Candidates& out) {
    for (const MapLine& line : map.lines) {
        const bool asked = rule == MapKind::File || rule == line.kind;
        if (!asked || (is_weak(line.kind) && !lookup.settings.allow_weak)) {
            continue;
        }
        const auto has = keys.has(line.kind, line.value);
        if (!has) {
            return has.error();
        }
        if (!*has) {
            continue;
        }
        const std::string place = "file: line " + std::to_string(line.line);
        if (line.until && lookup.now > *line.until) {
            if (out.expired.empty()) {
                out.expired = place + " ended on " + format_time(*line.until);
            }
        } else if (auto account = lookup.names(line.user); account) {
            out.known.push_back({std::move(*account), place, true});
        } else if (out.unknown.empty()) {
            out.unknown = line.user;
        }
    }
    return {};
}

Result<Candidates> find_candidates(const Certificate& leaf, const Lookup& lookup) {
    Candidates out;
    CertificateKeys keys(leaf);
    std::optional<AccountMap> map;
    for (const MapKind rule : lookup.settings.map) {
        if (rule == MapKind::Upn) {
            const auto upn = certificate_upn(leaf);
            if (!upn) {
                return upn.error();
            }
            if (*upn) {
                add_by_upn(**upn, lookup.settings, lookup.names, out);
            } else {
                out.why = "the certificate has no UPN";
            }
            continue;
        }
        if (!map) {
            auto read = read_account_map(lookup.settings.accounts_file);
            if (!read) {
                return std::move(read).error();
            }
            map = std::move(*read);
        }
        if (Status s = add_by_map(rule, *map, keys, lookup, out); !s) {
            return std::move(s).error();
        }
    }
    return out;
}

bool is_system_account(const NamedAccount& account, uid_t uid_min) {
    return account.uid == 0 || account.uid < uid_min || account.uid == 65534 ||
           account.uid == static_cast<uid_t>(-1);
}

// uid_t(-1) is "no user" for the kernel: nothing can list it.
bool is_barred(const Candidate& c, const std::string& name, uid_t uid_min) {
    return is_system_account(c.account, uid_min) &&
           !(c.listed && c.account.name == name && c.account.uid != static_cast<uid_t>(-1));
}

Error no_candidate(const Candidates& found) {
    if (!found.unknown.empty()) {
        return {ErrorCode::UserUnknown, "the certificate belongs to '" + found.unknown +
                                            "', which the name service does not know"};
    }
    std::string detail = found.expired.empty() ? found.why : found.expired;
    return {ErrorCode::NotMapped, std::move(detail)};
}

}  // namespace

Result<MappingSettings> mapping_settings(const Settings& settings, const std::string& root) {
    MappingSettings out;
    out.map.clear();
    for (const std::string& text : settings.mapping.map) {
        const auto kind = map_kind(text);
        if (!kind) {
            return Error(ErrorCode::BadConfig, "mapping.map: '" + text + "'");
        }
        out.map.push_back(*kind);
    }
    for (const std::string& text : settings.mapping.domain) {
        const std::size_t equals = text.find('=');
        out.domains.push_back({lower_ascii(text.substr(0, equals)),
                               equals == std::string::npos ? "" : text.substr(equals + 1)});
    }
    out.accounts_file = root + settings.mapping.accounts;
    out.allow_weak = settings.mapping.allow_weak;
    out.exempt_group = settings.mapping.exempt_group;
    out.user_from_card = settings.policy.user_from_card;
    out.uid_min = read_uid_min(root);
    return out;
}

Result<AccountBinding> bind_account(const CertificationPath& path, const std::string& requested,
                                    const MappingSettings& settings, const NameService& names,
                                    UnixTime now) {
    std::optional<NamedAccount> wanted;
    if (requested.empty()) {
        if (!settings.user_from_card) {
            return ErrorCode::NoUserName;
        }
    } else {
        wanted = is_account_name(requested) ? names(requested) : std::nullopt;
        if (!wanted) {
            return Error(ErrorCode::UserUnknown, "'" + requested + "'");
        }
    }
    const auto found = find_candidates(path.leaf(), {settings, names, now});
    if (!found) {
        return found.error();
    }
    Error refusal = no_candidate(*found);
    for (const Candidate& c : found->known) {
        if (wanted && c.account.uid != wanted->uid) {
            if (refusal.code != ErrorCode::AccountBarred) {
                refusal = Error(ErrorCode::WrongUser, "the certificate belongs to '" +
                                                          c.account.name + "' (" + c.rule +
                                                          "), not to '" + requested + "'");
            }
            continue;
        }
        if (is_barred(c, wanted ? wanted->name : c.account.name, settings.uid_min)) {
            refusal = Error(ErrorCode::AccountBarred,
                            "'" + c.account.name + "' has uid " + std::to_string(c.account.uid));
            continue;
        }
        return AccountBinding(requested.empty() ? c.account.name : requested, c.account.uid, c.rule,
                              path.leaf());
    }
    if (wanted && refusal.code == ErrorCode::UserUnknown) {  // `requested` itself is known
        refusal.code = ErrorCode::WrongUser;
    }
    return refusal;
}

}  // namespace piv
