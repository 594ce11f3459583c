#include "pam_module/card/pkcs11_module.h"

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <sys/stat.h>

#include <climits>
#include <cstdio>
#include <cstdlib>

#include "pki/base/text.h"

namespace piv {

struct Pkcs11Module::Kit {
    decltype(&::p11_kit_module_load) load = nullptr;
    decltype(&::p11_kit_module_initialize) initialize = nullptr;
    decltype(&::p11_kit_module_finalize) finalize = nullptr;
    decltype(&::p11_kit_module_release) release = nullptr;

    static Result<const Kit*> get();
};

namespace {

Error refused(const std::string& path, const char* why) {
    return {ErrorCode::ModuleRefused, escape_for_display(path) + ": " + why};
}

template <typename Function>
bool resolve(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
}

// A folder that others can write to, but only add to (sticky, like /tmp), does not let them replace
// what root put there.
Status check_node(const std::string& path, bool folder) {
    struct stat st {};
    if (lstat(path.c_str(), &st) != 0) {
        return refused(path, "cannot be looked at");
    }
    if (folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
        return refused(path, folder ? "is not a folder" : "is not a regular file");
    }
    if (st.st_uid != 0) {
        return refused(path, "does not belong to root");
    }
    const bool sticky_folder = folder && (st.st_mode & S_ISVTX) != 0;
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_folder) {
        return refused(path, "is writable by group or others");
    }
    return {};
}

// What is called of a module. PKCS#11 wants every entry of the list to be there (v2.40 section 5.2),
// and p11-kit does not look.
bool is_complete(const CK_FUNCTION_LIST& f) {
    return f.C_Initialize != nullptr && f.C_Finalize != nullptr && f.C_GetSlotList != nullptr &&
           f.C_GetSlotInfo != nullptr && f.C_GetTokenInfo != nullptr &&
           f.C_GetMechanismInfo != nullptr && f.C_OpenSession != nullptr &&
           f.C_CloseSession != nullptr && f.C_FindObjectsInit != nullptr &&
           f.C_FindObjects != nullptr && f.C_FindObjectsFinal != nullptr &&
           f.C_GetAttributeValue != nullptr && f.C_Login != nullptr && f.C_Logout != nullptr &&
           f.C_SignInit != nullptr && f.C_Sign != nullptr && f.C_SetPIN != nullptr &&
           f.C_InitPIN != nullptr;
}

}  // namespace

Result<const Pkcs11Module::Kit*> Pkcs11Module::Kit::get() {
    static const Result<const Kit*> loaded = []() -> Result<const Kit*> {
        static Kit kit;
        void* handle = dlopen("libp11-kit.so.0", RTLD_NOW | RTLD_LOCAL);
        const bool good = handle != nullptr && resolve(handle, "p11_kit_module_load", kit.load) &&
                          resolve(handle, "p11_kit_module_initialize", kit.initialize) &&
                          resolve(handle, "p11_kit_module_finalize", kit.finalize) &&
                          resolve(handle, "p11_kit_module_release", kit.release);
        if (!good) {
            return Error(ErrorCode::ModuleRefused, "libp11-kit.so.0 is not installed");
        }
        return &kit;
    }();
    return loaded;
}

Result<std::string> checked_module_path(const std::string& path) {
    if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) {
        return refused(path, "is not an absolute path");
    }
    struct Free {
        void operator()(char* p) const noexcept { std::free(p); }
    };
    const std::unique_ptr<char, Free> real(realpath(path.c_str(), nullptr));
    if (real == nullptr) {
        return refused(path, "there is no such file");
    }
    std::string resolved(real.get());
    if (Status s = check_node(resolved, false); !s) {
        return std::move(s).error();
    }
    for (std::size_t slash = resolved.rfind('/'); slash != std::string::npos;
         slash = slash == 0 ? std::string::npos : resolved.rfind('/', slash - 1)) {
        const std::string folder = slash == 0 ? "/" : resolved.substr(0, slash);
        if (Status s = check_node(folder, true); !s) {
            return std::move(s).error();
        }
    }
    return resolved;
}

Result<std::shared_ptr<Pkcs11Module>> Pkcs11Module::load(const std::string& path) {
    auto real = checked_module_path(path);
    if (!real) {
        return std::move(real).error();
    }
    auto kit = Kit::get();
    if (!kit) {
        return std::move(kit).error();
    }
    CK_FUNCTION_LIST* functions =
        (*kit)->load(real->c_str(), P11_KIT_MODULE_UNMANAGED | P11_KIT_MODULE_CRITICAL);
    if (functions == nullptr) {
        return refused(*real, "cannot be loaded as a PKCS#11 module");
    }
    std::shared_ptr<Pkcs11Module> module(new Pkcs11Module(**kit, functions));
    if (!is_complete(*functions)) {
        return refused(*real, "lacks functions that a PKCS#11 module has to have");
    }
    const CK_RV rv = (*kit)->initialize(functions);
    if (rv != CKR_OK) {
        char why[64];
        std::snprintf(why, sizeof why, "C_Initialize failed: %#lx", rv);
        return refused(*real, why);
    }
    module->initialised_ = true;
    return module;
}

Pkcs11Module::~Pkcs11Module() {
    if (initialised_) {
        (void)kit_.finalize(functions_);
    }
    kit_.release(functions_);
}

Error pkcs11_error(CK_RV rv, const char* what) {
    char text[96];
    std::snprintf(text, sizeof text, "%s: PKCS#11 status %#lx", what, rv);
    switch (rv) {
        case CKR_PIN_INCORRECT:
            return {ErrorCode::PinWrong, text};
        case CKR_PIN_LOCKED:
            return {ErrorCode::PinBlocked, text};
        case CKR_PIN_INVALID:
        case CKR_PIN_LEN_RANGE:
            return {ErrorCode::PinFormat, text};
        case CKR_PIN_EXPIRED:
            return {ErrorCode::PinChangeDue, text};
        case CKR_TOKEN_NOT_PRESENT:
        case CKR_DEVICE_REMOVED:
        case CKR_SLOT_ID_INVALID:
            return {ErrorCode::CardRemoved, text};
        case CKR_TOKEN_NOT_RECOGNIZED:
        case CKR_USER_PIN_NOT_INITIALIZED:
            return {ErrorCode::CardNotUsable, text};
        case CKR_FUNCTION_CANCELED:
            return {ErrorCode::ConversationFailed, text};
        case CKR_HOST_MEMORY:
            return {ErrorCode::OutOfMemory, text};
        default:
            return {ErrorCode::CardFailure, text};
    }
}

}  // namespace piv
