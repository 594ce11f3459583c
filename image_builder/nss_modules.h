// The lists of PKCS#11 modules of NSS (Network Security Services): pkcs11.txt of its SQL databases, and
// secmod.db of the old format. Both are read here and by nothing that would load what they name.
#pragma once

#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

inline constexpr char kNssDevice[] = "OpenSC";  // the name under which the module is added

/// `text` is a pkcs11.txt, or empty; unchanged if it has the module, or p11-kit's, already.
std::string add_nss_module(const std::string& text, const std::string& module);

struct NssModule {
    std::string name;
    std::string library;  // empty: NSS itself
};
/// A secmod.db: a hash file of Berkeley DB 1.85 with one record for each module. Error: ImageInput for
/// whatever modutil would not have made of a list of ordinary length.
Result<std::vector<NssModule>> read_secmod(ByteView file);

}  // namespace piv
