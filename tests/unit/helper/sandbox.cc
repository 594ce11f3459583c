// What the helper's roles can no longer do.
#include "pam_module/helper/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <thread>

using namespace piv;

#ifdef PIV_HAVE_SECCOMP

namespace {

// Runs in a process of its own behind the filter; the result is its exit status.
template <typename Function>
int behind(bool (*enter)() noexcept, Function function) {
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        _exit(enter() ? function() : 99);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int refused(bool failed) {
    return failed && errno == EPERM ? 0 : 1;
}

int works(bool good) {
    return good ? 0 : 1;
}

}  // namespace

TEST_CASE("the card role starts nothing, reaches no network and no other process", "[helper]") {
    const auto card = [](auto function) { return behind(enter_card_sandbox, function); };
    CHECK(card([] { return refused(fork() < 0); }) == 0);
    CHECK(card([] { return refused(execl("/bin/true", "true", nullptr) < 0); }) == 0);
    CHECK(card([] { return refused(socket(AF_INET, SOCK_STREAM, 0) < 0); }) == 0);
    CHECK(card([] { return refused(socket(AF_INET6, SOCK_DGRAM, 0) < 0); }) == 0);
    CHECK(card([] { return refused(socket(AF_NETLINK, SOCK_RAW, 9) < 0); }) == 0);
    CHECK(card([] { return refused(socket(AF_PACKET, SOCK_RAW, 0) < 0); }) == 0);
    CHECK(card([] { return refused(kill(getppid(), 0) < 0); }) == 0);
    CHECK(card([] { return refused(setuid(0) < 0); }) == 0);
    CHECK(card([] { return refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0); }) == 0);
    CHECK(card([] { return refused(unshare(CLONE_NEWUSER) < 0); }) == 0);
}

TEST_CASE("the card role keeps what drivers and pcscd need", "[helper]") {
    const auto card = [](auto function) { return behind(enter_card_sandbox, function); };
    CHECK(card([] { return works(socket(AF_UNIX, SOCK_STREAM, 0) >= 0); }) == 0);
    CHECK(card([] { return works(open("/etc/passwd", O_RDONLY) >= 0); }) == 0);
    CHECK(card([] {
              bool ran = false;
              std::thread([&ran] { ran = true; }).join();
              return works(ran);
          }) == 0);
}

TEST_CASE("the decider starts its roles, and does nothing to the machine", "[helper]") {
    const auto decider = [](auto function) { return behind(enter_decider_sandbox, function); };
    CHECK(decider([] { return refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0); }) == 0);
    CHECK(decider([] { return refused(unshare(CLONE_NEWUSER) < 0); }) == 0);
    CHECK(decider([] { return refused(mount("none", "/mnt", "tmpfs", 0, nullptr) < 0); }) == 0);
    CHECK(decider([] { return refused(chroot("/") < 0); }) == 0);
    CHECK(decider([] {
              timespec now{};
              (void)clock_gettime(CLOCK_REALTIME, &now);
              return refused(clock_settime(CLOCK_REALTIME, &now) < 0);
          }) == 0);
    CHECK(decider([] {
              const pid_t pid = fork();
              if (pid == 0) {
                  (void)execl("/bin/true", "true", nullptr);
                  _exit(9);
              }
              int status = 1;
              return works(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
          }) == 0);
    // The card role's filter lies over the decider's.
    CHECK(decider([] { return works(enter_card_sandbox()) + refused(fork() < 0); }) == 0);
}

#endif
