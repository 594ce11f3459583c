#include "pki/base/time.h"

#include <catch2/catch.hpp>

using namespace piv;

TEST_CASE("times go both ways") {
    for (const char* text :
         {"1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2038-01-19T03:14:08Z",
          "2011-04-15T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
        const auto time = parse_time(text);
        REQUIRE(time.ok());
        CHECK(format_time(*time) == text);
    }
    CHECK(*parse_time("2011-04-15T00:00:00Z") == 1302825600);
    CHECK(*parse_time("1302825600") == 1302825600);
}

TEST_CASE("what is not a time is refused") {
    for (const char* text :
         {"", "now", "2011-04-15", "2011-02-29T00:00:00Z", "2011-04-31T00:00:00Z",
          "2011-04-15T24:00:00Z", "2011-04-15T00:00:60Z", "2011-13-01T00:00:00Z",
          "2011-00-01T00:00:00Z", "2011-04-15T00:00:00", "-5", "12x", "1302825600123"}) {
        INFO(text);
        CHECK_FALSE(parse_time(text).ok());
    }
}

TEST_CASE("a deadline is over when it is over") {
    CHECK(Deadline::after_ms(-1).over());
    CHECK_FALSE(Deadline::after_ms(60000).over());
    CHECK(Deadline::after_ms(60000).left_ms() <= 60000);
    const Deadline soon = Deadline::at_ms(5);
    CHECK(soon.extended_ms(10).monotonic_ms() == 15);
    CHECK(soon.earlier_of(Deadline::at_ms(4)).monotonic_ms() == 4);
}
