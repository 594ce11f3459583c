// The control socket of a running virtual card: one line in, one line of JSON out.
#pragma once

#include <string>

#include "pki/base/fd.h"
#include "pki/base/result.h"

namespace piv::vcard {

class ControlSocket {
  public:
    /// Listens on a UNIX socket at `path` (replacing what is left of an older one).
    static Result<ControlSocket> listen(const std::string& path);
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// A command line from one client; `reply_to` answers it.
    bool accept(std::string& line, UniqueFd& reply_to) const;

  private:
    explicit ControlSocket(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

bool send_line(int fd, const std::string& line);
/// The client's side: sends `line` to the card at `path` and returns its answer.
Result<std::string> ask(const std::string& path, const std::string& line);

}  // namespace piv::vcard
