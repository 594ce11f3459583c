#include "pam_module/card/piv_objects.h"

#include <zlib.h>

#include "pam_module/card/tlv.h"

namespace piv {

namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

Error malformed(const char* what) {
    return {ErrorCode::CardMalformed, what};
}

// Unpacks gzip or zlib data into at most kMaxCardCertificate octets.
Result<Bytes> unpack(ByteView packed) {
    struct Inflater {
        z_stream stream{};
        bool ready = false;
        ~Inflater() {
            if (ready) {
                (void)inflateEnd(&stream);
            }
        }
    } inflater;
    inflater.ready = inflateInit2(&inflater.stream, 15 + 32) == Z_OK;  // 32: zlib or gzip header
    if (!inflater.ready) {
        return ErrorCode::OutOfMemory;
    }
    Bytes out(kMaxCardCertificate + 1);
    inflater.stream.next_in = const_cast<Bytef*>(packed.data());  // zlib takes no const; reads only
    inflater.stream.avail_in = static_cast<uInt>(packed.size());
    inflater.stream.next_out = out.data();
    inflater.stream.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&inflater.stream, Z_FINISH);
    const std::size_t size = out.size() - inflater.stream.avail_out;
    if (size > kMaxCardCertificate) {
        return malformed("the certificate on the card unpacks to more than it may");
    }
    if (result != Z_STREAM_END) {
        return malformed("the compressed certificate on the card is damaged");
    }
    out.resize(size);
    return out;
}

bool is_padding(ByteView bytes) noexcept {
    for (const std::uint8_t octet : bytes) {
        if (octet != bytes[0] || (octet != 0x00 && octet != 0xFF)) {
            return false;
        }
    }
    return true;
}

// Some cards keep the certificate in a buffer of fixed size: what follows the DER is padding.
Bytes without_padding(ByteView der) {
    const std::size_t size = announced_tlv_size(der);
    if (size != 0 && size < der.size() && is_padding(der.sub(size))) {
        return der.sub(0, size).copy();
    }
    return der.copy();
}

// The content of tag 53, and nothing after it.
Result<ByteView> container(ByteView object) {
    TlvReader reader(object);
    auto outer = reader.next();
    if (!outer) {
        return std::move(outer).error();
    }
    if (!outer->has_value() || (*outer)->tag != 0x53 || !is_padding(reader.rest())) {
        return malformed("a data object on the card is not in a container (tag 53)");
    }
    return (*outer)->value;
}

}  // namespace

std::optional<PivSlot> slot_by_name(std::string_view name) noexcept {
    const int high = name.size() == 2 ? hex_digit(name[0]) : -1;
    const int low = name.size() == 2 ? hex_digit(name[1]) : -1;
    if (high < 0 || low < 0) {
        return std::nullopt;
    }
    const auto key = static_cast<std::uint8_t>(high * 16 + low);
    switch (key) {
        case 0x9A:
            return PivSlot{key, 0x5FC105};
        case 0x9C:
            return PivSlot{key, 0x5FC10A};
        case 0x9D:
            return PivSlot{key, 0x5FC10B};
        case 0x9E:
            return PivSlot{key, 0x5FC101};
        default:
            break;
    }
    if (key >= 0x82 && key <= 0x95) {  // retired key management keys 1 to 20
        return PivSlot{key, 0x5FC10DU + (key - 0x82U)};
    }
    return std::nullopt;
}

std::string slot_name(const PivSlot& slot) {
    static const char* const digits = "0123456789ABCDEF";
    return {digits[slot.key >> 4], digits[slot.key & 0x0FU]};
}

// SP 800-73-4 part 1 appendix A: 53 { 70 certificate, 71 CertInfo, 72 MSCUID (optional), FE error
// detection code (empty) }. CertInfo says whether the certificate is compressed; which of its bits
// does differs between cards in the field, and DER (30) and gzip (1F 8B) cannot be taken for each
// other, so the content decides.
Result<std::optional<Bytes>> certificate_from_object(ByteView object) {
    auto content = container(object);
    if (!content) {
        return std::move(content).error();
    }
    auto certificate = find_tlv(*content, 0x70);
    if (!certificate) {
        return std::move(certificate).error();
    }
    if (!certificate->has_value() || (*certificate)->empty()) {
        return std::optional<Bytes>();  // an empty container: no certificate was put there
    }
    const ByteView bytes = **certificate;
    if (bytes[0] == 0x30) {
        if (bytes.size() > kMaxCardCertificate) {
            return malformed("the certificate on the card is larger than it may be");
        }
        return std::optional<Bytes>(without_padding(bytes));
    }
    const bool gzip = bytes.size() > 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
    const bool zlib = (bytes[0] & 0x0FU) == 8;
    if (!gzip && !zlib) {
        return malformed("what the card has as a certificate is neither DER nor compressed");
    }
    auto unpacked = unpack(bytes);
    if (!unpacked) {
        return std::move(unpacked).error();
    }
    return std::optional<Bytes>(without_padding(*unpacked));
}

// SP 800-73-4 part 1 section 3.3.2: 7E { 4F AID, 5F2F PIN usage policy }. First octet: 40 the
// application PIN satisfies, 20 the global PIN does; second octet, only if both: 10 the application
// PIN is the primary one, 20 the global PIN is.
Result<PinReference> pin_from_discovery(ByteView object) {
    auto content = find_tlv(object, 0x7E);
    if (!content) {
        return std::move(content).error();
    }
    if (!content->has_value()) {
        return malformed("the discovery object on the card has no content");
    }
    auto policy = find_tlv(**content, 0x5F2F);
    if (!policy) {
        return std::move(policy).error();
    }
    if (!policy->has_value() || (*policy)->size() < 2) {
        return malformed("the discovery object on the card has no PIN usage policy");
    }
    const unsigned allowed = (**policy)[0];
    const unsigned primary = (**policy)[1];
    const bool global = (allowed & 0x20U) != 0 && (primary == 0x20 || (allowed & 0x40U) == 0);
    return global ? PinReference::Global : PinReference::Application;
}

Result<std::string> guid_from_chuid(ByteView object) {
    // Only the first part may have been read: the container's length is looked at, not required.
    if (announced_tlv_size(object) == 0 || object[0] != 0x53) {
        return malformed("the CHUID on the card is not in a container (tag 53)");
    }
    std::size_t header = 2;
    if ((object[1] & 0x80U) != 0) {
        header += object[1] & 0x7FU;
    }
    TlvReader reader(object.sub(header));
    for (;;) {
        auto next = reader.next();
        if (!next) {
            return std::move(next).error();
        }
        if (!next->has_value()) {
            return std::string();
        }
        if ((*next)->tag == 0x34) {
            return to_hex((*next)->value);
        }
    }
}

Status check_pin_format(ByteView pin, std::size_t minimum, std::size_t maximum) {
    if (pin.size() < minimum || pin.size() > maximum) {
        return Error(ErrorCode::PinFormat, "a PIN has " + std::to_string(minimum) + " to " +
                                               std::to_string(maximum) + " characters");
    }
    for (const std::uint8_t octet : pin) {
        if (octet < 0x20 || octet == 0x7F || octet == 0xFF) {
            return Error(ErrorCode::PinFormat, "a PIN has no such character");
        }
    }
    return {};
}

}  // namespace piv
