// Dialogue: the person, through whatever there is: a PAM conversation, a terminal, a test.
#pragma once

#include <string>

#include "pam_module/protocol/login_messages.h"
#include "pki/base/result.h"
#include "pki/base/secret_buffer.h"

namespace piv {

/// Work that goes on while the person is busy.
class Background {
  public:
    virtual ~Background() = default;
    /// Readable when pump() has something to do; -1: nothing is waited for.
    [[nodiscard]] virtual int poll_fd() const = 0;
    /// Milliseconds after which pump() has something to do all the same; -1: never.
    [[nodiscard]] virtual int next_pump_ms() const = 0;
    virtual void pump() = 0;
};

class Dialogue {
  public:
    virtual ~Dialogue() = default;
    /// What ask() may see to while it waits; nullptr: nothing. Not owned.
    virtual void set_background(Background* background) { background_ = background; }
    /// Text for the person, already safe to show.
    virtual void info(const std::string& text) = 0;
    /// Errors: ConversationFailed, NoFirstPass, PinFormat (longer than any PIN), OutOfMemory.
    virtual Result<SecretBuffer> ask(SecretSource source, const std::string& prompt) = 0;

  protected:
    [[nodiscard]] Background* background() const noexcept { return background_; }

  private:
    Background* background_ = nullptr;
};

}  // namespace piv
