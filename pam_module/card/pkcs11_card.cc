#include "pam_module/card/pkcs11_card.h"

#include <algorithm>
#include <iterator>

#include "pam_module/card/pcsc.h"
#include "pam_module/card/piv_objects.h"
#include "pam_module/card/signature_format.h"

namespace piv {

namespace {

constexpr CK_ULONG kMaxTokens = 64;
constexpr CK_ULONG kMaxObjects = 64;
constexpr std::size_t kMaxId = 256;
constexpr CK_ULONG kMaxSignature = 1024;  // RSA 8192

// Fixed-size text fields of PKCS#11 are filled up with blanks, without an end.
template <typename Character, std::size_t kSize>
std::string text_of(const Character (&field)[kSize]) {
    std::string text(reinterpret_cast<const char*>(field), kSize);
    const std::size_t end = text.find_last_not_of(std::string(" \0", 2));
    text.resize(end == std::string::npos ? 0 : end + 1);
    return text;
}

CK_UTF8CHAR* pin_of(const SecretBuffer& pin) {
    return pin.empty() ? nullptr : const_cast<CK_UTF8CHAR*>(pin.data());
}

bool is_rsa(CardKey key) {
    return key == CardKey::Rsa2048 || key == CardKey::Rsa3072 || key == CardKey::Rsa4096;
}

}  // namespace

Result<std::vector<std::unique_ptr<CardSession>>> open_tokens(const CardSettings& settings,
                                                              Deadline deadline) {
    if (settings.module.empty()) {
        return Error(ErrorCode::BadConfig, "card.backend = pkcs11 needs card.module");
    }
    auto module = Pkcs11Module::load(settings.module);
    if (!module) {
        return std::move(module).error();
    }
    CK_SLOT_ID slots[kMaxTokens];
    CK_ULONG count = kMaxTokens;
    const CK_RV rv = (*module)->calls().C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_GetSlotList");
    }
    if (count > kMaxTokens) {
        return Error(ErrorCode::CardMalformed,
                     "the module names more tokens than it was asked for");
    }
    std::vector<std::unique_ptr<CardSession>> cards;
    Error problem = ErrorCode::NoCard;
    for (CK_ULONG i = 0; i < count; ++i) {
        if (deadline.over()) {
            return ErrorCode::DeadlineOver;
        }
        auto card = Pkcs11Card::open(*module, slots[i], settings);
        if (!card) {
            problem = std::move(card).error();
        } else if (reader_matches(settings.reader, (*card)->card().reader)) {
            cards.push_back(std::move(*card));
        }
    }
    if (cards.empty()) {
        return problem;
    }
    return cards;
}

Result<std::unique_ptr<Pkcs11Card>> Pkcs11Card::open(std::shared_ptr<Pkcs11Module> module,
                                                     CK_SLOT_ID slot,
                                                     const CardSettings& settings) {
    std::unique_ptr<Pkcs11Card> card(new Pkcs11Card(std::move(module), slot, settings));
    CK_SLOT_INFO info{};
    const CK_RV rv = card->module_->calls().C_GetSlotInfo(slot, &info);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_GetSlotInfo");
    }
    card->info_.reader = text_of(info.slotDescription);
    card->info_.backend = CardBackend::Pkcs11;
    if (Status s = card->read_token_info(); !s) {
        return std::move(s).error();
    }
    if (Status s = card->open_session(false); !s) {
        return std::move(s).error();
    }
    return card;
}

Pkcs11Card::~Pkcs11Card() {
    close_session();
}

// A token that does not ask for a PIN proves nothing about the person: CKF_LOGIN_REQUIRED must be set.
Status Pkcs11Card::read_token_info() {
    const CK_RV rv = module_->calls().C_GetTokenInfo(slot_, &token_);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_GetTokenInfo");
    }
    if ((token_.flags & CKF_TOKEN_INITIALIZED) == 0) {
        return Error(ErrorCode::CardNotUsable, "the token is not initialised");
    }
    if ((token_.flags & CKF_LOGIN_REQUIRED) == 0) {
        return Error(ErrorCode::CardNotUsable, "the token asks for no PIN");
    }
    if ((token_.flags & CKF_USER_PIN_INITIALIZED) == 0) {
        return Error(ErrorCode::CardNotUsable, "the token has no PIN");
    }
    info_.card_id = text_of(token_.serialNumber);
    info_.pin_pad = (token_.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    info_.pin_change_due = (token_.flags & CKF_USER_PIN_TO_BE_CHANGED) != 0;
    info_.pin_min = std::max<std::size_t>(1, token_.ulMinPinLen);
    const bool has_maximum = token_.ulMaxPinLen != 0 && token_.ulMaxPinLen <= 255;
    info_.pin_max = has_maximum ? token_.ulMaxPinLen : 255;
    const std::string maker = text_of(token_.manufacturerID);
    piv_numbering_ = maker == "piv_II" || maker.compare(0, 6, "Yubico") == 0;
    return {};
}

Status Pkcs11Card::open_session(bool read_write) {
    close_session();
    const CK_FLAGS flags = CKF_SERIAL_SESSION | (read_write ? CKF_RW_SESSION : 0UL);
    const CK_RV rv = module_->calls().C_OpenSession(slot_, flags, nullptr, nullptr, &session_);
    if (rv != CKR_OK) {
        session_ = CK_INVALID_HANDLE;
        return pkcs11_error(rv, "C_OpenSession");
    }
    return {};
}

void Pkcs11Card::close_session() noexcept {
    if (session_ != CK_INVALID_HANDLE) {
        (void)module_->calls().C_Logout(session_);
        (void)module_->calls().C_CloseSession(session_);
        session_ = CK_INVALID_HANDLE;
    }
}

// --- objects --------------------------------------------------------------------------------------

Result<std::vector<CK_OBJECT_HANDLE>> Pkcs11Card::find(CK_OBJECT_CLASS object_class, ByteView id) {
    CK_ATTRIBUTE pattern[2] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_ID, const_cast<std::uint8_t*>(id.data()), static_cast<CK_ULONG>(id.size())}};
    CK_RV rv = module_->calls().C_FindObjectsInit(session_, pattern, id.empty() ? 1 : 2);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_FindObjectsInit");
    }
    std::vector<CK_OBJECT_HANDLE> found(kMaxObjects);
    CK_ULONG used = 0;
    while (used < kMaxObjects) {
        CK_ULONG count = 0;
        rv = module_->calls().C_FindObjects(session_, found.data() + used, kMaxObjects - used,
                                            &count);
        if (rv != CKR_OK || count == 0 || count > kMaxObjects - used) {
            break;
        }
        used += count;
    }
    (void)module_->calls().C_FindObjectsFinal(session_);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_FindObjects");
    }
    found.resize(used);
    return found;
}

Result<Bytes> Pkcs11Card::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                    std::size_t maximum) {
    CK_ATTRIBUTE wanted{type, nullptr, 0};
    CK_RV rv = module_->calls().C_GetAttributeValue(session_, object, &wanted, 1);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_GetAttributeValue");
    }
    if (wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION || wanted.ulValueLen > maximum) {
        return Error(ErrorCode::CardMalformed, "an object on the token is larger than it may be");
    }
    Bytes value(wanted.ulValueLen);
    if (value.empty()) {
        return value;
    }
    wanted.pValue = value.data();
    rv = module_->calls().C_GetAttributeValue(session_, object, &wanted, 1);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_GetAttributeValue");
    }
    if (wanted.ulValueLen > value.size()) {
        return Error(ErrorCode::CardMalformed, "an object on the token changes its size");
    }
    value.resize(wanted.ulValueLen);
    return value;
}

bool Pkcs11Card::flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise) {
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE wanted{type, &value, sizeof value};
    const CK_RV rv = module_->calls().C_GetAttributeValue(session_, object, &wanted, 1);
    return rv == CKR_OK && wanted.ulValueLen == sizeof value ? value != CK_FALSE : otherwise;
}

// Ids of the private keys that are to be seen without a PIN. Many tokens show none: then it is found
// out after the PIN whether there is a key for the certificate.
Result<std::vector<Bytes>> Pkcs11Card::ids_of_keys() {
    auto keys = find(CKO_PRIVATE_KEY, {});
    if (!keys) {
        return std::move(keys).error();
    }
    std::vector<Bytes> ids;
    for (const CK_OBJECT_HANDLE key : *keys) {
        if (auto id = attribute(key, CKA_ID, kMaxId)) {
            ids.push_back(std::move(*id));
        }
    }
    return ids;
}

// Modules for PIV cards number the keys: 01 9A, 02 9C, 03 9D, 04 9E, from 05 on the retired ones.
std::string Pkcs11Card::slot_of(ByteView id) const {
    static const char* const names[] = {"9A", "9C", "9D", "9E"};
    if (piv_numbering_ && id.size() == 1 && id[0] >= 1 && id[0] <= 4) {
        return names[id[0] - 1];
    }
    return to_hex(id);
}

bool Pkcs11Card::wanted(const std::string& slot) const {
    return !piv_numbering_ || std::any_of(slots_.begin(), slots_.end(), [&](const std::string& s) {
        const auto named = slot_by_name(s);
        return named && slot_name(*named) == slot;
    });
}

Result<std::vector<CardCertificate>> Pkcs11Card::certificates(Deadline deadline) {
    auto handles = find(CKO_CERTIFICATE, {});
    if (!handles) {
        return std::move(handles).error();
    }
    auto keys = ids_of_keys();
    if (!keys) {
        return std::move(keys).error();
    }
    std::vector<CardCertificate> certificates;
    ids_.clear();
    for (const CK_OBJECT_HANDLE handle : *handles) {
        if (deadline.over()) {
            return ErrorCode::DeadlineOver;
        }
        auto id = attribute(handle, CKA_ID, kMaxId);
        auto value = attribute(handle, CKA_VALUE, kMaxCardCertificate);
        if (!id || !value || id->empty() || value->empty()) {
            continue;  // a certificate that no key belongs to: a CA's
        }
        const bool has_key =
            keys->empty() || std::find(keys->begin(), keys->end(), *id) != keys->end();
        const std::string slot = slot_of(*id);
        if (!has_key || !wanted(slot)) {
            continue;
        }
        certificates.push_back({std::move(*value), slot});
        ids_.emplace_back(slot, std::move(*id));
    }
    if (certificates.empty()) {
        return Error(ErrorCode::CardNotUsable, "no certificate with a key for login on the token");
    }
    std::stable_sort(certificates.begin(), certificates.end(),
                     [](const CardCertificate& a, const CardCertificate& b) {
                         return a.slot == "9A" && b.slot != "9A";
                     });
    return certificates;
}

Result<std::string> Pkcs11Card::read_card_id(Deadline /*deadline*/) {
    return info_.card_id;
}

// --- the PIN --------------------------------------------------------------------------------------

// PKCS#11 has no number, only flags (PKCS#11 2.40 table 7): one try left, or none.
Result<std::optional<int>> Pkcs11Card::pin_tries_left(Deadline /*deadline*/) {
    const CK_RV rv = module_->calls().C_GetTokenInfo(slot_, &token_);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_GetTokenInfo");
    }
    if ((token_.flags & CKF_USER_PIN_LOCKED) != 0) {
        return std::optional<int>(0);
    }
    if ((token_.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return std::optional<int>(1);
    }
    return std::optional<int>();
}

Status Pkcs11Card::check_pin(const SecretBuffer& pin) const {
    if (pin.empty() && info_.pin_pad) {
        return {};
    }
    return check_pin_format(pin.view(), info_.pin_min, info_.pin_max);
}

Status Pkcs11Card::check_tries() {
    auto tries = pin_tries_left(Deadline::at_ms(0));
    if (!tries) {
        return std::move(tries).error();
    }
    if (*tries == 0) {
        return ErrorCode::PinBlocked;
    }
    if (tries->has_value() && **tries <= tries_floor_) {
        return Error(ErrorCode::PinTriesFloor, "the token says that one try is left");
    }
    return {};
}

// CKR_USER_ALREADY_LOGGED_IN says nothing about the PIN that was given: the session of whoever it was
// is ended, and the PIN must be found right after that. Not so where the PIN of a signature is asked for
// (CKU_CONTEXT_SPECIFIC): the token was opened with this PIN a moment ago, and stays open. Some modules
// answer so where they need no PIN again; whether they sign then shows.
Status Pkcs11Card::login(CK_USER_TYPE user, const SecretBuffer& pin) {
    const auto size = static_cast<CK_ULONG>(pin.size());
    CK_RV rv = module_->calls().C_Login(session_, user, pin_of(pin), size);
    if (user == CKU_CONTEXT_SPECIFIC && rv == CKR_USER_ALREADY_LOGGED_IN) {
        return {};
    }
    if (user != CKU_CONTEXT_SPECIFIC &&
        (rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN)) {
        const CK_RV out = module_->calls().C_Logout(session_);
        rv = out == CKR_OK ? module_->calls().C_Login(session_, user, pin_of(pin), size) : rv;
        if (rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN) {
            return Error(ErrorCode::CardNotUsable, "the token does not let its PIN be checked");
        }
    }
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_Login");
    }
    return {};
}

Result<CK_OBJECT_HANDLE> Pkcs11Card::signing_key(ByteView id) {
    auto keys = find(CKO_PRIVATE_KEY, id);
    if (!keys) {
        return std::move(keys).error();
    }
    for (const CK_OBJECT_HANDLE key : *keys) {
        if (flag(key, CKA_SIGN, false)) {
            return key;
        }
    }
    return Error(ErrorCode::CardNotUsable, "the token has no signing key for the certificate");
}

Result<CK_MECHANISM_TYPE> Pkcs11Card::mechanism(CardKey key) {
    const CK_MECHANISM_TYPE candidates[] = {CKM_RSA_PKCS, CKM_RSA_X_509, CKM_ECDSA};
    for (const CK_MECHANISM_TYPE candidate : candidates) {
        CK_MECHANISM_INFO info{};
        if ((candidate != CKM_ECDSA) == is_rsa(key) &&
            module_->calls().C_GetMechanismInfo(slot_, candidate, &info) == CKR_OK &&
            (info.flags & CKF_SIGN) != 0) {
            return candidate;
        }
    }
    return Error(ErrorCode::CardNotUsable, "the token cannot sign with a key of this kind");
}

Result<Bytes> Pkcs11Card::sign(CK_OBJECT_HANDLE object, const SecretBuffer& pin, CardKey key,
                               ByteView input) {
    auto type = mechanism(key);
    if (!type) {
        return std::move(type).error();
    }
    ByteView data = input;
    if (*type == CKM_RSA_PKCS) {
        auto digest_info = digest_info_of(input);
        if (!digest_info) {
            return std::move(digest_info).error();
        }
        data = *digest_info;
    }
    CK_MECHANISM chosen{*type, nullptr, 0};
    CK_RV rv = module_->calls().C_SignInit(session_, &chosen, object);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_SignInit");
    }
    // Keys like PIV 9C want the PIN, which was right a moment ago, again for each signature.
    if (flag(object, CKA_ALWAYS_AUTHENTICATE, false)) {
        if (Status s = login(CKU_CONTEXT_SPECIFIC, pin); !s) {
            return std::move(s).error();
        }
    }
    Bytes signature(kMaxSignature);
    CK_ULONG size = kMaxSignature;
    rv = module_->calls().C_Sign(session_, const_cast<std::uint8_t*>(data.data()),
                                 static_cast<CK_ULONG>(data.size()), signature.data(), &size);
    if (rv != CKR_OK) {
        return pkcs11_error(rv, "C_Sign");
    }
    if (size > signature.size()) {
        return Error(ErrorCode::CardMalformed, "the token's signature is longer than it may be");
    }
    signature.resize(size);
    if (!is_rsa(key)) {
        return ecdsa_raw_to_der(signature);
    }
    return signature;
}

Result<Bytes> Pkcs11Card::verify_pin_and_sign(const SecretBuffer& pin,
                                              const CardCertificate& certificate, CardKey key,
                                              ByteView input, Deadline deadline) {
    const auto known = std::find_if(ids_.begin(), ids_.end(), [&](const auto& entry) {
        return entry.first == certificate.slot;
    });
    if (known == ids_.end()) {
        return Error(ErrorCode::CardNotUsable, "the token has no such certificate");
    }
    if (Status s = check_pin(pin); !s) {
        return std::move(s).error();
    }
    if (Status s = check_tries(); !s) {
        return std::move(s).error();
    }
    if (deadline.over()) {
        return ErrorCode::DeadlineOver;
    }
    if (Status s = login(CKU_USER, pin); !s) {
        return std::move(s).error();
    }
    auto object = signing_key(known->second);
    if (!object) {
        return std::move(object).error();
    }
    return sign(*object, pin, key, input);
}

// --- PIN change -----------------------------------------------------------------------------------

Status Pkcs11Card::change_pin(const SecretBuffer& old_pin, const SecretBuffer& new_pin,
                              Deadline /*deadline*/) {
    for (const SecretBuffer* pin : {&old_pin, &new_pin}) {
        if (Status s = check_pin(*pin); !s) {
            return s;
        }
    }
    if (Status s = open_session(true); !s) {
        return s;
    }
    if (Status s = login(CKU_USER, old_pin); !s) {
        return s;
    }
    const CK_RV rv =
        module_->calls().C_SetPIN(session_, pin_of(old_pin), static_cast<CK_ULONG>(old_pin.size()),
                                  pin_of(new_pin), static_cast<CK_ULONG>(new_pin.size()));
    if (rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE) {
        return Error(ErrorCode::PinNewRefused, "C_SetPIN");
    }
    return rv == CKR_OK ? Status() : Status(pkcs11_error(rv, "C_SetPIN"));
}

Status Pkcs11Card::unblock_pin(const SecretBuffer& puk, const SecretBuffer& new_pin,
                               Deadline /*deadline*/) {
    if (Status s = check_pin(new_pin); !s) {
        return s;
    }
    if (puk.empty() && !info_.pin_pad) {
        return Error(ErrorCode::PinFormat, "the PUK is empty");
    }
    if (Status s = open_session(true); !s) {
        return s;
    }
    if (Status s = login(CKU_SO, puk); !s) {
        switch (s.code()) {
            case ErrorCode::PinWrong:
                return Error(ErrorCode::PukWrong, s.error().detail);
            case ErrorCode::PinBlocked:
                return Error(ErrorCode::PukBlocked, s.error().detail);
            default:
                return s;
        }
    }
    const CK_RV rv = module_->calls().C_InitPIN(session_, pin_of(new_pin),
                                                static_cast<CK_ULONG>(new_pin.size()));
    if (rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE) {
        return Error(ErrorCode::PinNewRefused, "C_InitPIN");
    }
    return rv == CKR_OK ? Status() : Status(pkcs11_error(rv, "C_InitPIN"));
}

}  // namespace piv
