#include "pki/base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace piv;

namespace {
struct TempDir {
    char path[32] = "/tmp/piv-unit-XXXXXX";
    TempDir() { REQUIRE(mkdtemp(path) != nullptr); }
    ~TempDir() {
        const std::string command = std::string("rm -rf ") + path;
        CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c)
    }
    [[nodiscard]] std::string file(const char* name) const {
        return std::string(path) + "/" + name;
    }
};
}  // namespace

TEST_CASE("a file is written whole with its mode, and read back") {
    const TempDir dir;
    const std::string path = dir.file("a");
    REQUIRE(write_file_atomically(path, ByteView(std::string_view("hello")), 0640).ok());
    struct stat st {};
    REQUIRE(stat(path.c_str(), &st) == 0);
    CHECK((st.st_mode & 07777U) == 0640);
    const auto back = read_file(path, 5);
    REQUIRE(back.ok());
    CHECK(ByteView(*back).text() == "hello");
    CHECK(read_file(path, 4).code() == ErrorCode::FileTooLarge);
    const auto names = list_folder(dir.path, "");
    REQUIRE(names.ok());
    CHECK(names->size() == 1);  // no temporary file is left
}

TEST_CASE("only regular files are read, and no FIFO blocks") {
    const TempDir dir;
    CHECK(read_file(dir.file("none"), 10).code() == ErrorCode::FileNotFound);
    CHECK(read_file(dir.path, 10).code() == ErrorCode::FileUnreadable);
    REQUIRE(mkfifo(dir.file("fifo").c_str(), 0600) == 0);
    CHECK(read_file(dir.file("fifo"), 10).code() == ErrorCode::FileUnreadable);
    CHECK(read_file("/dev/zero", 10).code() == ErrorCode::FileUnreadable);
}

TEST_CASE("a file that others can write is refused where root's is needed") {
    const TempDir dir;
    const std::string path = dir.file("conf");
    REQUIRE(write_file_atomically(path, ByteView(std::string_view("x")), 0644).ok());
    CHECK(read_file_checked(path, 10, Ownership::RootOnly).ok());
    REQUIRE(chmod(path.c_str(), 0664) == 0);
    CHECK(read_file_checked(path, 10, Ownership::RootOnly).code() == ErrorCode::InsecureConfig);
    if (geteuid() == 0) {
        REQUIRE(chmod(path.c_str(), 0644) == 0);
        REQUIRE(chown(path.c_str(), 12345, 0) == 0);
        CHECK(read_file_checked(path, 10, Ownership::RootOnly).code() == ErrorCode::InsecureConfig);
    }
}
