#include "image_builder/card_stack.h"

#include "image_builder/profile.h"

namespace piv {

namespace {

// pcscd asks polkit whether a process that is not root may use the card; greeters' helpers run as
// the user piv-login.
void polkit(const Tree& tree, StagePlan& plan) {
    // Beside the distribution's own rules: the folder under /etc belongs to polkitd on Debian.
    const char* const rule = "/usr/share/polkit-1/rules.d/50-piv-login.rules";
    if (tree.exists("/usr/share/polkit-1/rules.d") && !tree.exists(rule)) {
        plan.add_file(rule,
                      "// Written by enable-smartcard: the login helper may use the card.\n"
                      "polkit.addRule(function(action, subject) {\n"
                      "    if ((action.id == \"org.debian.pcsc-lite.access_pcsc\" ||\n"
                      "         action.id == \"org.debian.pcsc-lite.access_card\") &&\n"
                      "        subject.user == \"piv-login\") {\n"
                      "        return polkit.Result.YES;\n"
                      "    }\n"
                      "});\n",
                      Phase::Inert, "pcscd asks polkit about processes that are not root");
    }
    if (tree.exists("/etc/polkit-1/localauthority/50-local.d")) {
        plan.add_file("/etc/polkit-1/localauthority/50-local.d/piv-login.pkla",
                      "[Login helper of piv-login uses the card]\n"
                      "Identity=unix-user:piv-login\n"
                      "Action=org.debian.pcsc-lite.access_pcsc;org.debian.pcsc-lite.access_card\n"
                      "ResultAny=yes\n"
                      "ResultInactive=yes\n"
                      "ResultActive=yes\n",
                      Phase::Inert, "the same for polkit before 0.106");
    }
}

}  // namespace

std::vector<Problem> plan_card_stack(const Tree& tree, bool debian, StagePlan& plan) {
    std::vector<Problem> warnings;
    const std::string unit =
        debian ? "/lib/systemd/system/pcscd.socket" : "/usr/lib/systemd/system/pcscd.socket";
    plan.add_link("/etc/systemd/system/sockets.target.wants/pcscd.socket", unit, Phase::Inert,
                  "the card service is started when it is asked");
    plan.add_file("/etc/systemd/system-preset/20-piv-login.preset",
                  "# Written by enable-smartcard: applied on the first boot of an image.\n"
                  "enable pcscd.socket\n",
                  Phase::Inert, "a first boot applies presets");
    if (!tree.exists(unit)) {
        warnings.push_back({"pcscd is not installed in this tree",
                            debian ? "install pcscd and libccid into the image"
                                   : "install pcsc-lite and pcsc-lite-ccid into the image",
                            ErrorCode::ImageTree});
    }
    polkit(tree, plan);
    const std::string modules = pam_module_folder(tree);
    if (modules.empty() || !tree.exists(modules + "/pam_piv.so")) {
        warnings.push_back(
            {"pam_piv.so is not installed in this tree",
             "install the package piv-login into the image, or nobody can log in where the "
             "staged PAM files name it",
             ErrorCode::ImageTree});
    }
    return warnings;
}

}  // namespace piv
