// A host that has been taken over: the input is what it sends to the helper. What the helper takes is
// within its limits; no answer to a question is anything but a secret or an error.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "pam_module/helper/login_channel.h"
#include "pki/base/fd.h"

using namespace piv;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const BeginMessage& begin) {
    const std::size_t texts = begin.service.size() + begin.user.size() + begin.config.size() +
                              begin.tty.size() + begin.remote_host.size() + begin.language.size() +
                              begin.session_id.size() + begin.reader.size() +
                              begin.certificate.size();
    require(begin.facility >= Facility::Authenticate && begin.facility <= Facility::OpenSession);
    require(begin.first_pass <= FirstPass::Only && texts <= kMaxBegin);
    require(begin.wait_seconds <= kMaxWaitMs / 1000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    int ends[2] = {-1, -1};
    if (size > 32768 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return 0;
    }
    const UniqueFd host(ends[0]);
    const UniqueFd helper(ends[1]);
    if (::send(host.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
        return 0;
    }
    (void)::shutdown(host.get(), SHUT_WR);
    LoginChannel channel(helper.get());
    auto begin = channel.receive_begin();
    if (!begin) {
        require(begin.code() == ErrorCode::HelperFailed);
        return 0;
    }
    check(*begin);
    require(channel.send_ready(1000, 0).ok());
    for (int question = 0; question < 4; ++question) {
        auto secret = channel.ask(SecretSource::Person, "PIN: ");
        if (secret) {
            require(secret->size() <= kMaxSecret);
            continue;
        }
        const AuthOutcome outcome = info(secret.code()).outcome;
        require(outcome != AuthOutcome::Granted && outcome != AuthOutcome::OutOfScope);
        if (secret.code() == ErrorCode::HelperFailed) {
            break;
        }
    }
    return 0;
}
