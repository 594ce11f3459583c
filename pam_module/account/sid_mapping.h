// Windows SIDs to uids by the algorithm of SSSD's sss_idmap with its default options, so that an
// image with cards only and one joined to the domain agree on the ids of the same person.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace piv {

/// MurmurHash3 x86 32 (Austin Appleby, public domain).
std::uint32_t murmurhash3(std::string_view data, std::uint32_t seed) noexcept;

/// The id of the account or group `sid` ("S-1-5-21-A-B-C-RID"): ids from 200000 to 2000200000 in
/// slices of 200000; the domain's slice is the hash of its SID, RIDs from 200000 up have slices of
/// their own. Nothing for SIDs of another form, and where two slices of
/// one domain have the same hash (1 in 10,000; SSSD moves the second one). As in SSSD, two domains whose hashes collide would
/// share a slice; SSSD moves the one it meets second, which cannot be known here.
std::optional<std::uint32_t> sid_to_id(std::string_view sid);

}  // namespace piv
