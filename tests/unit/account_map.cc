#include "pam_module/account/account_map.h"

#include <dlfcn.h>

#include "pam_module/account/names.h"
#include "pam_module/account/sid_mapping.h"
#include "tests/unit/temp_dir.h"

using namespace piv;
using piv::test::TempDir;

namespace {

std::string refused(const std::string& text) {
    const auto r = parse_account_map(text, "m");
    REQUIRE_FALSE(r.ok());
    CHECK(r.code() == ErrorCode::BadConfig);
    return r.error().detail;
}

const std::string kHash(64, 'a');

}  // namespace

TEST_CASE("map lines of every key are read") {
    const auto r = parse_account_map(
        "# a comment\n\n"
        "upn Alice@CORP.example.com -> alice\n"
        "  edipi 1234567890 -> bob until 2026-12-31\n"
        "email A.B@Example.COM -> carol until 2026-12-31T10:00:00Z # leaves\n"
        "sid S-1-5-21-1-2-3-1104 -> CORP\\dave\n"
        "issuer-serial CN=Example CA, o = Example\\, Inc. 00AB12 -> eve#1\n"
        "issuer-serial CN=a #1,O=x 7 -> frank # why\r\n"
        "ski 0102 -> greta\n"
        "spki-sha256 " +
            kHash +
            " -> heidi\n"
            "cert-sha256 " +
            kHash +
            " -> ivan\n"
            "subject CN=Judy,DC=example -> judy\n",
        "m");
    REQUIRE_FALSE(r.ok());  // 'eve#1' is not a name
    CHECK(r.error().detail == "m:7: 'eve#1' is not the name of an account");
    const auto good = parse_account_map(
        "upn Alice@CORP.example.com -> alice\n"
        "edipi 1234567890 -> bob until 2026-12-31\n"
        "email A.B@Example.COM -> carol until 2026-12-31T10:00:00Z # leaves\n"
        "sid S-1-5-21-1-2-3-1104 -> CORP\\dave\n"
        "issuer-serial CN=Example CA, o = Example\\, Inc. 00AB12 -> eve\n"
        "issuer-serial CN=a #1,O=x 7 -> frank # why\r\n"
        "ski 0102 -> greta\n"
        "subject CN=Judy,DC=example->x,O=b -> judy\n",
        "m");
    REQUIRE(good.ok());
    const auto& l = good->lines;
    REQUIRE(l.size() == 8);
    CHECK(l[0].value == "Alice@corp.example.com");
    CHECK(format_time(*l[1].until) == "2026-12-31T23:59:59Z");
    CHECK(l[2].value == "A.B@example.com");
    CHECK(format_time(*l[2].until) == "2026-12-31T10:00:00Z");
    CHECK(l[3].user == "CORP\\dave");
    CHECK(l[4].value == "CN=Example CA,O=Example\\, Inc. ab12");
    CHECK(l[5].value == "CN=a #1,O=x 7");
    CHECK(l[5].line == 6);
    CHECK(l[7].value == "CN=Judy,DC=example->x,O=b");
}

TEST_CASE("account lines are read, ids from SIDs too") {
    const auto r = parse_account_map(
        "account a 2000 2000 \"A B\" /home/a /bin/sh # c\n"
        "account b S-1-5-21-1-2-3-1104 S-1-5-21-1-2-3-513 B C  D /home/b /bin/sh\n"
        "account c 2001 2000 \"\" /home/c /bin/sh\n",
        "m");
    REQUIRE(r.ok());
    REQUIRE(r->accounts.size() == 3);
    CHECK(r->accounts[0].gecos == "A B");
    CHECK(r->accounts[1].gecos == "B C D");
    CHECK(r->accounts[1].uid == *sid_to_id("S-1-5-21-1-2-3-1104"));
    CHECK(r->accounts[1].gid == *sid_to_id("S-1-5-21-1-2-3-513"));
    CHECK(r->accounts[2].gecos.empty());
}

TEST_CASE("one bad line refuses the file") {
    CHECK(refused("upm a@b -> c\n") == "m:1: unknown key 'upm': did you mean 'upn'?");
    CHECK(refused("\nfile a -> c\n").find("m:2: unknown key 'file'") == 0);
    CHECK(refused("upn a@b -> c") == "m:1: the last line has no end: the file was cut short");
    CHECK(refused("upn a@b c\n") == "m:1: a mapping is written KEY VALUE -> USER");
    CHECK(refused("upn a@b -> c -> d\n") == "m:1: a mapping is written KEY VALUE -> USER");
    CHECK(refused("upn a@b -> \n").find("m:1: ") == 0);
    CHECK(refused("upn a -> c\n") == "m:1: a UPN is written user@domain");
    CHECK(refused("cert-sha256 " + std::string(64, 'A') + " -> c\n") ==
          "m:1: hexadecimal is written in lower case without separators: " + kHash);
    CHECK(refused("cert-sha256 ab -> c\n") == "m:1: not 64 digits of lower-case hexadecimal");
    for (const char* text : {"upn a@b -> c until\n",
                             "upn a@b -> c until 2026-02-30\n",
                             "upn a@b -> c to 2026-01-01\n",
                             "upn a@b -> c until 2026-01-01 x\n",
                             "upn a@b -> c d\n",
                             "upn a@b -> -c\n",
                             "upn a@b -> c:d\n",
                             "upn a@b -> c/d\n",
                             "upn a@b -> ..\n",
                             "upn a@b -> \xC2\x85\n",
                             "upn a@b -> a\x01\n",
                             "upn a@b -> a\xff\n",
                             "upn a@b -> x\xe2\x80\x8b\n",
                             "upn a$@b -> c\n",
                             "edipi 123456789 -> c\n",
                             "sid S-1 -> c\n",
                             "sid S-2-5-21-1 -> c\n",
                             "sid S-1-5-021 -> c\n",
                             "issuer-serial CN=a -> c\n",
                             "issuer-serial a 1 -> c\n",
                             "issuer-serial CN=a xyz -> c\n",
                             "ski abc -> c\n",
                             "ski  -> c\n",
                             "subject Judy -> c\n",
                             "email a -> c\n",
                             "email @b -> c\n",
                             "upn a@b -> c\nupn a@B -> c\n",  // the same line twice
                             "account a 2000 2000 A /home/a\n",
                             "account a 0 2000 A /h /s\n",  // ids
                             "account a 999 2000 A /h /s\n",
                             "account a 65534 2000 A /h /s\n",
                             "account a 61184 2000 A /h /s\n",
                             "account a 65519 2000 A /h /s\n",
                             "account a 2147483648 2000 A /h /s\n",
                             "account a 4294967295 2000 A /h /s\n",
                             "account a 18446744073709551616 2000 A /h /s\n",
                             "account a 2000 100 A /h /s\n",
                             "account a -1 2000 A /h /s\n",
                             "account a 2000 2000 A h /s\n",
                             "account a 2000 2000 A:B /h /s\n",
                             "account a 2000 2000 \"A /h /s\n",
                             "account a 2000 2000 \"A\"B /h /s\n",
                             "account a@b 2000 2000 A /h /s\n",
                             "account a\\b 2000 2000 A /h /s\n",
                             "account a 2000 2000 A /h / \n",
                             "account a 2000 2000 A /h /s\naccount a 2001 2001 A /h /s\n",
                             "account a 2000 2000 A /h /s\naccount b 2000 2000 A /h /s\n"}) {
        INFO(text);
        CHECK(parse_account_map(text, "m").code() == ErrorCode::BadConfig);
    }
    // The same key for two accounts is one card with several accounts.
    CHECK(parse_account_map("upn a@b -> c\nupn a@b -> d\n", "m").ok());
}

TEST_CASE("a map cut inside a line is refused") {
    const std::string whole =
        "upn a@b -> alice until 2026-12-31 # x\naccount c 2000 2000 C /home/c /bin/sh\n";
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        if (whole[cut - 1] != '\n') {
            CHECK_FALSE(parse_account_map(whole.substr(0, cut), "m").ok());
        }
    }
}

TEST_CASE("a missing map is empty at its usual place alone") {
    const TempDir dir;
    CHECK(read_account_map(dir.file("none")).code() == ErrorCode::BadConfig);
    CHECK(read_account_map(dir.path() + Settings().mapping.accounts).ok());
    const std::string path = dir.write("m", "upn a@b -> c\n");
    REQUIRE(chmod(path.c_str(), 0666) == 0);
    CHECK(read_account_map(path).code() == ErrorCode::InsecureConfig);
}

TEST_CASE("UPNs have a strict grammar") {
    CHECK(parse_upn("alice@corp.example.com")->local == "alice");
    CHECK(parse_upn("A.b-c_1@CORP.Example")->domain == "corp.example");
    CHECK(parse_upn("1234567890@mil").has_value());
    CHECK(parse_upn(std::string(64, 'a') + "@b").has_value());
    for (const std::string& text : {std::string(),
                                    std::string("a"),
                                    std::string("@b"),
                                    std::string("a@"),
                                    std::string("a@b@c"),
                                    std::string("a b@c"),
                                    std::string("a@b c"),
                                    std::string("a@b\nroot"),
                                    std::string("x\nroot@b"),
                                    std::string("a\0@b", 4),
                                    std::string("a@b\0", 4),
                                    std::string("a$@b"),
                                    std::string("-a@b"),
                                    std::string(".a@b"),
                                    std::string("a.@b"),
                                    std::string("a/../b@c"),
                                    std::string("a:b@c"),
                                    std::string("\"a\"@b"),
                                    std::string("a@.b"),
                                    std::string("a@b."),
                                    std::string("a@b..c"),
                                    std::string("a@-b"),
                                    std::string("a@b-"),
                                    std::string("a@[::1]"),
                                    std::string("\xC3\xA4@b"),
                                    std::string(65, 'a') + "@b",
                                    "a@" + std::string(64, 'b')}) {
        INFO(text);
        CHECK_FALSE(parse_upn(text).has_value());
    }
}

TEST_CASE("SIDs become the ids that SSSD gives them") {
    CHECK(murmurhash3("", 0) == 0);
    CHECK(murmurhash3("", 1) == 0x514E28B7);
    CHECK(murmurhash3("test", 0) == 0xba6bd213);
    CHECK(murmurhash3("Hello, world!", 0x9747b28c) == 0x24884CBA);
    CHECK(murmurhash3("The quick brown fox jumps over the lazy dog", 0x9747b28c) == 0x2FA826CD);
    for (const char* sid : {"", "S-1-5-32-544", "S-1-5-21-1-2-3", "S-1-5-21-1-2-3-4-5",
                            "S-1-5-21-1-2-3-", "S-1-5-21-1-2-x-4", "S-1-5-21-1-2-3-4294967296",
                            "s-1-5-21-1-2-3-4", "S-1-5-21-01-2-3-4"}) {
        INFO(sid);
        CHECK_FALSE(sid_to_id(sid).has_value());
    }
    CHECK(*sid_to_id("S-1-5-21-1-2-3-4") != *sid_to_id("S-1-5-21-1-2-4-4"));
}

TEST_CASE("the reference for ids is SSSD's own library, where it is installed") {
    struct Range {
        std::uint32_t min;
        std::uint32_t max;
    };
    struct Free {
        static void* allocate(std::size_t size, void*) { return std::malloc(size); }
        static void release(void* p, void*) { std::free(p); }
    };
    void* const library = dlopen("libsss_idmap.so.0", RTLD_NOW);
    if (library == nullptr) {
        WARN("libsss_idmap.so.0 is not installed: compared with nothing");
        return;
    }
    using Init = int (*)(void* (*)(std::size_t, void*), void*, void (*)(void*, void*), void**);
    using Calculate = int (*)(void*, const char*, std::int32_t*, Range*);
    const auto init = reinterpret_cast<Init>(dlsym(library, "sss_idmap_init"));
    const auto calculate = reinterpret_cast<Calculate>(dlsym(library, "sss_idmap_calculate_range"));
    const auto release = reinterpret_cast<int (*)(void*)>(dlsym(library, "sss_idmap_free"));
    REQUIRE((init != nullptr && calculate != nullptr && release != nullptr));
    void* context = nullptr;
    REQUIRE(init(Free::allocate, nullptr, Free::release, &context) == 0);
    std::uint32_t state = 12345;
    const auto next = [&state] { return state = state * 1664525U + 1013904223U; };
    for (int i = 0; i < 2000; ++i) {
        const std::string domain = "S-1-5-21-" + std::to_string(next()) + "-" +
                                   std::to_string(next()) + "-" + std::to_string(next());
        Range range{};
        REQUIRE(calculate(context, domain.c_str(), nullptr, &range) == 0);
        CHECK(*sid_to_id(domain + "-1104") == range.min + 1104);
        CHECK(*sid_to_id(domain + "-199999") == range.max);
        Range second{};
        REQUIRE(calculate(context, (domain + "-200000").c_str(), nullptr, &second) == 0);
        CHECK(*sid_to_id(domain + "-200001") == second.min + 1);
    }
    release(context);
}
