#include "pam_module/card/signature_format.h"

#include "pam_module/card/tlv.h"

namespace piv {

namespace {

// INTEGER in DER (X.690 section 8.3): no needless leading zeros, one when the first bit is set.
void append_integer(Bytes& out, ByteView number) {
    while (number.size() > 1 && number[0] == 0) {
        number = number.sub(1);
    }
    const bool negative_without_zero = (number[0] & 0x80U) != 0;
    append_tlv_header(out, 0x02, number.size() + (negative_without_zero ? 1 : 0));
    if (negative_without_zero) {
        out.push_back(0);
    }
    out.insert(out.end(), number.begin(), number.end());
}

}  // namespace

Result<Bytes> ecdsa_raw_to_der(ByteView raw) {
    constexpr std::size_t kMaxHalf = 66;  // P-521
    if (raw.empty() || raw.size() % 2 != 0 || raw.size() > 2 * kMaxHalf) {
        return Error(ErrorCode::CardMalformed,
                     "the token's ECDSA signature has an impossible length");
    }
    Bytes numbers;
    append_integer(numbers, raw.sub(0, raw.size() / 2));
    append_integer(numbers, raw.sub(raw.size() / 2));
    Bytes der;
    append_tlv(der, 0x30, numbers);
    return der;
}

Result<ByteView> digest_info_of(ByteView block) {
    std::size_t at = 2;
    if (block.size() < 11 || block[0] != 0x00 || block[1] != 0x01) {
        return Error(ErrorCode::Internal, "not a PKCS#1 v1.5 block");
    }
    while (at < block.size() && block[at] == 0xFF) {
        ++at;
    }
    if (at < 10 || at + 1 >= block.size() || block[at] != 0x00) {
        return Error(ErrorCode::Internal, "not a PKCS#1 v1.5 block");
    }
    return block.sub(at + 1);
}

}  // namespace piv
