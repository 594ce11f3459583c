// Programs that do odd things around us: the right answer all the same, and nothing of theirs
// changed.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <string>

#include <thread>
#include <vector>

#include "tests/pam/stack.h"

using namespace piv::test;

namespace {

void reap_all(int) {
    const int saved = errno;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    errno = saved;
}
void nothing(int) {}

class Handler {
  public:
    Handler(int number, void (*handler)(int), int flags = 0) : number_(number) {
        struct sigaction action {};
        action.sa_handler = handler;
        action.sa_flags = flags;
        sigaction(number, &action, &before_);
    }
    ~Handler() { sigaction(number_, &before_, nullptr); }
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;

  private:
    int number_;
    struct sigaction before_ {};
};

void right_answers() {
    CHECK(Stack(line("auth", "required", "pin/123456")).authenticate() == PAM_SUCCESS);
    CHECK(Stack(line("auth", "required", "pin/other")).authenticate() == PAM_AUTH_ERR);
    CHECK(Stack(line("auth", "required", "ask-exit/0")).authenticate() == PAM_SYSTEM_ERR);
    CHECK(Stack(line("auth", "required", "signal/11")).authenticate() == PAM_SYSTEM_ERR);
}

std::string state() {
    std::string out;
    for (int fd = 0; fd < 256; ++fd) {
        out += fcntl(fd, F_GETFD) >= 0 ? '1' : '0';
    }
    sigset_t mask;
    sigprocmask(SIG_SETMASK, nullptr, &mask);
    for (int number = 1; number < NSIG; ++number) {
        out += sigismember(&mask, number) == 1 ? 'b' : '-';
        struct sigaction action {};
        if (sigaction(number, nullptr, &action) == 0) {
            out += std::to_string(reinterpret_cast<std::uintptr_t>(action.sa_handler));
        }
    }
    char folder[4096];
    out += getcwd(folder, sizeof folder) != nullptr ? folder : "?";
    const mode_t mask_of_files = umask(022);
    (void)umask(mask_of_files);
    out += std::to_string(mask_of_files);
    for (char** variable = environ; *variable != nullptr; ++variable) {
        out += *variable;
    }
    std::ifstream status("/proc/self/status");
    for (std::string text; std::getline(status, text);) {
        if (text.rfind("Threads:", 0) == 0) {
            out += text;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("Hosts that ignore SIGCHLD, reap everything, or have children of their own") {
    right_answers();
    {
        const Handler ignore(SIGCHLD, SIG_IGN);
        right_answers();
    }
    {
        const Handler reaps(SIGCHLD, reap_all);
        right_answers();
    }
    {
        const Handler no_zombies(SIGCHLD, nothing, SA_NOCLDWAIT);
        right_answers();
    }
    const pid_t other = fork();
    if (other == 0) {
        _exit(0);  // a child of the host that ends well in the middle of it
    }
    CHECK(Stack(line("auth", "required", "exit/1")).authenticate() == PAM_SYSTEM_ERR);
    int status = -1;
    CHECK(waitpid(other, &status, 0) == other);  // still there for the host
}

TEST_CASE("Signals blocked, and signals at 1 kHz") {
    sigset_t every;
    sigset_t before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    right_answers();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);

    const Handler alarm_handler(SIGALRM, nothing);
    itimerval storm{{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &storm, nullptr);
    for (int i = 0; i < 20; ++i) {
        right_answers();
    }
    storm = {};
    setitimer(ITIMER_REAL, &storm, nullptr);
}

TEST_CASE("Nothing of the host is changed and nothing of it reaches the helper") {
    setenv("LD_PRELOAD_CANARY", "1", 1);
    Stack warm(line("auth", "required", "verdict/1"));
    (void)warm.authenticate();  // syslog opens its socket
    const int leaked = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const std::string before = state();
    for (const char* order : {"environment", "pin/other", "exit/0", "junk", "signal/11"}) {
        Stack stack(line("auth", "required", order));
        const int code = stack.authenticate();
        CHECK((code == PAM_SUCCESS) == (std::string(order) == "environment"));
    }
    CHECK(state() == before);
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left
    (void)close(leaked);
}

TEST_CASE("Descriptors 0 to 3 closed, and 1,100 open") {
    const pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd <= 3; ++fd) {
            (void)close(fd);
        }
        Stack stack(line("auth", "required", "pin/123456"));
        _exit(stack.authenticate() == PAM_SUCCESS ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);

    std::vector<int> open_ones;
    for (int i = 0; i < 1100; ++i) {
        const int fd = dup(0);
        if (fd < 0) {
            break;
        }
        open_ones.push_back(fd);
    }
    right_answers();
    for (const int fd : open_ones) {
        (void)close(fd);
    }
}

TEST_CASE("A late verdict, a stopped helper and one that lingers are over in time") {
    const auto timed = [](const std::string& order) {
        const auto begun = std::chrono::steady_clock::now();
        const int code = Stack(line("auth", "required", order)).authenticate();
        const auto passed = std::chrono::steady_clock::now() - begun;
        return std::make_pair(
            code, std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
    };
    const auto late = timed("late/5000");  // 200 ms and the grace of a second were allowed
    CHECK(late.first == PAM_SYSTEM_ERR);
    CHECK(late.second < 2500);
    const auto stopped = timed("signal/19");
    CHECK(stopped.first == PAM_SYSTEM_ERR);
    CHECK(stopped.second < 4500);
    const auto lingers = timed("linger");
    CHECK(lingers.first == PAM_SUCCESS);
    CHECK(lingers.second < 1500);
}

TEST_CASE("What the helper's start takes is not taken from its time") {
    // 200 ms and the grace of a second were allowed; it starts in 1.1 s and answers 0.6 s later.
    CHECK(Stack(line("auth", "required", "slow-start/1100")).authenticate() == PAM_SUCCESS);
}

TEST_CASE("The time of the person does not count") {
    Stack stack(line("auth", "required", "pin/123456"));
    stack.conversation.before = [] { std::this_thread::sleep_for(std::chrono::seconds(4)); };
    CHECK(stack.authenticate() == PAM_SUCCESS);  // the lying helper allows 2 s
}

TEST_CASE("Threads, each with a handle of its own") {
    std::vector<std::thread> threads;
    std::vector<int> wrong(8, 0);
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([&wrong, t] {
            for (int i = 0; i < 10; ++i) {
                const bool good = (static_cast<int>(t) + i) % 2 == 0;
                Stack stack(line("auth", "required", good ? "pin/123456" : "pin/other"));
                wrong[t] += (stack.authenticate() == PAM_SUCCESS) != good ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const int count : wrong) {
        CHECK(count == 0);
    }
}

TEST_CASE("A handle that crosses a fork between authenticate and setcred") {
    Stack stack(whole("required", "verdict/0"));
    CHECK(stack.authenticate() == PAM_SUCCESS);
    const pid_t child = fork();
    if (child == 0) {
        _exit(stack.setcred() == PAM_SUCCESS && stack.acct_mgmt() == PAM_SUCCESS ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("10,000 times dlopen and dlclose") {
    for (int i = 0; i < 10000; ++i) {
        void* module = dlopen(PIV_TEST_MODULE, RTLD_NOW | RTLD_LOCAL);
        REQUIRE(module != nullptr);
        REQUIRE(dlsym(module, "pam_sm_authenticate") != nullptr);
        REQUIRE(dlclose(module) == 0);
    }
    right_answers();
}

TEST_CASE("1,000 mixed attempts in one process") {
    for (int i = 0; i < 250; ++i) {
        right_answers();
    }
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}
