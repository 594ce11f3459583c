// Paths in a root: the kernel's resolution (openat2) and the walk by descriptors agree, on random
// trees full of links, and neither leaves the root.
#include "image_builder/root_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <random>

#include "tests/unit/temp_dir.h"

using namespace piv;
using piv::test::TempDir;

namespace {

std::string identity(const Result<UniqueFd>& fd) {
    if (!fd.ok()) {
        return "error";
    }
    struct stat st {};
    REQUIRE(fstat(fd->get(), &st) == 0);
    return std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
}

}  // namespace

TEST_CASE("both ways to resolve a path come to the same place") {
    const TempDir outer;
    const std::string root = outer.folder("root");
    (void)outer.folder("outside/a/b");
    std::mt19937 random(11);
    const auto pick = [&random](const std::vector<std::string>& from) {
        return from[random() % from.size()];
    };
    std::vector<std::string> folders{""};
    for (int i = 0; i < 30; ++i) {
        const std::string path = pick(folders) + "/" + pick({"a", "b", "c", "d"});
        if (mkdir((root + path).c_str(), 0755) == 0) {
            folders.push_back(path);
        }
    }
    int links = 0;
    for (int i = 0; i < 80; ++i) {
        const std::string at = pick(folders) + "/" + pick({"l", "m", "n", "a", "b", "o"});
        const std::string target = pick(
            {"/", "..", "../..", "../../../outside", outer.path() + "/outside", "/a", "/b/../a",
             "a", "./b/.", "../l", "/l/m", "n", "../../../../../../../../etc", "//a//b", "l"});
        links += symlink(target.c_str(), (root + at).c_str()) == 0 ? 1 : 0;
    }
    CHECK(links > 20);
    const Result<RootDir> kernel = RootDir::open(root, RootDir::Walk::Kernel);
    const Result<RootDir> walk = RootDir::open(root, RootDir::Walk::Descriptors);
    REQUIRE(kernel.ok());
    REQUIRE(walk.ok());
    struct stat st {};
    REQUIRE(stat((outer.path() + "/outside").c_str(), &st) == 0);
    const std::string outside = std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
    int found = 0;
    for (int i = 0; i < 5000; ++i) {
        std::string path;
        const std::size_t parts = 1 + random() % 6;
        for (std::size_t k = 0; k < parts; ++k) {
            path += "/" + pick({"a", "b", "c", "d", "l", "m", "n", "o", "..", ".", ""});
        }
        const std::string one = identity(walk->open_folder(path));
        INFO(path);
        CHECK(one != outside);
        if (kernel->walk() == RootDir::Walk::Kernel) {
            CHECK(identity(kernel->open_folder(path)) == one);
        }
        found += one == "error" ? 0 : 1;
    }
    CHECK(found > 500);
}

TEST_CASE("reading follows links inside, and refuses what is no file") {
    const TempDir dir;
    (void)dir.write("file", "text");
    REQUIRE(symlink("/file", dir.file("absolute").c_str()) == 0);
    REQUIRE(symlink("loop", dir.file("loop").c_str()) == 0);
    REQUIRE(symlink("/etc/passwd", dir.file("out").c_str()) == 0);
    REQUIRE(mkfifo(dir.file("fifo").c_str(), 0644) == 0);
    for (const RootDir::Walk walk : {RootDir::Walk::Kernel, RootDir::Walk::Descriptors}) {
        const Result<RootDir> root = RootDir::open(dir.path(), walk);
        REQUIRE(root.ok());
        const Result<Bytes> text = root->read("/absolute", 100);
        REQUIRE(text.ok());
        CHECK(ByteView(*text).text() == "text");
        CHECK(root->read("/file", 3).code() == ErrorCode::FileTooLarge);
        CHECK(root->read("/out", 1000).code() == ErrorCode::FileNotFound);
        CHECK(root->read("/loop", 100).code() == ErrorCode::ImageTree);
        CHECK(root->read("/fifo", 100).code() == ErrorCode::ImageTree);
        CHECK(root->read("/", 100).code() == ErrorCode::ImageTree);
        CHECK(root->read("/../../../../../etc/hostname", 100).code() == ErrorCode::FileNotFound);
        CHECK_FALSE(root->locate("/..").ok());
        CHECK_FALSE(root->locate("/").ok());
        CHECK_FALSE(root->locate("/" + std::string(300, 'x')).ok());
        CHECK_FALSE(root->locate(std::string("/a\0b", 4)).ok());
    }
}

TEST_CASE("paths as text") {
    CHECK(normal_path("/a//b/./c/..") == "/a/b");
    CHECK(normal_path("/../..") == "/");
    CHECK(parent_path("/a") == "/");
    CHECK(parent_path("/a/b/") == "/a");
    CHECK(resolve_link_text("/etc/pam.d/x", "y-ac") == "/etc/pam.d/y-ac");
    CHECK(resolve_link_text("/etc/x", "/usr/y") == "/usr/y");
    CHECK(resolve_link_text("/etc/x", "../../../y") == "/y");
}

TEST_CASE("a path that ends like one of a folder does not reach a file") {
    const TempDir outer;
    const std::string root = outer.folder("root");
    (void)outer.folder("root/folder");
    (void)outer.write("root/file", "text");
    REQUIRE(symlink("file", (root + "/link").c_str()) == 0);
    REQUIRE(symlink("file/", (root + "/slash").c_str()) == 0);
    REQUIRE(symlink("folder/", (root + "/good").c_str()) == 0);
    for (const RootDir::Walk walk : {RootDir::Walk::Kernel, RootDir::Walk::Descriptors}) {
        const Result<RootDir> tree = RootDir::open(root, walk);
        REQUIRE(tree.ok());
        CHECK(tree->read("link", 100).ok());
        for (const char* path : {"file/", "file/.", "./file//", "link/", "link/.", "slash"}) {
            INFO(path);
            CHECK(tree->read(path, 100).code() == ErrorCode::FileNotFound);
        }
        for (const char* path :
             {"folder/", "folder/.", "./folder//./", "good", "good/", "/", "."}) {
            INFO(path);
            CHECK(tree->open_folder(path).ok());
        }
    }
}
