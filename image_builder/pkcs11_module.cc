#include "image_builder/pkcs11_module.h"

namespace piv {

std::string opensc_module(const Tree& tree) {
    for (const char* path : {"/usr/lib64/pkcs11/opensc-pkcs11.so", "/usr/lib64/opensc-pkcs11.so",
                             "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
                             "/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so",
                             "/usr/lib/pkcs11/opensc-pkcs11.so", "/usr/lib/opensc-pkcs11.so"}) {
        if (tree.exists(path)) {
            return path;
        }
    }
    return {};
}

std::string opensc_module_or_default(const Tree& tree, bool debian) {
    std::string found = opensc_module(tree);
    if (!found.empty()) {
        return found;
    }
    if (!debian) {
        return "/usr/lib64/pkcs11/opensc-pkcs11.so";
    }
    const bool arm = tree.exists("/usr/lib/aarch64-linux-gnu");
    return arm ? "/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so"
               : "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so";
}

}  // namespace piv
