#include "tests/card/card_profile.h"

#include <openssl/sha.h>
#include <zlib.h>

#include <array>

#include "tests/card/tlv.h"

namespace piv::vcard {

namespace {

const Bytes kPivAid{0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};

Result<Bytes> gzip(ByteView input) {
    z_stream stream{};
    // 15 + 16: a gzip header, as SP 800-73-4 part 1 appendix A asks for.
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return ErrorCode::OutOfMemory;
    }
    Bytes out(deflateBound(&stream, static_cast<uLong>(input.size())));
    stream.next_in = const_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        return Error(ErrorCode::Internal, "deflate");
    }
    return out;
}

Bytes long_length(std::uint8_t tag, ByteView value) {
    const std::size_t size = value.size();
    Bytes out{tag, 0x83, static_cast<std::uint8_t>(size >> 16 & 0xFF),
              static_cast<std::uint8_t>(size >> 8 & 0xFF), static_cast<std::uint8_t>(size & 0xFF)};
    out.insert(out.end(), value.begin(), value.end());
    return out;
}

std::vector<std::string> split(const std::string& text, char by) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == by) {
            parts.emplace_back();
        } else {
            parts.back().push_back(c);
        }
    }
    return parts;
}

Bytes discovery_object(const CardProfile& profile) {
    // SP 800-73-4 part 1, 3.3.2: 0x40 application PIN, 0x60 also the global PIN; 0x10 and 0x20 say
    // which one is primary.
    Bytes usage{0x40, 0x00};
    if (!profile.global_pin.empty()) {
        usage = {0x60, static_cast<std::uint8_t>(profile.global_preferred ? 0x20 : 0x10)};
    }
    return tlv(kTagDiscovery, concat({tlv(0x4F, kPivAid), tlv(0x5F2F, usage)}));
}

Bytes chuid_object(ByteView guid) {
    // SP 800-73-4 part 1, table 9. The FASC-N is the one that the standard uses as its example.
    const Bytes fascn{0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE, 0x73, 0x9D, 0x83, 0x68,
                      0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB};
    return tlv(0x53, concat({tlv(0x30, fascn), tlv(0x34, guid),
                             tlv(0x35, ByteView(std::string_view("20401231"))), tlv(0x3E, {}),
                             tlv(0xFE, {})}));
}

Bytes ccc_object(ByteView guid) {
    // SP 800-73-4 part 1, table 8; card identifier: GSC-RID, manufacturer, card type, card id.
    Bytes id{0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02};
    id.insert(id.end(), guid.begin(), guid.begin() + 14);
    const Bytes two_one{0x21};
    const Bytes zero{0x00};
    const Bytes ten{0x10};
    return tlv(0x53,
               concat({tlv(0xF0, id), tlv(0xF1, two_one), tlv(0xF2, two_one), tlv(0xF3, {}),
                       tlv(0xF4, zero), tlv(0xF5, ten), tlv(0xF6, {}), tlv(0xF7, {}), tlv(0xFA, {}),
                       tlv(0xFB, {}), tlv(0xFC, {}), tlv(0xFD, {}), tlv(0xFE, {})}));
}

}  // namespace

bool container_from_name(const std::string& name, Container& out) {
    static const std::map<std::string, Container> names{
        {"plain", Container::Plain},           {"gzip", Container::Gzip},
        {"no-edc", Container::NoEdc},          {"info-first", Container::InfoFirst},
        {"mscuid", Container::Mscuid},         {"long-length", Container::LongLength},
        {"gzip-unsaid", Container::GzipUnsaid}};
    const auto found = names.find(name);
    if (found == names.end()) {
        return false;
    }
    out = found->second;
    return true;
}

std::uint32_t certificate_tag(std::uint8_t key_reference) noexcept {
    switch (key_reference) {
        case kPivAuthentication:
            return 0x5FC105;
        case kDigitalSignature:
            return 0x5FC10A;
        case kKeyManagement:
            return 0x5FC10B;
        case kCardAuthentication:
            return 0x5FC101;
        default:
            if (key_reference >= kFirstRetired && key_reference <= kLastRetired) {
                return 0x5FC10DU + (key_reference - kFirstRetired);
            }
            return 0;
    }
}

Result<Bytes> certificate_object(ByteView certificate, Container form) {
    Bytes value = certificate.copy();
    if (form == Container::Gzip || form == Container::GzipUnsaid) {
        Result<Bytes> packed = gzip(certificate);
        if (!packed) {
            return packed;
        }
        value = std::move(packed).value();
    }
    const Bytes cert = form == Container::LongLength ? long_length(0x70, value) : tlv(0x70, value);
    const Bytes flag{static_cast<std::uint8_t>(form == Container::Gzip ? 1 : 0)};
    const Bytes info = tlv(0x71, flag);
    const Bytes edc = tlv(0xFE, {});
    switch (form) {
        case Container::NoEdc:
            return tlv(0x53, concat({cert, info}));
        case Container::InfoFirst:
            return tlv(0x53, concat({info, cert, edc}));
        case Container::Mscuid:
            return tlv(0x53,
                       concat({cert, info, tlv(0x72, ByteView(std::string_view("MSCUID"))), edc}));
        default:
            return tlv(0x53, concat({cert, info, edc}));
    }
}

Status add_slot(CardProfile& profile, std::uint8_t slot, const std::string& spec) {
    const std::vector<std::string> parts = split(spec, ',');
    const std::uint32_t tag = certificate_tag(slot);
    Container form = Container::Plain;
    if (tag == 0 || parts.size() > 3) {
        return Error(ErrorCode::BadUsage,
                     "a slot is 9a, 9c, 9d, 9e or 82 to 95, and its content "
                     "CERT[,KEY[,CONTAINER]]: " +
                         spec);
    }
    if (parts.size() == 3 && !container_from_name(parts[2], form)) {
        return Error(ErrorCode::BadUsage, "no such container form: " + parts[2]);
    }
    if (parts[0] != "-") {
        Result<Bytes> certificate = load_certificate(parts[0]);
        if (!certificate) {
            return std::move(certificate).error();
        }
        Result<Bytes> object = certificate_object(*certificate, form);
        if (!object) {
            return std::move(object).error();
        }
        profile.objects[tag] = std::move(object).value();
    }
    if (parts.size() >= 2 && parts[1] != "-") {
        Result<CardKey> key = CardKey::load(parts[1]);
        if (!key) {
            return std::move(key).error();
        }
        profile.keys.erase(slot);
        profile.keys.emplace(slot, std::move(key).value());
    }
    return {};
}

void add_standard_objects(CardProfile& profile, ByteView guid) {
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
    if (guid.size() != 16) {
        Bytes seed;
        for (const auto& [tag, object] : profile.objects) {
            seed.insert(seed.end(), object.begin(), object.end());
        }
        SHA256(seed.data(), seed.size(), digest.data());
        digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0F) | 0x40);  // RFC 4122, version 4
        digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3F) | 0x80);
        guid = ByteView(digest.data(), 16);
    }
    std::uint8_t retired = 0;
    for (int slot = kFirstRetired; slot <= kLastRetired; ++slot) {
        const auto reference = static_cast<std::uint8_t>(slot);
        retired =
            static_cast<std::uint8_t>(retired + profile.objects.count(certificate_tag(reference)));
    }
    const Bytes on_card{retired};
    const Bytes off_card{0};
    profile.objects.emplace(kTagChuid, chuid_object(guid));
    profile.objects.emplace(kTagCcc, ccc_object(guid));
    if (profile.discovery) {
        profile.objects.emplace(kTagDiscovery, discovery_object(profile));
    }
    if (retired > 0) {
        profile.objects.emplace(kTagKeyHistory,
                                tlv(0x53, concat({tlv(0xC1, on_card), tlv(0xC2, off_card),
                                                  tlv(0xF3, {}), tlv(0xFE, {})})));
    }
}

Bytes answer_to_reset(const CardProfile& profile) {
    // ISO/IEC 7816-4, 8.1: category indicator 80, card service data (73 is the compact TLV of card
    // capabilities): 0x80 command chaining, 0x40 extended Lc and Le.
    const auto capability = static_cast<std::uint8_t>(profile.extended ? 0xC0 : 0x80);
    const Bytes historical{0x80, 0x73, 0xC8, 0x21, capability, 0x56, 'P', 'I', 'V', 'L', 'A', 'B'};
    const auto count = static_cast<std::uint8_t>(historical.size());
    Bytes atr{0x3B};
    if (profile.contactless_atr) {  // PC/SC part 3: TD1 says T=0, TD2 says T=1
        atr.insert(atr.end(), {static_cast<std::uint8_t>(0x80 | count), 0x80, 0x01});
    } else {  // T=1, IFSC 254
        atr.insert(atr.end(),
                   {static_cast<std::uint8_t>(0xD0 | count), 0x18, 0x00, 0x81, 0x31, 0xFE, 0x45});
    }
    atr.insert(atr.end(), historical.begin(), historical.end());
    std::uint8_t check = 0;
    for (std::size_t i = 1; i < atr.size(); ++i) {
        check = static_cast<std::uint8_t>(check ^ atr[i]);
    }
    atr.push_back(check);
    return atr;
}

}  // namespace piv::vcard
