// Certificates of cards that were seen before. An entry is found by what every login reads anyway:
// the first octets of the certificate's object, which hold serial number and issuer, and the
// object's length. It saves reading the rest, and the discovery object.
//
// The folder belongs to the card role's own user and nothing in it is trusted: an entry is bytes as
// if from a card, checked by the path validation and by the signature.
#pragma once

#include <optional>
#include <string>

#include "pam_module/card/piv_objects.h"
#include "pki/base/bytes.h"

namespace piv {

struct CacheEntry {
    Bytes object;  // the certificate's data object, whole
    PinReference pin_reference = PinReference::Application;
    std::string name;  // of the file, for forget()
};

class CertificateCache {
  public:
    /// Octets of the object that must be there for a look-up.
    static constexpr std::size_t kKeySize = 192;

    /// An empty folder name: finds nothing, keeps nothing.
    explicit CertificateCache(std::string folder) : folder_(std::move(folder)) {}
    /// Whether a card with this ATR has an entry: only then is a look-up worth a command.
    [[nodiscard]] bool knows_kind(ByteView atr) const;
    /// The entry whose object begins with all of `first_part` and has the length that it announces.
    [[nodiscard]] std::optional<CacheEntry> find(ByteView atr, ByteView first_part) const;
    /// Keeps an object; false when that cannot be (no folder, no right, full). Never an error.
    bool keep(ByteView atr, ByteView object, PinReference pin_reference) const;
    void forget(const std::string& name) const noexcept;
    /// That cards with this ATR have not PIV selected when they are reset.
    [[nodiscard]] bool needs_select(ByteView atr) const;
    void keep_needs_select(ByteView atr) const;

  private:
    std::string folder_;
};

}  // namespace piv
