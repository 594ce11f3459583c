// Another card module's configuration, read into ours: pam_pkcs11's and SSSD's. What has no equal
// here is said, never guessed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image_builder/tree.h"

namespace piv {

struct LeftOut {
    std::string what;  // the setting as it stands there
    std::string why;   // and what to do instead
};

struct ImportedConfig {
    std::map<std::string, std::map<std::string, std::string>> settings;  // section, key, value
    std::vector<std::string> map;                                        // kinds, in order
    std::vector<std::string> domains;                                    // DNS
    std::vector<std::string> accounts;                                   // lines of the account map
    std::vector<std::string> ca_files;  // for enable-smartcard --ca-cert
    std::vector<LeftOut> left_out;

    void leave(std::string what, std::string why);
};

/// pam_pkcs11.conf and the map files that it names. Error: BadConfig with file and line.
Status import_pam_pkcs11(const Tree& tree, const std::string& path, ImportedConfig& out);
/// sssd.conf, or one of conf.d; several may be read one after the other. Error: as above.
Status import_sssd(const Tree& tree, const std::string& path, ImportedConfig& out);

/// What is taken over, as the text of a configuration file.
std::string config_of(const ImportedConfig& imported);

/// `piv-image import-config`: reads what the tree has, or `files`; returns the exit status.
struct ImportCommand {
    std::string root = "/";
    std::string pam_pkcs11;         // empty: /etc/pam_pkcs11/pam_pkcs11.conf if it is there
    std::vector<std::string> sssd;  // empty: /etc/sssd/sssd.conf and conf.d if they are there
    bool json = false;
};
int run_import(const std::string& tool, const ImportCommand& command);

}  // namespace piv
