// The card role: a process of its own that speaks to cards and vendor drivers and returns bytes.
#pragma once

#include <sys/types.h>

#include "pam_module/card/card_session.h"
#include "pki/base/fd.h"
#include "pki/base/result.h"

namespace piv {

/// What the role works with.
struct CardRoleTools {
    Result<std::vector<std::unique_ptr<CardSession>>> (*open)(const CardSettings&, Deadline);
    /// Ends this process in so many seconds, unless it is called again before that; 0: not at all.
    /// Vendor drivers block in calls that no deadline reaches.
    void (*end_in)(unsigned seconds);
};

/// Serves the card protocol on `socket` until the other end closes it. Never throws.
void serve_cards(int socket, const CardRoleTools& tools) noexcept;

/// A card role, started by fork before its parent has anything worth stealing: it keeps descriptors
/// 0 to 2 and its socket, drops privileges and is put behind a system call filter.
class CardRoleProcess {
  public:
    static Result<CardRoleProcess> start();
    CardRoleProcess(CardRoleProcess&& other) noexcept;
    CardRoleProcess& operator=(CardRoleProcess&&) = delete;
    CardRoleProcess(const CardRoleProcess&) = delete;
    CardRoleProcess& operator=(const CardRoleProcess&) = delete;
    /// Hangs up: the role puts the card back and leaves by itself, within seconds even if a driver
    /// hangs. Nobody waits for that.
    ~CardRoleProcess();

    /// Ends a role that no longer answers; pcscd puts the card back then.
    void kill_now() noexcept;

    /// The decider's end; once.
    UniqueFd take_socket() noexcept { return std::move(socket_); }

  private:
    CardRoleProcess(pid_t pid, UniqueFd socket) noexcept : pid_(pid), socket_(std::move(socket)) {}
    pid_t pid_;
    UniqueFd socket_;
};

}  // namespace piv
