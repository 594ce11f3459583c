// A card role that has been taken over: the input is what it sends. The decider comes to an end,
// within its limits, and never to a code that a card role may not give.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "pam_module/decide/card_client.h"
#include "pam_module/decide/card_messages.h"

using namespace piv;

namespace {

void check(const Error& error) {
    if (card_role_error(static_cast<std::uint32_t>(error.code)) != error.code) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    int ends[2] = {-1, -1};
    if (size > 32768 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return 0;
    }
    UniqueFd role(ends[1]);
    CardClient client{UniqueFd(ends[0])};
    if (::send(role.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
        return 0;
    }
    (void)::shutdown(role.get(), SHUT_WR);
    const Deadline deadline = Deadline::after_ms(2000);
    auto cards = client.open({}, deadline);
    if (!cards) {
        check(cards.error());
        return 0;
    }
    if (cards->size() > kMaxCards) {
        std::abort();
    }
    auto tries = client.pin_tries_left(0, deadline);
    if (!tries) {
        check(tries.error());
        return 0;
    }
    SecretBuffer pin;
    if (!pin.assign("123456", 6)) {
        return 0;
    }
    auto signature = client.sign({0, 0, CardKey::EcP256, Bytes(32, 0x11)}, pin, deadline);
    if (!signature) {
        check(signature.error());
    }
    return 0;
}
