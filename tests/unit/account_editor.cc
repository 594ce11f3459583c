#include "pam_module/account/account_editor.h"

#include <unistd.h>

#include "pki/config/rooted_file.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

TEST_CASE("lines are taken out and the rest stays as it is") {
    const std::string text = "# a\n\nupn a@b -> c\n  # d\nupn e@f -> g\n";
    CHECK(without_lines(text, {3}) == "# a\n\n  # d\nupn e@f -> g\n");
    CHECK(without_lines(text, {3, 5}) == "# a\n\n  # d\n");
    CHECK(without_lines(text, {}) == text);
    CHECK(without_lines("", {1}).empty());
}

TEST_CASE("a line is made for what the certificate has") {
    const Pki pki;
    const Certificate leaf = make(pki.user_spec());
    CHECK(*line_for(leaf, {MapKind::Upn, "alice", "", ""}) ==
          "upn alice@corp.example.com -> alice\n");
    CHECK(*line_for(leaf, {MapKind::CertSha256, "al", "2027-12-31", "by hand"}) ==
          "cert-sha256 " + leaf.sha256_hex() + " -> al until 2027-12-31 # by hand\n");
    CHECK(line_for(leaf, {MapKind::Sid, "alice", "", ""}).code() == ErrorCode::NotMapped);
    CHECK(line_for(leaf, {MapKind::Upn, "a:b", "", ""}).code() == ErrorCode::BadUsage);
    CHECK(line_for(leaf, {MapKind::Upn, "alice", "", "x\ny"}).code() == ErrorCode::BadUsage);
}

TEST_CASE("a map is replaced with its index, or nothing is") {
    const TempDir dir;
    const AccountTree tree{dir.path(), kDefaultConfigFile};
    (void)dir.folder("etc/piv-login");
    (void)dir.write("etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n");
    auto loaded = load_account_map(tree);
    REQUIRE(loaded.ok());
    CHECK(loaded->text.empty());
    REQUIRE(replace_account_map(tree, *loaded, "account zoe 2000 2000 Z /home/zoe /bin/sh\n").ok());
    const auto index = read_file(dir.path() + kAccountIndex, 1U << 20U);
    REQUIRE(index.ok());
    loaded = load_account_map(tree);
    REQUIRE(loaded.ok());
    CHECK(loaded->map.accounts.size() == 1);
    CHECK_FALSE(write_account_index(tree, *loaded)->changed);

    const auto refused = replace_account_map(
        tree, *loaded, loaded->text + "account alice 2001 2001 A /home/a /bin/sh\n");
    CHECK(refused.code() == ErrorCode::AccountCollision);
    CHECK(replace_account_map(tree, *loaded, "junk\n").code() == ErrorCode::BadConfig);
    CHECK(load_account_map(tree)->text == loaded->text);
    CHECK(ByteView(*read_file(dir.path() + kAccountIndex, 1U << 20U)) == ByteView(*index));
    // The index cannot be written: the map is as it was.
    REQUIRE(unlink((dir.path() + kAccountIndex).c_str()) == 0);
    (void)dir.folder(std::string(kAccountIndex).substr(1) + "/in-the-way");
    CHECK_FALSE(replace_account_map(tree, *loaded, "").ok());
    CHECK(load_account_map(tree)->text == loaded->text);
}

TEST_CASE("links in a tree never lead out of it") {
    const TempDir dir;
    const TempDir outside;
    (void)outside.write("secret", "upn a@b -> c\n");
    (void)dir.folder("etc");
    REQUIRE(symlink(outside.path().c_str(), dir.file("etc/piv-login").c_str()) == 0);
    CHECK_FALSE(read_rooted(dir.path(), "/etc/piv-login/secret", 100).ok());
    CHECK_FALSE(
        write_rooted(dir.path(), "/etc/piv-login/new", ByteView(std::string_view("x")), 0644).ok());
    CHECK(access(outside.file("new").c_str(), F_OK) != 0);
    REQUIRE(symlink(outside.file("secret").c_str(), dir.file("etc/link").c_str()) == 0);
    CHECK_FALSE(read_rooted(dir.path(), "/etc/link", 100).ok());
    CHECK_FALSE(read_followed(dir.path(), "/etc/link", 100).ok());  // nothing of that name inside
    REQUIRE(write_rooted(dir.path(), "/etc/link", ByteView(std::string_view("mine")), 0644).ok());
    CHECK(ByteView(*read_rooted(dir.path(), "/etc/link", 100)).text() == "mine");
    CHECK(ByteView(*read_file(outside.file("secret"), 100)).text() == "upn a@b -> c\n");
    // A link inside the tree, relative or absolute, is followed inside the tree.
    (void)dir.folder("real");
    REQUIRE(symlink("/real", dir.file("absolute").c_str()) == 0);
    REQUIRE(write_rooted(dir.path(), "/absolute/f", ByteView(std::string_view("in")), 0644).ok());
    CHECK(ByteView(*read_file(dir.file("real/f"), 100)).text() == "in");
    REQUIRE(symlink("../../../../../..", dir.file("up").c_str()) == 0);
    REQUIRE(write_rooted(dir.path(), "/up/g", ByteView(std::string_view("in")), 0644).ok());
    CHECK(access(dir.file("g").c_str(), F_OK) == 0);
}
