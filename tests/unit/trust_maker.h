// A chain of CAs in memory for the tests of pki/trust.
#pragma once

#include <string>

#include "pki/trust/trust_changes.h"
#include "tests/unit/x509_maker.h"

namespace piv::test {

inline constexpr UnixTime kDay = 86400;

/// Root, two issuing CAs of one name with a key each, and a user of each.
struct Chain {
    Pki pki;
    OpenSslPtr<EVP_PKEY> new_key = make_key("p256");
    Certificate root = make_root();
    Certificate old_ca = make_ca(pki.ca_key.get(), kNow + 100 * kDay, 2);
    Certificate new_ca = make_ca(new_key.get(), kNow + 1000 * kDay, 3);
    Certificate old_user = make_user(pki.ca_key.get(), 4);
    Certificate new_user = make_user(new_key.get(), 5);

    [[nodiscard]] Certificate make_root() const {
        Spec spec = pki.root_spec();
        spec.to = kNow + 2000 * kDay;
        return make(spec);
    }
    [[nodiscard]] Certificate make_ca(EVP_PKEY* key, UnixTime to, long serial) const {
        Spec spec = pki.ca_spec();
        spec.key = key;
        spec.to = to;
        spec.serial = serial;
        return make(spec);
    }
    [[nodiscard]] Certificate make_user(EVP_PKEY* signer, long serial) const {
        Spec spec = pki.user_spec();
        spec.signer = signer;
        spec.serial = serial;
        spec.to = kNow + 90 * kDay;
        return make(spec);
    }
    /// With `states` of root, old and new CA; since the beginning.
    [[nodiscard]] TrustInventory inventory(TrustState of_old, TrustState of_new) const {
        TrustInventory out;
        out.entries = {{root, TrustRole::Anchor, TrustState::Active, std::nullopt, "", "r.pem"},
                       {old_ca, TrustRole::Intermediate, of_old, std::nullopt, "", "o.pem"},
                       {new_ca, TrustRole::Intermediate, of_new, kNow, "", "n.pem"}};
        return out;
    }
};

inline std::string short_id(const Certificate& c) {
    return c.sha256_hex().substr(0, 12);
}

}  // namespace piv::test
