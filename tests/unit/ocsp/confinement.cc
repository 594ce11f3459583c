// What the fetch role can no longer do, and the cache's folder.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>

#include "ocsp_client/cache_folder.h"
#include "ocsp_client/fetch_sandbox.h"

using namespace piv;

namespace {

// Runs in a process of its own behind the filter; the result is its exit status.
template <typename Function>
int behind_the_filter(Function function) {
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        _exit(enter_fetch_sandbox() ? function() : 99);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int refused(bool failed) {
    return failed && errno == EPERM ? 0 : 1;
}

struct Folder {
    Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~Folder() { CHECK(system(("rm -rf " + path).c_str()) == 0); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path = "/tmp/piv-cache-test-XXXXXX";
};

ByteView view(std::string_view text) {
    return ByteView(text);
}

}  // namespace

#ifdef PIV_HAVE_SECCOMP
TEST_CASE("the fetch role's filter refuses what an exchange does not need", "[ocsp][fetch]") {
    CHECK(behind_the_filter([] { return refused(fork() < 0); }) == 0);
    CHECK(behind_the_filter([] { return refused(execl("/bin/true", "true", nullptr) < 0); }) == 0);
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC}) {
        CHECK(behind_the_filter(
                  [flags] { return refused(open("/tmp/piv-no-such", flags, 0600) < 0); }) == 0);
    }
    CHECK(behind_the_filter([] { return refused(socket(AF_PACKET, SOCK_RAW, 0) < 0); }) == 0);
    CHECK(behind_the_filter([] { return refused(socket(AF_NETLINK, SOCK_RAW, 9) < 0); }) == 0);
    CHECK(behind_the_filter([] { return refused(kill(getppid(), 0) < 0); }) == 0);
    CHECK(behind_the_filter([] { return refused(unlink("/tmp/piv-no-such") < 0); }) == 0);
    CHECK(behind_the_filter([] { return refused(setuid(0) < 0); }) == 0);
    CHECK(behind_the_filter([] { return refused(chdir("/tmp") < 0); }) == 0);
    CHECK(behind_the_filter([] {
              const int fd = socket(AF_INET, SOCK_STREAM, 0);
              return fd >= 0 ? refused(listen(fd, 1) < 0) : 1;
          }) == 0);
    CHECK(behind_the_filter([] { return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : 1; }) == 0);
}
#endif

TEST_CASE("the cache's folder: what is put in is found, and only files", "[ocsp][cache]") {
    const Folder base;
    const std::string path = base.path + "/cache/ocsp";
    CHECK(CacheFolder::open(path, CacheFolder::Missing::Fail).code() == ErrorCode::FileNotFound);
    const auto folder = CacheFolder::open(path, CacheFolder::Missing::Make);
    REQUIRE(folder);
    REQUIRE(folder->replace("a.ocsp", view("one")));
    REQUIRE(folder->replace("a.ocsp", view("two")));
    CHECK(folder->read("a.ocsp", 3) == Bytes{'t', 'w', 'o'});
    CHECK_FALSE(folder->read("a.ocsp", 2));
    CHECK_FALSE(folder->read("b.ocsp", 3));
    CHECK(folder->names(".ocsp") == std::vector<std::string>{"a.ocsp"});
    REQUIRE(symlink("a.ocsp", (path + "/b.ocsp").c_str()) == 0);
    CHECK_FALSE(folder->read("b.ocsp", 3));
    REQUIRE(mkfifo((path + "/c.ocsp").c_str(), 0600) == 0);
    CHECK_FALSE(folder->read("c.ocsp", 3));
}

TEST_CASE("the cache's folder is held, not its name", "[ocsp][cache]") {
    const Folder base;
    const std::string path = base.path + "/ocsp";
    const auto folder = CacheFolder::open(path, CacheFolder::Missing::Make);
    REQUIRE(folder);
    REQUIRE(rename(path.c_str(), (base.path + "/moved").c_str()) == 0);
    REQUIRE(mkdir(path.c_str(), 0755) == 0);
    REQUIRE(folder->replace("a.ocsp", view("one")));
    CHECK(access((path + "/a.ocsp").c_str(), F_OK) != 0);
    CHECK(access((base.path + "/moved/a.ocsp").c_str(), F_OK) == 0);
}

TEST_CASE("the cache's folder stays within its limit, the oldest go", "[ocsp][cache]") {
    const Folder base;
    const auto folder = CacheFolder::open(base.path, CacheFolder::Missing::Fail);
    REQUIRE(folder);
    for (int i = 0; i < 40; ++i) {
        const std::string name = std::to_string(100 + i) + ".ocsp";
        REQUIRE(folder->replace(name, view("x")));
        const timespec time{1700000000 + i, 0};
        const timespec times[] = {time, time};
        REQUIRE(utimensat(AT_FDCWD, (base.path + "/" + name).c_str(), times, 0) == 0);
    }
    REQUIRE(folder->replace("keep.revoked", view("x")));
    folder->make_room(".ocsp", 41);
    CHECK(folder->names(".ocsp").size() == 40);
    folder->make_room(".ocsp", 40);
    const auto left = folder->names(".ocsp");
    CHECK(left.size() == 35);
    CHECK(left.front() == "105.ocsp");
    CHECK(folder->contains("keep.revoked"));
}

TEST_CASE("one writer at a time", "[ocsp][cache]") {
    const Folder base;
    const auto folder = CacheFolder::open(base.path, CacheFolder::Missing::Fail);
    REQUIRE(folder);
    UniqueFd first = folder->lock();
    REQUIRE(first.valid());
    CHECK_FALSE(folder->lock().valid());
    first.reset();
    CHECK(folder->lock().valid());
}
