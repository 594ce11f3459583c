// A PKCS#11 module: OpenSC's, but every right PIN has to be changed first. No token that runs here
// says so by itself (PKCS#11 v2.40 section 5.6, CKR_PIN_EXPIRED of C_Login).
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

namespace {

CK_FUNCTION_LIST functions;
CK_FUNCTION_LIST* real = nullptr;

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size) {
    const CK_RV result = real->C_Login(session, user, pin, size);
    return result == CKR_OK ? CKR_PIN_EXPIRED : result;
}

CK_RV list(CK_FUNCTION_LIST** out) {
    *out = &functions;
    return CKR_OK;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** out) {
    void* module = dlopen("/usr/lib/libpin-expired-real.so", RTLD_NOW | RTLD_LOCAL);
    void* get = module != nullptr ? dlsym(module, "C_GetFunctionList") : nullptr;
    if (get == nullptr || reinterpret_cast<CK_C_GetFunctionList>(get)(&real) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    functions = *real;
    functions.C_Login = login;
    functions.C_GetFunctionList = list;
    return list(out);
}
