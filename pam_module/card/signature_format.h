// Between the forms in which signatures and their inputs are written down.
#pragma once

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

/// An ECDSA signature as PKCS#11 gives it (r and s, each half the octets) to DER
/// (SEQUENCE { INTEGER r, INTEGER s }, RFC 3279 section 2.2.3). Error: CardMalformed (empty, odd,
/// longer than P-521 gives).
Result<Bytes> ecdsa_raw_to_der(ByteView raw);

/// The DigestInfo inside an EMSA-PKCS1-v1_5 block (RFC 8017 section 9.2: 00 01 FF.. 00 T), for
/// mechanisms that pad by themselves. Error: Internal when the block is not one.
Result<ByteView> digest_info_of(ByteView block);

}  // namespace piv
