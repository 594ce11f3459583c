// Host: the application behind a PAM handle: its items and its conversation.
#pragma once

#include <security/pam_modules.h>

#include "pam_module/protocol/login_messages.h"
#include "pki/base/secret_buffer.h"

namespace piv {

class Host {
  public:
    Host(pam_handle_t* handle, bool silent) noexcept : handle_(handle), silent_(silent) {}

    [[nodiscard]] pam_handle_t* handle() const noexcept { return handle_; }
    [[nodiscard]] bool silent() const noexcept { return silent_; }
    /// A text item (PAM_SERVICE, PAM_USER ...); "" when unset. Belongs to the handle.
    [[nodiscard]] const char* item(int type) const noexcept;

    /// PAM_TEXT_INFO or PAM_ERROR_MSG; nothing under PAM_SILENT. A failure does not matter.
    void show(int style, const char* text) noexcept;
    /// PAM_PROMPT_ECHO_OFF. True with the answer in `secret`; else `why` says why not. The
    /// application's copy is wiped and freed.
    bool ask(const char* prompt, SecretBuffer& secret, NoSecretReason& why) noexcept;
    /// The token that an earlier module left (PAM_AUTHTOK).
    bool first_pass(SecretBuffer& secret, NoSecretReason& why) const noexcept;
    /// Milliseconds that the person and the application had so far.
    [[nodiscard]] long long spent_ms() const noexcept { return spent_ms_; }

  private:
    int converse(int style, const char* text, pam_response** response) noexcept;

    pam_handle_t* handle_;
    bool silent_;
    long long spent_ms_ = 0;
};

/// The locale that the program has set for messages, when its text is UTF-8; "" otherwise. The
/// environment is not looked at. Valid until the program sets another one.
const char* host_language() noexcept;

/// CLOCK_MONOTONIC in milliseconds.
long long host_clock_ms() noexcept;

}  // namespace piv
