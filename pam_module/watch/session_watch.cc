#include "pam_module/watch/session_watch.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "pam_module/helper/journal.h"
#include "pam_module/helper/process.h"
#include "pam_module/helper/sandbox.h"
#include "pam_module/watch/card_watch.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::int64_t kFirstRestartMs = 250;
constexpr std::int64_t kLastRestartMs = 60000;
constexpr std::int64_t kCallAgainMs = 2000;

bool write_view(int socket, CardView view) {
    const auto octet = static_cast<std::uint8_t>(view);
    return write_exactly(socket, &octet, 1, Deadline::after_ms(5000).monotonic_ms()) ==
           IoResult::Done;
}

// In the child: no root, no new programs, no network, and gone with its parent.
[[noreturn]] void become_card_half(const WatchRequest& request, UniqueFd socket, pid_t parent) {
    close_descriptors_from(3, socket.get());
    bool fallback = false;
    const bool dropped = drop_privileges(fallback).ok();
    (void)prctl(PR_SET_DUMPABLE, 0);  // changing ids may have set it again, and undone the next one
    const bool tied = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    if (dropped && tied && enter_card_sandbox()) {
        CardWatch(request, [&socket](CardView view) {
            return write_view(socket.get(), view);
        }).run();
    }
    _exit(0);
}

}  // namespace

SessionWatch::~SessionWatch() {
    if (card_pid_ > 0) {
        (void)kill(card_pid_, SIGKILL);  // not waited for yet: the number is its own
        (void)waitpid(card_pid_, nullptr, 0);
    }
}

void SessionWatch::log(int priority, const std::string& what) const {
    const std::string message =
        "session " + request_.session_id + " of " + request_.user + ": " + what;
    write_journal(escape_for_display(message, 2000), priority,
                  {{"PIV_SERVICE", request_.service},
                   {"PIV_USER", request_.user},
                   {"PIV_SESSION", request_.session_id},
                   {"PIV_READER", request_.reader},
                   {"PIV_CERTIFICATE_SHA256", request_.certificate}});
}

Status SessionWatch::start_card_half() {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return Error(ErrorCode::HelperFailed, "no socket pair for the card half");
    }
    card_.reset(ends[0]);
    heard_at_ms_ = monotonic_ms();
    UniqueFd theirs(ends[1]);
    const pid_t parent = getpid();
    card_pid_ = fork();
    if (card_pid_ < 0) {
        card_.reset();
        return Error(ErrorCode::HelperFailed, "no process for the card half");
    }
    if (card_pid_ == 0) {
        become_card_half(request_, std::move(theirs), parent);
    }
    return {};
}

Status SessionWatch::start(Deadline deadline) {
    if (Status started = start_card_half(); !started) {
        return started;
    }
    for (;;) {
        std::uint8_t octet = 0;
        const IoResult got = read_exactly(card_.get(), &octet, 1, deadline.monotonic_ms());
        if (got != IoResult::Done) {
            return view_ == CardView::Fault
                       ? Error(ErrorCode::PcscDown, "the session cannot be watched without it")
                       : Error(ErrorCode::HelperFailed, "the card half does not answer");
        }
        view_ = static_cast<CardView>(octet);
        if (view_ == CardView::NoReader) {
            return Error(ErrorCode::BadConfig,
                         "the token is in no PC/SC reader: its removal cannot be seen");
        }
        if (view_ == CardView::Watching) {
            break;
        }
    }
    const bool lock = request_.action == OnCardRemoval::Lock;
    log(LOG_INFO, (lock ? "is locked" : "ends") + std::string(" when its card leaves reader ") +
                      request_.reader);
    if (lock && !session_.graphical()) {
        log(LOG_WARNING,
            "has no screen that could be locked: set session.on_card_removal = logout in "
            "[service " +
                request_.service + "]");
    }
    return {};
}

void SessionWatch::card_half_ended(const char* why) {
    card_.reset();
    (void)kill(card_pid_, SIGKILL);
    (void)waitpid(card_pid_, nullptr, 0);
    card_pid_ = -1;
    const std::int64_t now = monotonic_ms();
    restart_ms_ = std::min(std::max(restart_ms_ * 2, kFirstRestartMs), kLastRestartMs);
    restart_at_ms_ = now + restart_ms_;
    rule_.see(CardView::Fault, now);
    if (view_ != CardView::Fault) {
        log(LOG_ERR,
            std::string("the process that watches the card ") + why + "; it is started again");
    }
    view_ = CardView::Fault;
}

// It hangs, in pcscd or in what that or a module has loaded: nothing is known of the card. What it may
// have said meanwhile has been heard before this is called, so that a sleep of both halves is none.
void SessionWatch::card_half_silent() {
    if (card_.valid() && monotonic_ms() - heard_at_ms_ >= kSilenceMs) {
        card_half_ended("says nothing");
    }
}

void SessionWatch::hear() {
    std::uint8_t octet = 0;
    const ssize_t got = recv(card_.get(), &octet, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    const auto view = static_cast<CardView>(octet);
    if (got != 1 || view < CardView::Watching || view > CardView::NoReader) {
        card_half_ended("has ended");
        return;
    }
    heard_at_ms_ = monotonic_ms();
    rule_.see(view, heard_at_ms_);
    if (view == view_ || view == CardView::Watching) {
        return;  // a half that was started again has said nothing of the card yet
    }
    const bool was_known = view_ != CardView::Watching;
    view_ = view;
    if (view == CardView::Present) {
        restart_ms_ = 0;
        if (was_known) {
            log(LOG_INFO, "its card is back");
        }
    } else if (view == CardView::Removed) {
        log(LOG_INFO, "its card is in no reader");
    } else if (view == CardView::OtherCard) {
        log(LOG_NOTICE, "another card is where its card was");
    } else if (view == CardView::Fault) {
        log(LOG_WARNING, "pcscd does not answer: it is not known whether the card is there");
    }
}

void SessionWatch::act() {
    const std::int64_t now = monotonic_ms();
    const OnCardRemoval action = rule_.due(now);
    if (action == OnCardRemoval::Ignore) {
        return;
    }
    const bool lock = action == OnCardRemoval::Lock;
    // Before the call: ending the session ends this process too.
    if (!failure_logged_) {
        log(LOG_NOTICE,
            lock ? "locking it, since its card is gone" : "ending it, since its card is gone");
    }
    const Status done = lock ? session_.lock() : session_.terminate();
    if (done) {
        rule_.done();
        failure_logged_ = false;
        return;
    }
    if (!failure_logged_) {
        log(LOG_ERR, "it cannot be " + std::string(lock ? "locked: " : "ended: ") +
                         done.error().detail + "; trying on");
        failure_logged_ = true;
    }
    rule_.failed(now, kCallAgainMs);
}

int SessionWatch::wait_ms() const {
    const std::int64_t now = monotonic_ms();
    std::int64_t wait = -1;
    if (const std::optional<std::int64_t> next = rule_.next_ms()) {
        wait = std::max<std::int64_t>(*next - now, 0);
    }
    const std::int64_t other = card_.valid() ? heard_at_ms_ + kSilenceMs : restart_at_ms_;
    const std::int64_t left = std::max<std::int64_t>(other - now, 0);
    wait = wait < 0 ? left : std::min(wait, left);
    return static_cast<int>(wait);
}

void SessionWatch::run() {
    for (;;) {
        if (!card_.valid() && monotonic_ms() >= restart_at_ms_ && !start_card_half()) {
            restart_at_ms_ = monotonic_ms() + kLastRestartMs;
        }
        pollfd fds[] = {{session_.event_fd(), POLLIN, 0}, {card_.get(), POLLIN, 0}};
        const int ready = poll(fds, 2, wait_ms());
        if (ready > 0 && fds[0].revents != 0) {
            session_.forget_event();
            if (session_.ended()) {
                return;
            }
        }
        if (ready > 0 && fds[1].revents != 0) {
            hear();
        }
        card_half_silent();
        act();
    }
}

}  // namespace piv
