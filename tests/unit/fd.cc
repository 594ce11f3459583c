#include "pki/base/fd.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "pki/base/time.h"

using namespace piv;

namespace {

struct Pair {
    UniqueFd near;
    UniqueFd far;

    Pair() {
        int ends[2] = {-1, -1};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        near.reset(ends[0]);
        far.reset(ends[1]);
    }
};

long long soon() {
    return monotonic_ms() + 5000;
}

IoResult send_strings(int fd, const std::string& first, const std::string& second,
                      long long deadline) {
    return send_both(fd, first.data(), first.size(), second.data(), second.size(), deadline);
}

std::string received(int fd, std::size_t size) {
    std::string out(size, '?');
    REQUIRE(read_exactly(fd, &out[0], size, soon()) == IoResult::Done);
    return out;
}

}  // namespace

TEST_CASE("two pieces arrive as one") {
    Pair pair;
    REQUIRE(send_strings(pair.near.get(), "head", "body", soon()) == IoResult::Done);
    char together[16] = {};
    CHECK(recv(pair.far.get(), together, sizeof together, MSG_DONTWAIT) == 8);
    CHECK(std::string(together) == "headbody");
    REQUIRE(send_strings(pair.near.get(), "head", "", soon()) == IoResult::Done);
    CHECK(received(pair.far.get(), 4) == "head");
}

TEST_CASE("two pieces that are larger than the socket's room") {
    const std::string first(3000, 'a');
    const std::string second(400000, 'b');
    const int room = 4096;
    // Where the first write ends: in the first piece, and in the second.
    for (const std::size_t before : {std::size_t{0}, std::size_t{2000}}) {
        Pair pair;
        REQUIRE(setsockopt(pair.near.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
        const std::string filler(before, 'c');
        REQUIRE(write_exactly(pair.near.get(), filler.data(), before, soon()) == IoResult::Done);
        IoResult sent = IoResult::Failed;
        std::thread sender([&]() { sent = send_strings(pair.near.get(), first, second, soon()); });
        const std::string all = received(pair.far.get(), before + first.size() + second.size());
        sender.join();
        CHECK(sent == IoResult::Done);
        CHECK((all == filler + first + second));
    }
}

TEST_CASE("two pieces that nobody takes") {
    Pair pair;
    const std::string much(8U << 20U, 'x');
    CHECK(send_strings(pair.near.get(), "head", much, monotonic_ms() + 30) == IoResult::TimedOut);
    CHECK(send_strings(pair.near.get(), "head", "body", monotonic_ms() + 30) == IoResult::TimedOut);
    pair.far.reset();
    CHECK(send_strings(pair.near.get(), "head", "body", soon()) == IoResult::Closed);
    Pair late;
    CHECK(send_strings(late.near.get(), "head", "body", monotonic_ms() - 1) == IoResult::TimedOut);
    char nothing = 0;
    CHECK(recv(late.far.get(), &nothing, 1, MSG_DONTWAIT) == -1);
}
