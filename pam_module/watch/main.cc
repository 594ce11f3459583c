// piv-login-watch: started by piv-login-helper when a session is opened by card, with a socket as
// descriptor 3; stays until the session ends. See docs/card-removal.md.
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "pam_module/helper/process.h"
#include "pam_module/helper/sandbox.h"
#include "pam_module/watch/capabilities.h"
#include "pam_module/watch/session_watch.h"

namespace {

using namespace piv;

constexpr int kStartMs = 10000;

int explain(int argc, char** argv) {
    const bool version = argc == 2 && std::strcmp(argv[1], "--version") == 0;
    const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
    if (version || help) {
        std::printf(version
                        ? "piv-login-watch " PIV_VERSION "\n"
                        : "piv-login-watch locks or ends the session of a card that is removed. "
                          "It is run by the PAM\nmodule pam_piv.so and takes no options but "
                          "--help and --version.\nSettings: [session] in piv-login.conf(5)\n");
        return 0;
    }
    std::fprintf(
        stderr,
        "piv-login-watch: cannot be run by hand: the session line of pam_piv.so starts it\n"
        "  try: man pam_piv\n");
    return 64;
}

// As long as the session: the helper's limit on processor time is not for this.
void lift_time_limit() noexcept {
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_CPU, &none);
}

Result<WatchRequest> receive_request(int socket) {
    Bytes packet(kMaxWatchPacket);
    const ssize_t size = recv(socket, packet.data(), packet.size(), 0);
    if (size <= 0) {
        return Error(ErrorCode::HelperFailed, "the helper is gone");
    }
    return decode_watch_request(ByteView(packet.data(), static_cast<std::size_t>(size)));
}

Status answer(int socket, Status status) {
    const Bytes packet = encode_watch_answer(status);
    if (send(socket, packet.data(), packet.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(packet.size())) {
        return Error(ErrorCode::HelperFailed, "the helper is gone");
    }
    return status;
}

Status no_session() {
    if (!session_of_this_process().empty()) {
        return Error(ErrorCode::OutOfScope, "inside a session that has a watch of its own");
    }
    return Error(
        ErrorCode::BadConfig,
        "systemd-logind has no session for it: XDG_SESSION_ID is not in PAM's environment");
}

void serve(UniqueFd socket) {
    Result<WatchRequest> request = receive_request(socket.get());
    if (!request) {
        return;
    }
    if (request->session_id.empty()) {
        (void)answer(socket.get(), no_session());
        return;
    }
    Result<LogindSession> session = LogindSession::open(request->session_id, request->uid);
    if (!session) {
        (void)answer(socket.get(), std::move(session).error());
        return;
    }
    SessionWatch watch(std::move(request).value(), std::move(session).value());
    if (!answer(socket.get(), watch.start(Deadline::after_ms(kStartMs)))) {
        return;
    }
    socket.reset();
    watch.run();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 1 || argv[0] == nullptr) {
        return explain(argc, argv);
    }
    if (!sanitise_process() || !enter_decider_sandbox()) {
        return explain(argc, argv);
    }
    lift_time_limit();
    if (!keep_needed_capabilities()) {
        return explain(argc, argv);
    }
    serve(UniqueFd(kHelperSocket));
    return 0;
}
