// Cards and tokens by a PKCS#11 module: CAC, vendor cards, SoftHSM.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pam_module/card/card_session.h"
#include "pam_module/card/pkcs11_module.h"

namespace piv {

/// Every initialised token of the configured module whose reader matches. Errors: ModuleRefused,
/// BadConfig (no module configured), NoCard, CardFailure.
Result<std::vector<std::unique_ptr<CardSession>>> open_tokens(const CardSettings& settings,
                                                              Deadline deadline);

class Pkcs11Card final : public CardSession {
  public:
    /// Errors: CardNotUsable, CardRemoved, CardFailure.
    static Result<std::unique_ptr<Pkcs11Card>> open(std::shared_ptr<Pkcs11Module> module,
                                                    CK_SLOT_ID slot, const CardSettings& settings);
    ~Pkcs11Card() override;
    Pkcs11Card(const Pkcs11Card&) = delete;
    Pkcs11Card& operator=(const Pkcs11Card&) = delete;

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

  private:
    Pkcs11Card(std::shared_ptr<Pkcs11Module> module, CK_SLOT_ID slot, const CardSettings& settings)
        : module_(std::move(module)),
          slot_(slot),
          slots_(settings.slots),
          tries_floor_(settings.tries_floor) {}
    Status read_token_info();
    Status open_session(bool read_write);
    void close_session() noexcept;
    Result<std::vector<CK_OBJECT_HANDLE>> find(CK_OBJECT_CLASS object_class, ByteView id);
    Result<Bytes> attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, std::size_t maximum);
    bool flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise);
    Result<std::vector<Bytes>> ids_of_keys();
    [[nodiscard]] std::string slot_of(ByteView id) const;
    [[nodiscard]] bool wanted(const std::string& slot) const;
    Status check_pin(const SecretBuffer& pin) const;
    Status check_tries();
    Status login(CK_USER_TYPE user, const SecretBuffer& pin);
    Result<CK_OBJECT_HANDLE> signing_key(ByteView id);
    Result<CK_MECHANISM_TYPE> mechanism(CardKey key);
    Result<Bytes> sign(CK_OBJECT_HANDLE object, const SecretBuffer& pin, CardKey key,
                       ByteView input);

    std::shared_ptr<Pkcs11Module> module_;
    CK_SLOT_ID slot_;
    std::vector<std::string> slots_;
    int tries_floor_;
    CardInfo info_;
    CK_TOKEN_INFO token_{};
    bool piv_numbering_ = false;  // the module numbers PIV keys 01 to 04 as OpenSC and ykcs11 do
    CK_SESSION_HANDLE session_ = CK_INVALID_HANDLE;
    std::vector<std::pair<std::string, Bytes>> ids_;  // slot name to CKA_ID
};

}  // namespace piv
