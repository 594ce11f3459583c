// The PIV card application, SP 800-73-4 part 2: one command in, one response out. No I/O, no clock.
#pragma once

#include <cstdint>

#include "tests/card/apdu.h"
#include "tests/card/card_profile.h"

namespace piv::vcard {

/// What has happened since the last clear(); for tests that count.
struct Counters {
    unsigned apdus = 0;
    unsigned selects = 0;
    unsigned get_data = 0;
    unsigned get_response = 0;
    unsigned verify = 0;         // VERIFY with a PIN: these may spend a try
    unsigned verify_wrong = 0;   // tries spent
    unsigned tries_queries = 0;  // VERIFY without a PIN
    unsigned pin_changes = 0;
    unsigned signatures = 0;
    unsigned resets = 0;
    unsigned long bytes_in = 0;
    unsigned long bytes_out = 0;
    unsigned wrong_ever = 0;  // tries spent since the start of the program
    void wrong() {
        ++verify_wrong;
        ++wrong_ever;
    }
    void clear() {
        const unsigned kept = wrong_ever;
        *this = Counters{};
        wrong_ever = kept;
    }
};

/// A PIN or PUK with its retry counter.
class Secret {
  public:
    Secret(const std::string& value, int tries);
    /// Compares and counts. SW 9000, 63Cx or 6983.
    std::uint16_t verify(ByteView padded);
    void change(ByteView padded);
    void reset_counter() noexcept { left_ = tries_; }
    void set_left(int left) noexcept { left_ = left; }
    [[nodiscard]] int left() const noexcept { return left_; }
    [[nodiscard]] std::uint16_t status() const noexcept;

  private:
    Bytes value_;
    int tries_;
    int left_;
};

class PivApplet {
  public:
    explicit PivApplet(CardProfile profile);

    /// A whole command as it came from the reader, to a whole response.
    Bytes transmit(ByteView raw);
    /// Power or warm reset: selection, PIN and unfinished chains are gone, counters are not.
    void reset() noexcept;

    [[nodiscard]] Counters& counters() noexcept { return counters_; }
    [[nodiscard]] int tries_left() const noexcept { return pin_.left(); }
    void set_tries_left(int left) noexcept { pin_.set_left(left); }
    [[nodiscard]] const CardProfile& profile() const noexcept { return profile_; }

  private:
    Response process(const Command& command);
    Response assemble(const Command& command);
    Response dispatch(const Command& command);
    Response reply(Bytes data, const Command& command);
    Response select(const Command& command);
    Response get_data(const Command& command);
    Response get_response(const Command& command);
    Response verify(const Command& command);
    Response change_reference(const Command& command);
    Response reset_retry_counter(const Command& command);
    Response general_authenticate(const Command& command, bool pin_was_just_verified);
    Response use_key(const CardKey& key, const Command& command);
    [[nodiscard]] bool may_use(std::uint8_t slot, bool pin_was_just_verified) const noexcept;
    Secret* pin_by_reference(std::uint8_t reference) noexcept;

    CardProfile profile_;
    Secret pin_;
    Secret global_pin_;
    Secret puk_;
    bool selected_ = false;
    bool verified_ = false;       // application or global PIN
    bool just_verified_ = false;  // by the command before this one
    Bytes chain_;                 // data of a command that is still coming
    std::uint8_t chain_header_[3] = {0, 0, 0};
    bool chaining_ = false;
    Bytes pending_;  // response data not fetched yet
    Counters counters_;
};

}  // namespace piv::vcard
