#include "pki/trust/trust_changes.h"

#include <openssl/x509v3.h>

#include <algorithm>

#include "pki/x509/certification_path.h"

namespace piv {

namespace {

constexpr UnixTime kDay = 86400;

std::string title(const TrustEntry& e) {
    return std::string(to_text(e.role)) + " " + e.certificate.subject() + " (" +
           e.certificate.sha256_hex().substr(0, 16) + ")";
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) {
        out += (out.empty() ? "" : "; ") + part;
    }
    return out;
}

// What no later state can heal.
Status check_ca(const Certificate& c, UnixTime now) {
    const std::string name = c.subject() + " (" + c.sha256_hex().substr(0, 16) + "): ";
    if (!c.is_ca() || (X509_get_key_usage(c.native()) & KU_KEY_CERT_SIGN) == 0) {
        return Error(ErrorCode::TrustRefused, name + "is not a CA certificate");
    }
    if (c.not_after() < now) {
        return Error(ErrorCode::TrustRefused, name + "ended on " + format_time(c.not_after()));
    }
    if (c.public_key() == nullptr || EVP_PKEY_security_bits(c.public_key()) < 112) {
        return Error(ErrorCode::TrustRefused, name + "has a weak key: " + c.key_description());
    }
    return {};
}

bool installed(const TrustInventory& inventory, const Certificate& c) {
    return std::any_of(
        inventory.entries.begin(), inventory.entries.end(),
        [&c](const TrustEntry& e) { return e.certificate.sha256_hex() == c.sha256_hex(); });
}

// An intermediate has to lead to an anchor; one that is not valid yet is judged at its start.
Status check_leads_to_anchor(const TrustInventory& inventory, const TrustEntry& e, UnixTime now) {
    PathPolicy policy;
    policy.purpose = Purpose::Any;
    const auto path = validate_path(e.certificate, store_of(inventory, keep_all), {}, policy,
                                    std::max(now, e.certificate.not_before()));
    if (!path) {
        return Error(ErrorCode::TrustRefused, e.certificate.subject() + ": " + path.error().detail +
                                                  " (" + std::string(info(path.code()).name) + ")");
    }
    return {};
}

void set_state(TrustEntry& entry, TrustState state, UnixTime now, Change& change) {
    entry.state = state;
    entry.since = now;
    change.done.push_back(title(entry) + " is " + std::string(to_text(state)) + " now");
}

// Active ones of the role that would still be valid without `index`.
bool is_last(const TrustInventory& inventory, std::size_t index, UnixTime now) {
    const TrustEntry& entry = inventory.entries[index];
    return entry.role == TrustRole::Anchor &&
           std::none_of(
               inventory.entries.begin(), inventory.entries.end(), [&](const TrustEntry& e) {
                   return &e != &entry && e.role == entry.role && e.state != TrustState::Retired &&
                          e.certificate.not_after() >= now && e.certificate.not_before() <= now;
               });
}

}  // namespace

Result<Change> add_certificates(const TrustInventory& before,
                                const std::vector<Certificate>& certificates,
                                const AddOptions& options, UnixTime now) {
    Change change{before, {}};
    std::string succeeds;
    if (!options.succeeds.empty()) {
        const auto old = find_entry(before, options.succeeds);
        if (!old) {
            return old.error();
        }
        succeeds = before.entries[*old].certificate.sha256_hex();
    }
    const bool first = before.entries.empty();
    const TrustState state = options.state.value_or(first ? TrustState::Active : TrustState::Next);
    std::vector<std::string> added;
    for (const Certificate& c : certificates) {
        if (Status s = check_ca(c, now); !s) {
            return std::move(s).error();
        }
        if (state == TrustState::Active && c.not_before() > now) {
            return Error(ErrorCode::TrustRefused, c.subject() + ": is valid from " +
                                                      format_time(c.not_before()) +
                                                      "; add it as next");
        }
        if (installed(change.after, c)) {
            continue;
        }
        TrustEntry e{c,     c.self_signed() ? TrustRole::Anchor : TrustRole::Intermediate,
                     state, now,
                     "",    trust_file_name_of(c)};
        if (!succeeds.empty() &&
            before.entries[*find_entry(before, options.succeeds)].role == e.role) {
            e.succeeds = succeeds;
        }
        change.done.push_back(title(e) + " is added as " + std::string(to_text(state)));
        added.push_back(c.sha256_hex());
        change.after.entries.push_back(std::move(e));
    }
    for (const TrustEntry& e : change.after.entries) {
        const bool is_new =
            std::find(added.begin(), added.end(), e.certificate.sha256_hex()) != added.end();
        if (!is_new || e.role != TrustRole::Intermediate) {
            continue;
        }
        if (Status s = check_leads_to_anchor(change.after, e, now); !s) {
            return std::move(s).error();
        }
    }
    return change;
}

Result<Change> promote(const TrustInventory& before, const std::string& id, UnixTime now) {
    const auto index = find_entry(before, id);
    if (!index) {
        return index.error();
    }
    Change change{before, {}};
    TrustEntry& entry = change.after.entries[*index];
    if (entry.state == TrustState::Active) {
        return change;
    }
    if (now < entry.certificate.not_before() || now > entry.certificate.not_after()) {
        return Error(ErrorCode::TrustRefused, title(entry) + ": is valid from " +
                                                  format_time(entry.certificate.not_before()) +
                                                  " to " +
                                                  format_time(entry.certificate.not_after()));
    }
    set_state(entry, TrustState::Active, now, change);
    return change;
}

Result<Change> retire(const TrustInventory& before, const std::string& id,
                      const TrustEvidence& evidence, UnixTime now, bool force) {
    const auto index = find_entry(before, id);
    if (!index) {
        return index.error();
    }
    Change change{before, {}};
    TrustEntry& entry = change.after.entries[*index];
    if (entry.state == TrustState::Retired) {
        return change;
    }
    if (!force && is_last(before, *index, now)) {
        return Error(ErrorCode::TrustNeeded, title(entry) + ": is the last valid anchor");
    }
    const auto needs = dependents_of(before, *index, evidence, now, keep_unless_retired);
    if (!force && !needs.empty()) {
        return Error(ErrorCode::TrustNeeded, title(entry) + ": needed by " + joined(needs));
    }
    set_state(entry, TrustState::Retired, now, change);
    if (!needs.empty()) {
        change.done.back() += ", though needed by " + joined(needs);
    }
    return change;
}

Result<Change> remove_entry(const TrustInventory& before, const std::string& id,
                            const TrustEvidence& evidence, UnixTime now, bool force) {
    const auto index = find_entry(before, id);
    if (!index) {
        return index.error();
    }
    const TrustEntry& entry = before.entries[*index];
    if (!force && is_last(before, *index, now)) {
        return Error(ErrorCode::TrustNeeded, title(entry) + ": is the last valid anchor");
    }
    const auto needs = dependents_of(before, *index, evidence, now, keep_all);
    if (!force && !needs.empty()) {
        return Error(ErrorCode::TrustNeeded, title(entry) + ": needed by " + joined(needs));
    }
    Change change{before,
                  {title(entry) + " is removed" +
                   (needs.empty() ? "" : ", though needed by " + joined(needs))}};
    change.after.entries.erase(change.after.entries.begin() + static_cast<std::ptrdiff_t>(*index));
    return change;
}

Change roll_over(const TrustInventory& before, const TrustEvidence& evidence, UnixTime now) {
    Change change{before, {}};
    const UnixTime wait = before.settings.rollover.promotion_threshold * kDay;
    for (TrustEntry& e : change.after.entries) {
        // Without a recorded date, or with one that a wrong clock gave, the wait begins with this run.
        if (e.state == TrustState::Next && (!e.since || *e.since > now)) {
            e.since = now;
            change.done.push_back(title(e) + " is next since now");
        }
        if (e.state == TrustState::Next && e.since && now >= *e.since + wait &&
            now >= e.certificate.not_before() && now <= e.certificate.not_after()) {
            set_state(e, TrustState::Active, now, change);
        }
    }
    for (std::size_t i = 0; i < change.after.entries.size(); ++i) {
        if (change.after.entries[i].state != TrustState::Active) {
            continue;
        }
        const auto successors = successors_of(change.after, i);
        const bool replaced = std::any_of(successors.begin(), successors.end(), [&](std::size_t s) {
            const TrustEntry& e = change.after.entries[s];
            return e.state == TrustState::Active && e.certificate.not_before() <= now &&
                   e.certificate.not_after() >= now;
        });
        const bool over = now > change.after.entries[i].certificate.not_after();
        if (replaced &&
            (over || dependents_of(change.after, i, evidence, now, keep_unless_retired).empty())) {
            set_state(change.after.entries[i], TrustState::Retired, now, change);
        }
    }
    return change;
}

}  // namespace piv
