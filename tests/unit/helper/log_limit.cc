#include "pam_module/helper/log_limit.h"

#include <catch2/catch.hpp>

using namespace piv;

namespace {

constexpr UnixTime kNow = 1800000000;
const LogKey kKey{"login", "alice", "no-card"};

std::string lines(int count, const LogKey& key, UnixTime time) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += R"({"time":")" + format_time(time) + R"(","service":")" + key.service +
               R"(","user":")" + key.user + R"(","code":")" + key.code + "\"}\n";
    }
    return out;
}

}  // namespace

TEST_CASE("entries that are alike are left out after the twentieth in a minute") {
    CHECK(log_limit("", true, kKey, kNow) == LogLimit::Write);
    CHECK(log_limit(lines(18, kKey, kNow - 30), true, kKey, kNow) == LogLimit::Write);
    CHECK(log_limit(lines(19, kKey, kNow - 30), true, kKey, kNow) == LogLimit::WriteLast);
    CHECK(log_limit(lines(20, kKey, kNow - 30), true, kKey, kNow) == LogLimit::LeaveOut);
    CHECK(log_limit(lines(20, kKey, kNow - 61), true, kKey, kNow) == LogLimit::Write);
    CHECK(log_limit(lines(20, kKey, kNow + 3600), true, kKey, kNow) == LogLimit::Write);
}

TEST_CASE("somebody else's attempts silence nobody, until there are very many") {
    for (const LogKey& other :
         {LogKey{"sudo", "alice", "no-card"}, LogKey{"login", "bob", "no-card"},
          LogKey{"login", "alice", "pin-wrong"}}) {
        CHECK(log_limit(lines(50, other, kNow), true, kKey, kNow) == LogLimit::Write);
        // The whole tail, and more before it, within the minute.
        CHECK(log_limit(lines(50, other, kNow), false, kKey, kNow) == LogLimit::LeaveOut);
        CHECK(log_limit(lines(1, other, kNow - 90) + lines(50, other, kNow), false, kKey, kNow) ==
              LogLimit::Write);
    }
}

TEST_CASE("lines that are cut or no JSON do not count") {
    CHECK(log_limit("ser\":\"alice\"}\n\n[]\n42\n{\"time\":7}\n" + lines(19, kKey, kNow), true,
                    kKey, kNow) == LogLimit::WriteLast);
}
