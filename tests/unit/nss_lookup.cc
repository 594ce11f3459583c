#include "pam_module/nss/lookup.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <vector>

#include "pam_module/account/sid_mapping.h"
#include "tests/unit/nss_tree.h"

using namespace piv;
using namespace piv::nss;
using piv::test::NssTree;

namespace {

struct Answer {
    enum nss_status status = NSS_STATUS_UNAVAIL;
    int error = 0;
    std::string line;  // as passwd(5), group(5) or shadow(5) would have it
};

std::string text_of(const struct passwd& p) {
    return std::string(p.pw_name) + ":" + p.pw_passwd + ":" + std::to_string(p.pw_uid) + ":" +
           std::to_string(p.pw_gid) + ":" + p.pw_gecos + ":" + p.pw_dir + ":" + p.pw_shell;
}
std::string text_of(const struct group& g) {
    return std::string(g.gr_name) + ":" + g.gr_passwd + ":" + std::to_string(g.gr_gid) + ":" +
           (g.gr_mem[0] == nullptr ? "" : g.gr_mem[0]);
}
std::string text_of(const struct spwd& s) {
    return std::string(s.sp_namp) + ":" + s.sp_pwdp + ":" + std::to_string(s.sp_lstchg) + ":" +
           std::to_string(s.sp_expire);
}

template <typename Entry, typename Call>
Answer ask(Call call, std::size_t size = 4096) {
    std::vector<char> buffer(size + 1);
    Entry entry;
    Answer a;
    a.status = call(&entry, Out{buffer.data(), size, &a.error});
    if (a.status == NSS_STATUS_SUCCESS) {
        a.line = text_of(entry);
    }
    return a;
}
Answer passwd_named(const NssTree& t, const std::string& name, std::size_t size = 4096) {
    return ask<struct passwd>(
        [&](struct passwd* e, Out o) { return passwd_by_name(t.paths(), name.c_str(), e, o); },
        size);
}
Answer group_named(const NssTree& t, const std::string& name) {
    return ask<struct group>(
        [&](struct group* e, Out o) { return group_by_name(t.paths(), name.c_str(), e, o); });
}
Answer shadow_named(const NssTree& t, const std::string& name) {
    return ask<struct spwd>(
        [&](struct spwd* e, Out o) { return shadow_by_name(t.paths(), name.c_str(), e, o); });
}

const char kCarol[] = "carol:x:2001:2001:Carol Card, Room 1:/home/carol:/bin/bash";
const char kAlice[] = "alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash";

}  // namespace

TEST_CASE("accounts are found by name and by uid") {
    const NssTree t;
    CHECK(passwd_named(t, "carol").line == kCarol);
    CHECK(passwd_named(t, "eve").line == "eve:x:2003:2003::/home/eve:/bin/sh");
    const std::string dave_uid = std::to_string(*sid_to_id("S-1-5-21-1-2-3-1104"));
    CHECK(passwd_named(t, "dave").line ==
          "dave:x:" + dave_uid + ":2001:Dave D. Dee:/home/dave:/bin/sh");
    const auto by_uid = [&t](uid_t uid) {
        return ask<struct passwd>(
            [&](struct passwd* e, Out o) { return passwd_by_uid(t.paths(), uid, e, o); });
    };
    CHECK(by_uid(2001).line == kCarol);
    CHECK(by_uid(1000).status == NSS_STATUS_NOTFOUND);
    CHECK(by_uid(0).status == NSS_STATUS_NOTFOUND);
    for (const char* name :
         {"", "Carol", "carol ", "caro", "carolx", "alice", "root", "+", "@", "\\", "carol:x"}) {
        INFO(name);
        const Answer a = passwd_named(t, name);
        CHECK(a.status == NSS_STATUS_NOTFOUND);
        CHECK(a.error == ENOENT);
    }
    CHECK(passwd_named(t, std::string(256, 'a')).status == NSS_STATUS_NOTFOUND);
    CHECK(passwd_named(t, std::string(1U << 20U, 'a')).status == NSS_STATUS_NOTFOUND);
}

TEST_CASE("aliases lead to our accounts and to the machine's, never to system accounts") {
    const NssTree t;
    for (const char* name : {"carol@corp.example.com", "carol@CORP.Example.com", "CORP\\carol",
                             "corp\\carol", "carol.card@corp.example.com", "carol@other.example"}) {
        INFO(name);
        CHECK(passwd_named(t, name).line == kCarol);
    }
    for (const char* name : {"alice@corp.example.com", "CORP\\alice", "al@other.example"}) {
        INFO(name);
        CHECK(passwd_named(t, name).line == kAlice);
    }
    CHECK(passwd_named(t, "last@corp.example.com").line == "last:x:1001:1001::/home/last:/bin/sh");
    for (const char* name : {"root@corp.example.com",
                             "CORP\\root",
                             "boss@corp.example.com",
                             "daemon@corp.example.com",
                             "nobody@corp.example.com",
                             "short@corp.example.com",
                             "nohome@corp.example.com",
                             "alice@corp.example",
                             "alice@example.com",
                             "alice@",
                             "@corp.example.com",
                             "CORP\\",
                             "\\alice",
                             "NO\\alice",
                             "alice@corp.example.com@corp.example.com",
                             "CORP\\CORP\\alice",
                             "CORP\\alice@corp.example.com",
                             "alice:x@corp.example.com",
                             "ALICE@corp.example.com",
                             "+@corp.example.com",
                             "ali@corp.example.com",
                             "carol.card@corp.example.com@corp.example.com"}) {
        INFO(name);
        CHECK(passwd_named(t, name).status == NSS_STATUS_NOTFOUND);
    }
}

TEST_CASE("an account has a private group, and no other") {
    const NssTree t;
    CHECK(group_named(t, "carol").line == "carol:x:2001:");
    CHECK(group_named(t, "dave").status == NSS_STATUS_NOTFOUND);  // its gid is carol's
    CHECK(group_named(t, "carol@corp.example.com").status == NSS_STATUS_NOTFOUND);
    const auto by_gid = [&t](gid_t gid) {
        return ask<struct group>(
            [&](struct group* e, Out o) { return group_by_gid(t.paths(), gid, e, o); });
    };
    CHECK(by_gid(2003).line == "eve:x:2003:");
    CHECK(by_gid(*sid_to_id("S-1-5-21-1-2-3-1104")).status == NSS_STATUS_NOTFOUND);
    int error = 0;
    CHECK(is_account(t.paths(), "carol", &error) == NSS_STATUS_SUCCESS);
    CHECK(is_account(t.paths(), "zoe", &error) == NSS_STATUS_NOTFOUND);
}

TEST_CASE("shadow entries are locked, and those behind an alias are the account's own") {
    const NssTree t;
    CHECK(shadow_named(t, "carol").line == "carol:!*:-1:-1");
    CHECK(shadow_named(t, "CORP\\carol").line == "carol:!*:-1:-1");
    CHECK(shadow_named(t, "alice@corp.example.com").line == "alice:$y$hash:19001:19500");
    CHECK(shadow_named(t, "alice").status == NSS_STATUS_NOTFOUND);
    CHECK(shadow_named(t, "root@corp.example.com").status == NSS_STATUS_NOTFOUND);
}

TEST_CASE("enumeration gives each account once, in the order of uids") {
    const NssTree t;
    std::vector<std::string> seen;
    for (std::uint32_t i = 0;; ++i) {
        const Answer a = ask<struct passwd>(
            [&](struct passwd* e, Out o) { return passwd_at(t.paths(), i, e, o); });
        if (a.status != NSS_STATUS_SUCCESS) {
            CHECK(a.status == NSS_STATUS_NOTFOUND);
            break;
        }
        seen.push_back(a.line.substr(0, a.line.find(':')));
    }
    CHECK(seen == std::vector<std::string>{"carol", "eve", "dave"});
    const auto group = [&t](std::uint32_t i) {
        return ask<struct group>(
            [&](struct group* e, Out o) { return group_at(t.paths(), i, e, o); });
    };
    CHECK(group(1).line == "eve:x:2003:");
    CHECK(group(2).status == NSS_STATUS_RETURN);
    CHECK(group(3).status == NSS_STATUS_NOTFOUND);
}

namespace {

// Runs `call` with every buffer size from 0 to what it needs and 16 more, at 8 alignments, with red
// zones on both sides: it either answers as it should or asks for a larger buffer.
template <typename Entry, typename Call>
void every_size(Call call, const std::string& expected) {
    constexpr char kRed = '\x5a';
    constexpr std::size_t kZone = 32;
    for (std::size_t alignment = 0; alignment < 8; ++alignment) {
        std::size_t fits_from = SIZE_MAX;
        for (std::size_t size = 0; size <= 512 && (fits_from == SIZE_MAX || size <= fits_from + 16);
             ++size) {
            alignas(16) char memory[kZone + 8 + 512 + kZone];
            memset(memory, kRed, sizeof memory);
            char* const buffer = memory + kZone + alignment;
            Entry entry;
            int error = 0;
            const auto status = call(&entry, Out{buffer, size, &error});
            bool clean = true;
            for (std::size_t i = 0; i < sizeof memory; ++i) {
                const bool inside = memory + i >= buffer && memory + i < buffer + size;
                clean = clean && (inside || memory[i] == kRed);
            }
            REQUIRE(clean);
            if (status == NSS_STATUS_SUCCESS) {
                REQUIRE(text_of(entry) == expected);
                fits_from = std::min(fits_from, size);
            } else {
                REQUIRE(status == NSS_STATUS_TRYAGAIN);
                REQUIRE(error == ERANGE);
                REQUIRE(fits_from == SIZE_MAX);  // what fits once fits in more
            }
        }
        REQUIRE(fits_from != SIZE_MAX);
    }
}

}  // namespace

TEST_CASE("every buffer size and alignment: the answer, or ERANGE, and not an octet beside it") {
    const NssTree t;
    const auto pw = [&t](const char* name) {
        return
            [&t, name](struct passwd* e, Out o) { return passwd_by_name(t.paths(), name, e, o); };
    };
    every_size<struct passwd>(pw("carol"), kCarol);
    every_size<struct passwd>(pw("CORP\\carol"), kCarol);
    every_size<struct passwd>(pw("alice@corp.example.com"), kAlice);
    every_size<struct passwd>(
        [&t](struct passwd* e, Out o) { return passwd_by_uid(t.paths(), 2001, e, o); }, kCarol);
    every_size<struct passwd>(
        [&t](struct passwd* e, Out o) { return passwd_at(t.paths(), 0, e, o); }, kCarol);
    every_size<struct group>(
        [&t](struct group* e, Out o) { return group_by_name(t.paths(), "carol", e, o); },
        "carol:x:2001:");
    every_size<struct group>(
        [&t](struct group* e, Out o) { return group_by_gid(t.paths(), 2003, e, o); },
        "eve:x:2003:");
    every_size<struct group>([&t](struct group* e, Out o) { return group_at(t.paths(), 0, e, o); },
                             "carol:x:2001:");
    every_size<struct spwd>(
        [&t](struct spwd* e, Out o) { return shadow_by_name(t.paths(), "carol", e, o); },
        "carol:!*:-1:-1");
    every_size<struct spwd>(
        [&t](struct spwd* e, Out o) { return shadow_by_name(t.paths(), "CORP\\alice", e, o); },
        "alice:$y$hash:19001:19500");
}

namespace {
// In place and without fsync, as the product never writes it.
void overwrite(const std::string& path, ByteView content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(content.data()),
               static_cast<std::streamsize>(content.size()));
    REQUIRE(file.flush().good());
}
}  // namespace

TEST_CASE("a database cut at any byte, or with any byte changed, is never read past") {
    const NssTree t;
    const auto use_all = [&t] {
        for (const char* name :
             {"carol", "dave", "carol.card@corp.example.com", "CORP\\carol", "zoe"}) {
            (void)passwd_named(t, name);
        }
        for (std::uint32_t i = 0; i < 4; ++i) {
            (void)ask<struct passwd>(
                [&](struct passwd* e, Out o) { return passwd_at(t.paths(), i, e, o); });
        }
    };
    for (std::size_t cut = 0; cut < t.content.size(); ++cut) {
        overwrite(t.database, ByteView(t.content).sub(0, cut));
        const Answer a = passwd_named(t, "carol");
        REQUIRE(a.status == NSS_STATUS_UNAVAIL);
        REQUIRE(a.error == EINVAL);
    }
    for (std::size_t at = 0; at < t.content.size(); ++at) {
        for (const int value : {0x00, 0x7F, 0xFF}) {
            Bytes changed = t.content;
            changed[at] = static_cast<std::uint8_t>(value);
            overwrite(t.database, changed);
            use_all();
        }
    }
}

TEST_CASE("a database that is missing has no accounts; one that is not root's is not read") {
    const NssTree t;
    REQUIRE(chmod(t.database.c_str(), 0664) == 0);
    CHECK(passwd_named(t, "carol").status == NSS_STATUS_UNAVAIL);
    REQUIRE(chmod(t.database.c_str(), 0644) == 0);
    if (geteuid() == 0) {
        REQUIRE(chown(t.database.c_str(), 1234, 0) == 0);
        CHECK(passwd_named(t, "carol").status == NSS_STATUS_UNAVAIL);
    }
    REQUIRE(unlink(t.database.c_str()) == 0);
    CHECK(passwd_named(t, "carol").status == NSS_STATUS_NOTFOUND);
    REQUIRE(mkfifo(t.database.c_str(), 0644) == 0);
    CHECK(passwd_named(t, "carol").status == NSS_STATUS_UNAVAIL);
}

TEST_CASE("1,100 open descriptors do not matter, and none left is an answer to try again") {
    const NssTree t;
    std::vector<int> opened;
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit more{2048, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &more) == 0);
    for (int i = 0; i < 1100; ++i) {
        opened.push_back(dup(0));
    }
    CHECK(passwd_named(t, "carol").line == kCarol);
    CHECK(passwd_named(t, "alice@corp.example.com").line == kAlice);
    const rlimit none{3, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const Answer a = passwd_named(t, "carol");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(a.status == NSS_STATUS_TRYAGAIN);
    CHECK(a.error == EMFILE);
    for (const int fd : opened) {
        (void)close(fd);
    }
}
