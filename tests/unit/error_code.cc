#include "pki/base/error_code.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace piv;

TEST_CASE("every code has its own name, a sentence, a hint, and no way to success") {
    std::size_t count = 0;
    const ErrorInfo* rows = error_table(count);
    REQUIRE(count > 40);
    std::set<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        INFO(rows[i].name);
        CHECK(rows[i].code == static_cast<ErrorCode>(i));
        CHECK(names.insert(std::string(rows[i].name)).second);
        CHECK(rows[i].name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
              std::string_view::npos);
        CHECK_FALSE(rows[i].user_text.empty());
        CHECK_FALSE(rows[i].hint.empty());
        CHECK(rows[i].exit != ExitStatus::Yes);
        CHECK(rows[i].outcome != AuthOutcome::Granted);
        const bool ignored = rows[i].outcome == AuthOutcome::OutOfScope;
        CHECK(ignored == (rows[i].code == ErrorCode::OutOfScope));
    }
}
