#include "pam_module/check/root_names.h"

#include <pwd.h>

#include <cstdio>
#include <memory>

namespace piv {

NameService root_name_service(const std::string& root) {
    return [root](const std::string& name) -> std::optional<NamedAccount> {
        struct Closer {
            void operator()(FILE* file) const noexcept { (void)std::fclose(file); }
        };
        const std::unique_ptr<FILE, Closer> file(std::fopen((root + "/etc/passwd").c_str(), "re"));
        while (file != nullptr) {
            const passwd* entry = fgetpwent(file.get());
            if (entry == nullptr) {
                break;
            }
            if (name == entry->pw_name) {
                return NamedAccount{entry->pw_name, entry->pw_uid};
            }
        }
        return std::nullopt;
    };
}

}  // namespace piv
