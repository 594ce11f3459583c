// piv-login-helper: run by pam_piv.so for one attempt, with a socket as descriptor 3. The only
// process that decides; see docs/login.md.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "pam_module/helper/helper_session.h"
#include "pam_module/helper/process.h"
#include "pam_module/helper/sandbox.h"

namespace {

int explain(int argc, char** argv) {
    const bool version = argc == 2 && std::strcmp(argv[1], "--version") == 0;
    const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
    if (version || help) {
        std::printf(version ? "piv-login-helper " PIV_VERSION "\n"
                            : "piv-login-helper is run by the PAM module pam_piv.so. It takes no "
                              "options but --help and --version.\nTo try a card: piv-check\n");
        return 0;
    }
    std::fprintf(stderr,
                 "piv-login-helper: cannot be run by hand: it is the part of pam_piv.so that "
                 "decides\n  try: piv-check --card\n");
    return 64;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 1 || argv[0] == nullptr) {
        return explain(argc, argv);
    }
    if (!piv::sanitise_process() || !piv::enter_decider_sandbox()) {
        return explain(argc, argv);
    }
    piv::HelperSession(piv::kHelperSocket, piv::system_time_now()).run();
    // The verdict is out; nothing that is left to do is worth the wait of the person.
    _exit(0);
}
