// Which attempt counts as the one just before.
#include "pam_module/helper/recent_attempt.h"

#include <catch2/catch.hpp>

#include "tests/unit/temp_dir.h"

using namespace piv;
using piv::test::TempDir;

namespace {

constexpr UnixTime kNow = 1700000000;

std::string line(UnixTime at, const std::string& service, const std::string& user,
                 const std::string& code) {
    return R"({"time":")" + format_time(at) + R"(","service":")" + service + R"(","user":")" +
           user + R"(","code":")" + code + "\"}\n";
}

bool follows(const std::string& content) {
    TempDir dir;
    BeginMessage begin;
    begin.service = "lightdm";
    begin.user = "alice";
    return follows_wrong_pin(dir.write("attempts", content), begin, kNow);
}

}  // namespace

TEST_CASE("A wrong PIN of the same person at the same place, a moment ago") {
    const std::string wrong = line(kNow - 1, "lightdm", "alice", "pin-wrong");
    CHECK(follows(wrong));
    CHECK(follows(line(kNow - 10, "lightdm", "alice", "pin-wrong")));
    CHECK(follows(std::string(100000, 'x') + "\n" + wrong));
}

TEST_CASE("Anything else is not") {
    CHECK_FALSE(follows(line(kNow - 11, "lightdm", "alice", "pin-wrong")));
    CHECK_FALSE(follows(line(kNow + 1, "lightdm", "alice", "pin-wrong")));
    CHECK_FALSE(follows(line(kNow, "sudo", "alice", "pin-wrong")));
    CHECK_FALSE(follows(line(kNow, "lightdm", "bob", "pin-wrong")));
    CHECK_FALSE(follows(line(kNow, "lightdm", "alice", "ok")));
    CHECK_FALSE(follows(line(kNow, "lightdm", "alice", "pin-wrong") +
                        line(kNow, "lightdm", "alice", "revoked")));
    const std::string wrong = line(kNow, "lightdm", "alice", "pin-wrong");
    CHECK_FALSE(follows(wrong.substr(0, wrong.size() - 1)));  // somebody is writing it
    for (const char* junk : {"", "\n", "[]\n", "{}\n", "{\"time\":7}\n", "null\n", "\"\n"}) {
        INFO(junk);
        CHECK_FALSE(follows(junk));
    }
    CHECK_FALSE(follows_wrong_pin("/nonexistent", {}, kNow));
    CHECK_FALSE(follows_wrong_pin("/dev/zero", {}, kNow));
}
