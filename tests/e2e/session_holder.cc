// session_holder SERVICE USER PIN: what a login program does: authenticates, opens the session, says
// "open ID", and closes it when its standard input ends. On failure "STEP: CODE" and exit status 1.
#include <security/pam_appl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

int answer(int count, const pam_message** messages, pam_response** out, void* pin) {
    auto* responses = static_cast<pam_response*>(
        std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    if (responses == nullptr) {
        return PAM_BUF_ERR;
    }
    for (int i = 0; i < count; ++i) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
            responses[i].resp = strdup(static_cast<const char*>(pin));
        } else {
            std::printf("%s\n", messages[i]->msg);
        }
    }
    *out = responses;
    return PAM_SUCCESS;
}

bool good(const char* step, int code) {
    if (code != PAM_SUCCESS) {
        std::printf("%s: %d\n", step, code);
    }
    return code == PAM_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        return 64;
    }
    (void)std::setvbuf(stdout, nullptr, _IONBF, 0);
    const pam_conv conversation{answer, argv[3]};
    pam_handle_t* handle = nullptr;
    const bool open = good("start", pam_start(argv[1], argv[2], &conversation, &handle)) &&
                      good("authenticate", pam_authenticate(handle, 0)) &&
                      good("account", pam_acct_mgmt(handle, 0)) &&
                      good("open_session", pam_open_session(handle, 0));
    if (open) {
        const char* id = pam_getenv(handle, "XDG_SESSION_ID");
        std::printf("open %s\n", id != nullptr ? id : "");
        char octet = 0;
        while (read(STDIN_FILENO, &octet, 1) > 0) {
        }
        (void)pam_close_session(handle, 0);
    }
    (void)pam_end(handle, PAM_SUCCESS);
    return open ? 0 : 1;
}
