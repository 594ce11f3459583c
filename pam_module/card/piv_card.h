// A PIV card (SP 800-73-4 part 2) over a CardLink.
//
// Commands of one login: SELECT, GET DATA (certificate), GET DATA (discovery), VERIFY without data
// for the tries left; then the person types; SELECT, VERIFY, GENERAL AUTHENTICATE. The second SELECT
// makes sure that the PIN does not reach another application of the card that somebody selected
// meanwhile. The first is left out where cards of the kind have PIV selected when they are reset.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pam_module/card/card_link.h"
#include "pam_module/card/card_session.h"
#include "pam_module/card/certificate_cache.h"
#include "pam_module/card/piv_objects.h"

namespace piv {

class PivCard final : public CardSession {
  public:
    /// Selects the PIV application and reads what a login needs, in one transaction. Errors: CardNotPiv
    /// when the card has no PIV application; CardRemoved, CardFailure, CardBusy, DeadlineOver. What
    /// else is wrong with the card is told by certificates().
    static Result<std::unique_ptr<PivCard>> open(std::unique_ptr<CardLink> link,
                                                 const CardSettings& settings, Deadline deadline);
    ~PivCard() override;
    PivCard(const PivCard&) = delete;
    PivCard& operator=(const PivCard&) = delete;

    [[nodiscard]] const CardInfo& card() const noexcept override { return info_; }
    Result<std::vector<CardCertificate>> certificates(Deadline deadline) override;
    Result<std::optional<int>> pin_tries_left(Deadline deadline) override;
    Result<Bytes> verify_pin_and_sign(const SecretBuffer& pin, const CardCertificate& certificate,
                                      CardKey key, ByteView input, Deadline deadline) override;
    Status change_pin(const SecretBuffer& old_pin, const SecretBuffer& new_pin,
                      Deadline deadline) override;
    Status unblock_pin(const SecretBuffer& puk, const SecretBuffer& new_pin,
                       Deadline deadline) override;
    Result<std::string> read_card_id(Deadline deadline) override;
    void distrust_cache() noexcept override;
    [[nodiscard]] CardTraffic traffic() const noexcept override;

  private:
    PivCard(std::unique_ptr<CardLink> link, const CardSettings& settings);

    // Reading, inside a transaction.
    Status find_application(Deadline deadline);
    Status select(Deadline deadline);
    Status read_all(Deadline deadline);
    Result<PinReference> read_pin_reference(Deadline deadline);
    Result<std::optional<CardCertificate>> read_certificate(const PivSlot& slot, Deadline deadline);
    Result<std::optional<Bytes>> read_object(std::uint32_t tag, Deadline deadline);
    struct FirstLook {
        bool refused = false;    // a status that says that there is nothing
        bool is_object = false;  // what came is the beginning of a data object
        std::optional<CacheEntry> entry;
    };
    Result<FirstLook> look_up(const PivSlot& slot, Deadline deadline);
    Result<std::optional<int>> ask_tries(Deadline deadline);
    Result<std::optional<int>> tries_of_locked_card(Deadline deadline);

    // With the PIN.
    Status enter(Deadline deadline);
    Status check_floor(Deadline deadline);
    Status verify(const SecretBuffer& pin, Deadline deadline);
    Status verify_on_pad(Deadline deadline);
    Status judge_verify(std::uint16_t status);
    Result<Bytes> sign(const PivSlot& slot, CardKey key, ByteView input, Deadline deadline);
    Status change_reference(std::uint8_t ins, const SecretBuffer& first, const SecretBuffer& second,
                            Deadline deadline);
    void leave() noexcept;
    void keep_certificates() noexcept;

    std::unique_ptr<CardLink> link_;
    ApduDialog dialog_;
    CardInfo info_;
    std::vector<PivSlot> slots_;
    int tries_floor_;
    CertificateCache cache_;
    bool kind_known_ = false;              // cards with this ATR are in the cache
    std::optional<FirstLook> first_look_;  // for the first slot, where no SELECT came before it
    bool selected_ = false;                // by a SELECT of ours
    PinReference pin_reference_ = PinReference::Application;
    std::vector<CardCertificate> certificates_;
    Status read_status_;
    std::optional<int> tries_;
    bool tries_known_ = false;  // tries_ is what the card last said, not older than a prompt
    std::optional<CardTransaction> transaction_;  // held from VERIFY on
    std::vector<std::string> cached_;             // names of cache entries that were used
    std::vector<Bytes> to_keep_;  // objects read in full, for the cache after a signature
    bool signed_ = false;
    bool selected_by_assumption_ = false;
};

}  // namespace piv
