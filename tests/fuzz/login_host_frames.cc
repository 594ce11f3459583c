// A helper that has been taken over, or lies: the input is what it sends to the PAM module. The module
// says yes only to a whole verdict that says so, about the user that was asked for.
#include <security/pam_appl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pam_module/glue/attempt.h"
#include "pam_module/glue/helper_process.h"
#include "pam_module/protocol/messages.h"
#include "pki/base/bytes.h"
#include "pki/base/error_code.h"
#include "pki/base/fd.h"

// Nobody's log is to be filled with this.
extern "C" void pam_syslog(const pam_handle_t* /*handle*/, int /*priority*/, const char* /*format*/,
                           ...) {}

namespace {

constexpr char kUser[] = "alice";
piv::ByteView helper_says;
piv::UniqueFd helper_end;

}  // namespace

// The helper, as far as the module sees it.
namespace piv {

int HelperProcess::start(const char* /*path*/) noexcept {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return EMFILE;
    }
    socket_.reset(ends[0]);
    helper_end.reset(ends[1]);
    const ssize_t sent =
        ::send(ends[1], helper_says.data(), helper_says.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)::shutdown(ends[1], SHUT_WR);
    return sent == static_cast<ssize_t>(helper_says.size()) ? 0 : EAGAIN;
}

void HelperProcess::stop() noexcept {
    helper_end.reset();
    socket_.reset();
}

}  // namespace piv

namespace {

int converse(int count, const pam_message** /*messages*/, pam_response** responses,
             void* /*data*/) {
    *responses = static_cast<pam_response*>(
        std::calloc(static_cast<std::size_t>(count), sizeof **responses));
    if (*responses == nullptr) {
        return PAM_BUF_ERR;
    }
    (*responses)->resp = ::strdup("123456");
    return PAM_SUCCESS;
}

pam_handle_t* handle() {
    static pam_handle_t* started = [] {
        static const pam_conv conversation{converse, nullptr};
        pam_handle_t* made = nullptr;
        if (pam_start("piv-fuzz", kUser, &conversation, &made) != PAM_SUCCESS) {
            std::printf("skipped: pam_start() does not work here\n");
            std::exit(77);
        }
        return made;
    }();
    return started;
}

// A frame somewhere in the input that is a verdict of Granted for kUser.
bool says_granted(piv::ByteView input) {
    const std::uint8_t verdict[] = {'P', 'L', 1, static_cast<std::uint8_t>(piv::Message::Verdict)};
    const std::uint8_t granted[] = {
        0,   0,   0,  static_cast<std::uint8_t>(piv::AuthOutcome::Granted), 0, 5, 'a', 'l',
        'i', 'c', 'e'};
    constexpr std::size_t kSize = 4;
    for (std::size_t i = 0; i + sizeof verdict + kSize + sizeof granted <= input.size(); ++i) {
        if (std::memcmp(input.data() + i, verdict, sizeof verdict) == 0 &&
            std::memcmp(input.data() + i + sizeof verdict + kSize, granted, sizeof granted) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 32768) {
        return 0;
    }
    helper_says = piv::ByteView(data, size);
    piv::Arguments arguments;
    arguments.forward_pass = false;  // libpam takes PAM_AUTHTOK from modules alone
    for (const piv::Facility facility :
         {piv::Facility::Authenticate, piv::Facility::ChangePin, piv::Facility::OpenSession}) {
        piv::Host host(handle(), false);
        piv::SessionCard card;
        const int result = piv::run_attempt(host, arguments, facility, card, "c1");
        const bool whole = std::strlen(card.certificate) == piv::kSha256Digits || !card.watched;
        if (!whole || (result == PAM_SUCCESS && !says_granted(helper_says))) {
            std::abort();
        }
    }
    return 0;
}
