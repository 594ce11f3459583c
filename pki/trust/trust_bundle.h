// A signed trust bundle for fleets: the CA chain of one machine, as CMS SignedData over JSON, applied
// on others with overlap.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/trust/trust_changes.h"

namespace piv {

inline constexpr char kLastBundle[] = PIV_STATEDIR "/trust-bundle.p7m";
inline constexpr std::size_t kMaxBundle = 16U << 20U;

struct TrustBundle {
    long long sequence = 0;  // only ever grows; by default the second it was made in
    UnixTime created = 0;
    std::vector<std::pair<Certificate, TrustState>> certificates;
};

/// Signs the chain of `inventory` with `key` (PEM, unencrypted) of `signer`; DER.
/// Errors: TrustRefused (key and signer do not belong together, nothing installed).
Result<Bytes> create_bundle(const TrustInventory& inventory, long long sequence, UnixTime created,
                            const Certificate& signer, ByteView key);

/// Verifies with `signer`'s key, and no other, and reads the content. `signer` has to be valid at
/// `now`; no chain is built, the certificate itself is what is trusted.
/// Errors: BundleRefused.
Result<TrustBundle> open_bundle(ByteView der, const Certificate& signer, UnixTime now);
/// What a bundle says that was verified when it was applied, and is not again. Error: BundleRefused.
Result<TrustBundle> read_applied(ByteView der);

/// Adds what is missing, brings states forward (never back), retires what the bundle lacks.
/// `applied` is the one applied last, if any: an older one, or another one of the same sequence, is
/// refused.
/// Errors: BundleRefused, TrustRefused.
Result<Change> apply_bundle(const TrustInventory& before, const TrustBundle& bundle,
                            const std::optional<TrustBundle>& applied, UnixTime now);

}  // namespace piv
