// Command and response APDUs over any channel (ISO/IEC 7816-4 section 5): short and extended length
// fields, command chaining, GET RESPONSE (61xx), and the right Le asked for again (6Cxx).
#pragma once

#include <cstdint>
#include <string>

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "pki/base/secret_buffer.h"
#include "pki/base/time.h"

namespace piv {

/// What carries octets to a card and back: SCardTransmit, or a script in a test.
class ApduChannel {
  public:
    virtual ~ApduChannel() = default;
    /// Sends one command as it is; the answer ends with the two status octets. Errors: CardRemoved,
    /// CardFailure (also when a reader cannot carry extended length), PcscDown, DeadlineOver.
    virtual Result<Bytes> transmit(ByteView command, Deadline deadline) = 0;
};

/// Status words that the card's commands can end with (ISO/IEC 7816-4 section 5.6).
namespace sw {
inline constexpr std::uint16_t kDone = 0x9000;
inline constexpr std::uint16_t kWrongLength = 0x6700;
inline constexpr std::uint16_t kSecurityStatus = 0x6982;
inline constexpr std::uint16_t kBlocked = 0x6983;
inline constexpr std::uint16_t kConditions = 0x6985;
inline constexpr std::uint16_t kWrongData = 0x6A80;
inline constexpr std::uint16_t kNotSupported = 0x6A81;
inline constexpr std::uint16_t kNotFound = 0x6A82;
inline constexpr std::uint16_t kWrongP1P2 = 0x6A86;
inline constexpr std::uint16_t kReferenceNotFound = 0x6A88;
inline constexpr std::uint16_t kWrongP1P2Too = 0x6B00;
inline constexpr std::uint16_t kInsNotSupported = 0x6D00;
inline constexpr std::uint16_t kClaNotSupported = 0x6E00;
/// 63Cx: x tries are left.
inline bool is_counter(std::uint16_t status) noexcept {
    return (status & 0xFFF0U) == 0x63C0U;
}
}  // namespace sw

struct CommandApdu {
    std::uint8_t ins = 0;
    std::uint8_t p1 = 0;
    std::uint8_t p2 = 0;
    ByteView data;
    bool wants_response = false;     // sends an Le field
    std::size_t max_response = 256;  // refuse (CardMalformed) beyond this
};

struct ResponseApdu {
    Bytes data;
    std::uint16_t status = 0;
};

enum class Transmission { T0, T1 };

class ApduDialog {
  public:
    ApduDialog(ApduChannel& channel, Transmission transmission, bool extended) noexcept
        : channel_(channel),
          transmission_(transmission),
          extended_(extended && transmission == Transmission::T1) {}

    /// The whole exchange: chaining, GET RESPONSE and 6Cxx are done here. A card or reader that
    /// refuses extended length (6700, no answer) is asked again in short form, from then on always. Errors: those of the
    /// channel, and CardMalformed (answer too long, endless, without status).
    Result<ResponseApdu> send(const CommandApdu& command, Deadline deadline);
    /// Only the first answer to a short command: what is left (61xx) is not fetched. The next command
    /// makes the card forget it (ISO/IEC 7816-4 section 5.3.4).
    Result<ResponseApdu> send_for_first_part(const CommandApdu& command, Deadline deadline);
    /// A command whose data is a secret (at most 255 octets): it is built in a SecretBuffer and wiped.
    /// Never repeated, whatever the card answers.
    Result<ResponseApdu> send_secret(const CommandApdu& header, const SecretBuffer& data,
                                     Deadline deadline);

    [[nodiscard]] bool extended() const noexcept { return extended_; }
    /// Commands that went to the card.
    [[nodiscard]] unsigned count() const noexcept { return count_; }
    [[nodiscard]] std::size_t bytes_sent() const noexcept { return sent_; }
    [[nodiscard]] std::size_t bytes_received() const noexcept { return received_; }

  private:
    Result<ResponseApdu> exchange(ByteView raw, Deadline deadline);
    Result<ResponseApdu> exchange_short(const CommandApdu& command, Deadline deadline);
    Result<ResponseApdu> exchange_chain(const CommandApdu& command, Deadline deadline);
    Result<ResponseApdu> get_response(std::uint8_t le, Deadline deadline);
    Result<ResponseApdu> collect(ResponseApdu first, std::size_t max_response, Deadline deadline);
    [[nodiscard]] bool needs_extended(const CommandApdu& command) const noexcept;

    ApduChannel& channel_;
    Transmission transmission_;
    bool extended_;
    unsigned count_ = 0;
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
};

/// "6A82" for messages.
std::string status_text(std::uint16_t status);

}  // namespace piv
