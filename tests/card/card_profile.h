// What is on a virtual card: PINs, keys and data objects (SP 800-73-4 part 1).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "tests/card/card_key.h"

namespace piv::vcard {

/// Key references, SP 800-73-4 part 1 table 4b.
constexpr std::uint8_t kPivAuthentication = 0x9A;
constexpr std::uint8_t kDigitalSignature = 0x9C;
constexpr std::uint8_t kKeyManagement = 0x9D;
constexpr std::uint8_t kCardAuthentication = 0x9E;
constexpr std::uint8_t kFirstRetired = 0x82;
constexpr std::uint8_t kLastRetired = 0x95;

/// Data object tags, SP 800-73-4 part 1 table 3.
constexpr std::uint32_t kTagDiscovery = 0x7E;
constexpr std::uint32_t kTagCcc = 0x5FC107;
constexpr std::uint32_t kTagChuid = 0x5FC102;
constexpr std::uint32_t kTagSecurityObject = 0x5FC106;
constexpr std::uint32_t kTagPrintedInformation = 0x5FC109;
constexpr std::uint32_t kTagKeyHistory = 0x5FC10C;

/// How the certificate lies in its container. All are legal except where said.
enum class Container {
    Plain,       // 70, 71 00, FE
    Gzip,        // 71 01
    NoEdc,       // the error detection tag is missing, as on many real cards
    InfoFirst,   // 71 before 70
    Mscuid,      // 72 between 71 and FE
    LongLength,  // lengths of 70 in three bytes where fewer would do
    GzipUnsaid,  // compressed, but 71 says that it is not: not legal, seen on real cards
};
bool container_from_name(const std::string& name, Container& out);

struct CardProfile {
    std::string pin = "123456";
    std::string puk = "12345678";
    std::string global_pin;  // empty: the card has none
    int tries = 3;
    int puk_tries = 3;
    bool discovery = true;
    bool global_preferred = false;  // PIN usage policy 60 20 instead of 60 10
    bool extended = true;           // extended APDUs are accepted, and the ATR says so
    bool contactless_atr = false;   // T=0 and T=1 offered, as readers give it for contactless cards
    bool default_selected = false;  // the PIV application is there without SELECT
    bool yubikey = false;           // answers the version and serial instructions
    std::map<std::uint8_t, CardKey> keys;
    std::map<std::uint32_t, Bytes> objects;  // as GET DATA returns them, outer tag included
    std::set<std::uint32_t> pin_gated;       // objects that are read only after the PIN
};

/// The data object that holds the certificate of a key; 0 for a reference without one.
std::uint32_t certificate_tag(std::uint8_t key_reference) noexcept;
/// A certificate data object: 53 around the container.
Result<Bytes> certificate_object(ByteView certificate, Container form);
/// Adds certificate and key to a slot. `spec` is CERT[,KEY[,CONTAINER]]; "-" for none.
Status add_slot(CardProfile& profile, std::uint8_t slot, const std::string& spec);
/// CHUID, CCC, discovery object and key history, where they are not there yet. `guid` of 16 bytes;
/// empty: from the first certificate.
void add_standard_objects(CardProfile& profile, ByteView guid);
/// Answer to reset, with the card capabilities of ISO/IEC 7816-4 in the historical bytes.
Bytes answer_to_reset(const CardProfile& profile);

}  // namespace piv::vcard
