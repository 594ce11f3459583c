// Dialogue: the person, through whatever there is: a PAM conversation, a terminal, a test.
#pragma once

#include <string>

#include "pam_module/protocol/login_messages.h"
#include "pki/base/result.h"
#include "pki/base/secret_buffer.h"

namespace piv {

class Dialogue {
  public:
    virtual ~Dialogue() = default;
    /// Text for the person, already safe to show.
    virtual void info(const std::string& text) = 0;
    /// Errors: ConversationFailed, NoFirstPass, PinFormat (longer than any PIN), OutOfMemory.
    virtual Result<SecretBuffer> ask(SecretSource source, const std::string& prompt) = 0;
};

}  // namespace piv
