// The card's end of the vpcd protocol (vsmartcard's reader driver for pcscd): frames of a 16-bit
// length and that many bytes; one byte is power off, power on, reset or "what is your ATR?".
#pragma once

#include <cstdint>

#include "pki/base/bytes.h"
#include "pki/base/fd.h"

namespace piv::vcard {

class VpcdLink {
  public:
    explicit VpcdLink(std::uint16_t port) noexcept : port_(port) {}

    /// Connects to 127.0.0.1. False: nobody listens there (yet).
    bool connect() noexcept;
    void disconnect() noexcept { fd_.reset(); }
    [[nodiscard]] bool connected() const noexcept { return fd_.valid(); }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// One frame; false when the reader is gone.
    bool receive(Bytes& frame);
    bool send(ByteView frame);

  private:
    std::uint16_t port_;
    UniqueFd fd_;
};

}  // namespace piv::vcard
