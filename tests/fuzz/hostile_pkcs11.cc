#include "tests/fuzz/hostile_pkcs11.h"

#include <p11-kit/pkcs11.h>

#include <cstring>

namespace {

constexpr CK_ULONG kLargest = ~CK_ULONG{0};
constexpr CK_ULONG kMaxSlots = 64;  // as many as the caller has room for
constexpr CK_SESSION_HANDLE kFirstSession = 1000;

struct State {
    const std::uint8_t* next = nullptr;
    std::size_t left = 0;
    const char* broken = nullptr;  // the first rule that the caller broke
    bool session[kMaxSlots] = {};
    bool searching = false;
    bool logged_in = false;
    unsigned missing = 0;  // this function of the list is not there, from 1
    unsigned pins = 0;     // PINs that a token would have counted
};
State state;

void broke(const char* rule) {
    state.broken = state.broken == nullptr ? rule : state.broken;
}

std::uint8_t octet() {
    if (state.left == 0) {
        return 0;
    }
    --state.left;
    return *state.next++;
}

CK_ULONG number() {
    const std::uint8_t value = octet();
    return value == 0xFF ? kLargest : value;
}

CK_ULONG length() {
    const auto high = static_cast<CK_ULONG>(octet());
    const CK_ULONG value = high << 8U | octet();
    return value == 0xFFFF ? CK_UNAVAILABLE_INFORMATION : value;
}

CK_RV status() {
    static const CK_RV known[] = {CKR_OK,
                                  CKR_PIN_INCORRECT,
                                  CKR_PIN_LOCKED,
                                  CKR_USER_ALREADY_LOGGED_IN,
                                  CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
                                  CKR_DEVICE_REMOVED,
                                  CKR_BUFFER_TOO_SMALL,
                                  CKR_ATTRIBUTE_TYPE_INVALID,
                                  CKR_GENERAL_ERROR,
                                  CKR_PIN_EXPIRED,
                                  CKR_FUNCTION_CANCELED,
                                  CKR_TOKEN_NOT_RECOGNIZED,
                                  CKR_HOST_MEMORY,
                                  CKR_SESSION_HANDLE_INVALID,
                                  CKR_PIN_LEN_RANGE,
                                  CKR_VENDOR_DEFINED};
    return state.left == 0 ? CKR_DEVICE_REMOVED : known[octet() % 16U];
}

bool is_open(CK_SESSION_HANDLE session) {
    return session >= kFirstSession && session < kFirstSession + kMaxSlots &&
           state.session[session - kFirstSession];
}

CK_RV session_status(CK_SESSION_HANDLE session) {
    if (!is_open(session)) {
        broke("a call without a session");
    }
    return status();
}

template <typename Character, std::size_t kSize>
void fill(Character (&field)[kSize], std::uint8_t content) {
    std::memset(field, content, kSize);
}

CK_RV initialize(CK_VOID_PTR /*arguments*/) {
    return status();
}

CK_RV finalize(CK_VOID_PTR /*reserved*/) {
    for (const bool open : state.session) {
        if (open) {
            broke("C_Finalize with a session open");
        }
    }
    return CKR_OK;
}

CK_RV get_info(CK_INFO_PTR info) {
    std::memset(info, 0, sizeof *info);
    return CKR_OK;
}

CK_RV get_slot_list(CK_BBOOL /*present*/, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count) {
    const CK_RV rv = status();
    if (rv == CKR_OK) {
        for (CK_ULONG i = 0; slots != nullptr && i < *count; ++i) {
            slots[i] = i;
        }
        *count = number();
    }
    return rv;
}

CK_RV get_slot_info(CK_SLOT_ID /*slot*/, CK_SLOT_INFO_PTR info) {
    const CK_RV rv = status();
    if (rv == CKR_OK) {
        fill(info->slotDescription, octet());
    }
    return rv;
}

CK_RV get_token_info(CK_SLOT_ID /*slot*/, CK_TOKEN_INFO_PTR info) {
    static const CK_FLAGS flags[] = {CKF_TOKEN_INITIALIZED,      CKF_LOGIN_REQUIRED,
                                     CKF_USER_PIN_INITIALIZED,   CKF_PROTECTED_AUTHENTICATION_PATH,
                                     CKF_USER_PIN_FINAL_TRY,     CKF_USER_PIN_LOCKED,
                                     CKF_USER_PIN_TO_BE_CHANGED, CKF_SO_PIN_LOCKED};
    const CK_RV rv = status();
    if (rv == CKR_OK) {
        const unsigned bits = octet();
        info->flags = 0;
        for (unsigned i = 0; i < 8; ++i) {
            info->flags |= (bits >> i & 1U) != 0 ? flags[i] : 0;
        }
        info->ulMinPinLen = number();
        info->ulMaxPinLen = number();
        const std::uint8_t maker = octet();
        fill(info->manufacturerID, maker == 0 ? std::uint8_t{' '} : maker);
        if (maker == 0) {
            std::memcpy(info->manufacturerID, "piv_II", 6);
        }
        fill(info->serialNumber, maker);
    }
    return rv;
}

CK_RV get_mechanism_info(CK_SLOT_ID /*slot*/, CK_MECHANISM_TYPE /*type*/,
                         CK_MECHANISM_INFO_PTR info) {
    const CK_RV rv = status();
    if (rv == CKR_OK) {
        info->flags = (octet() & 1U) != 0 ? CKF_SIGN : 0;
    }
    return rv;
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR /*application*/,
                   CK_NOTIFY /*notify*/, CK_SESSION_HANDLE_PTR session) {
    if ((flags & CKF_SERIAL_SESSION) == 0) {
        broke("C_OpenSession without CKF_SERIAL_SESSION");
    }
    if (slot >= kMaxSlots || state.session[slot]) {
        broke("C_OpenSession of no slot, or once more");
        return CKR_SLOT_ID_INVALID;
    }
    const CK_RV rv = status();
    *session = kFirstSession + slot;  // also where it fails: nobody may use it then
    state.session[slot] = rv == CKR_OK;
    return rv;
}

CK_RV close_session(CK_SESSION_HANDLE session) {
    if (!is_open(session)) {
        broke("C_CloseSession of no session");
        return CKR_SESSION_HANDLE_INVALID;
    }
    state.session[session - kFirstSession] = false;
    state.searching = state.logged_in = false;
    return CKR_OK;
}

CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR pattern, CK_ULONG count) {
    for (CK_ULONG i = 0; i < count; ++i) {
        if (pattern[i].pValue == nullptr && pattern[i].ulValueLen != 0) {
            broke("C_FindObjectsInit with a length and no value");
        }
    }
    if (state.searching) {
        broke("C_FindObjectsInit during a search");
    }
    const CK_RV rv = session_status(session);
    state.searching = rv == CKR_OK;
    return rv;
}

CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG maximum,
           CK_ULONG_PTR count) {
    if (!state.searching) {
        broke("C_FindObjects without C_FindObjectsInit");
    }
    const CK_RV rv = session_status(session);
    if (rv == CKR_OK) {
        for (CK_ULONG i = 0; i < maximum; ++i) {
            objects[i] = i;
        }
        *count = number();
    }
    return rv;
}

CK_RV find_final(CK_SESSION_HANDLE /*session*/) {
    state.searching = false;
    return CKR_OK;
}

CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE /*object*/,
                    CK_ATTRIBUTE_PTR attributes, CK_ULONG count) {
    const CK_RV rv = session_status(session);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; ++i) {
        const CK_ULONG size = length();
        if (attributes[i].pValue != nullptr) {
            std::memset(attributes[i].pValue, octet(), attributes[i].ulValueLen);
        }
        attributes[i].ulValueLen = size;
    }
    return rv;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size) {
    if (pin == nullptr && size != 0) {
        broke("C_Login with a length and no PIN");
    }
    const CK_RV rv = session_status(session);
    if (user == CKU_CONTEXT_SPECIFIC && !state.logged_in) {
        broke("the PIN of a signature before the PIN of the token");
    }
    const bool looked_at =
        rv != CKR_USER_ALREADY_LOGGED_IN && rv != CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    if (user == CKU_USER) {
        if (state.logged_in) {
            broke("C_Login after a C_Login that succeeded");
        }
        state.pins += looked_at ? 1 : 0;
        state.logged_in = rv == CKR_OK;
    }
    if (state.pins > 1) {
        broke("more than one try for one PIN");
    }
    return rv;
}

CK_RV logout(CK_SESSION_HANDLE session) {
    const CK_RV rv = session_status(session);
    state.logged_in = false;
    return rv;
}

CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE /*key*/) {
    if (mechanism == nullptr) {
        broke("C_SignInit without a mechanism");
    }
    if (!state.logged_in) {
        broke("C_SignInit before a PIN that was right");
    }
    return session_status(session);
}

bool has_pin(const std::uint8_t* data, CK_ULONG size) {
    const std::size_t pin = sizeof kHostilePin - 1;
    for (std::size_t i = 0; data != nullptr && i + pin <= size; ++i) {
        if (std::memcmp(data + i, kHostilePin, pin) == 0) {
            return true;
        }
    }
    return false;
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG size, CK_BYTE_PTR signature,
           CK_ULONG_PTR signature_size) {
    if (has_pin(data, size)) {
        broke("the PIN as what is to be signed");
    }
    const CK_RV rv = session_status(session);
    if (rv == CKR_OK) {
        std::memset(signature, 0x42, *signature_size);
        *signature_size = length();
    }
    return rv;
}

CK_RV set_pin(CK_SESSION_HANDLE /*session*/, CK_UTF8CHAR_PTR /*old_pin*/, CK_ULONG /*old_size*/,
              CK_UTF8CHAR_PTR /*new_pin*/, CK_ULONG /*new_size*/) {
    broke("C_SetPIN at a login");
    return CKR_OK;
}

CK_RV init_pin(CK_SESSION_HANDLE /*session*/, CK_UTF8CHAR_PTR /*pin*/, CK_ULONG /*size*/) {
    broke("C_InitPIN at a login");
    return CKR_OK;
}

void leave_out(CK_FUNCTION_LIST& f, unsigned number) {
    unsigned n = 0;
    const auto without = [&](auto& function) {
        if (++n == number) {
            function = nullptr;
        }
    };
    without(f.C_Initialize);
    without(f.C_Finalize);
    without(f.C_GetSlotList);
    without(f.C_GetSlotInfo);
    without(f.C_GetTokenInfo);
    without(f.C_GetMechanismInfo);
    without(f.C_OpenSession);
    without(f.C_CloseSession);
    without(f.C_FindObjectsInit);
    without(f.C_FindObjects);
    without(f.C_FindObjectsFinal);
    without(f.C_GetAttributeValue);
    without(f.C_Login);
    without(f.C_Logout);
    without(f.C_SignInit);
    without(f.C_Sign);
    without(f.C_SetPIN);
    without(f.C_InitPIN);
}

}  // namespace

#define PIV_EXPORT extern "C" __attribute__((visibility("default")))

PIV_EXPORT void hostile_input(const std::uint8_t* data, std::size_t size) {
    state = State();
    state.next = data;
    state.left = size;
    state.missing = octet();
}

PIV_EXPORT const char* hostile_verdict() {
    return state.broken;
}

PIV_EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
    static CK_FUNCTION_LIST functions;
    functions.version = {2, 40};
    functions.C_Initialize = initialize;
    functions.C_Finalize = finalize;
    functions.C_GetInfo = get_info;
    functions.C_GetFunctionList = C_GetFunctionList;
    functions.C_GetSlotList = get_slot_list;
    functions.C_GetSlotInfo = get_slot_info;
    functions.C_GetTokenInfo = get_token_info;
    functions.C_GetMechanismInfo = get_mechanism_info;
    functions.C_OpenSession = open_session;
    functions.C_CloseSession = close_session;
    functions.C_FindObjectsInit = find_init;
    functions.C_FindObjects = find;
    functions.C_FindObjectsFinal = find_final;
    functions.C_GetAttributeValue = get_attribute;
    functions.C_Login = login;
    functions.C_Logout = logout;
    functions.C_SignInit = sign_init;
    functions.C_Sign = sign;
    functions.C_SetPIN = set_pin;
    functions.C_InitPIN = init_pin;
    leave_out(functions, state.missing);
    *list = &functions;
    return CKR_OK;
}
