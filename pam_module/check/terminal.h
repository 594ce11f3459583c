// The person at a terminal, or a PIN on standard input.
#pragma once

#include "pam_module/decide/dialogue.h"

namespace piv {

class Terminal : public Dialogue {
  public:
    explicit Terminal(bool pin_from_stdin) : pin_from_stdin_(pin_from_stdin) {}
    /// Whether a PIN can be had at all.
    [[nodiscard]] bool can_ask() const;
    void info(const std::string& text) override;
    /// An empty line at the terminal declines.
    Result<SecretBuffer> ask(SecretSource source, const std::string& prompt) override;

  private:
    bool pin_from_stdin_;
};

}  // namespace piv
