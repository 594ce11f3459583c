// One PKCS#11 module, the configured one, loaded through p11-kit and never through p11-kit's list of
// modules. p11-kit itself is loaded only here, by its soname, in the card role.
#pragma once

#include <p11-kit/pkcs11.h>

#include <memory>
#include <string>

#include "pki/base/result.h"

namespace piv {

class Pkcs11Module {
  public:
    /// Loads and initialises. The path must be absolute; the file that it leads to, and every folder
    /// above it, must belong to root and not be writable by others. Errors: ModuleRefused.
    static Result<std::shared_ptr<Pkcs11Module>> load(const std::string& path);
    ~Pkcs11Module();
    Pkcs11Module(const Pkcs11Module&) = delete;
    Pkcs11Module& operator=(const Pkcs11Module&) = delete;

    [[nodiscard]] CK_FUNCTION_LIST& calls() const noexcept { return *functions_; }

  private:
    struct Kit;
    Pkcs11Module(const Kit& kit, CK_FUNCTION_LIST* functions) noexcept
        : kit_(kit), functions_(functions) {}
    const Kit& kit_;
    CK_FUNCTION_LIST* functions_;
    bool initialised_ = false;
};

/// The real path of a module that may be loaded. Error: ModuleRefused with the reason.
Result<std::string> checked_module_path(const std::string& path);

/// What a PKCS#11 return value means to a login; `what` names the call for the diagnostic.
Error pkcs11_error(CK_RV rv, const char* what);

}  // namespace piv
