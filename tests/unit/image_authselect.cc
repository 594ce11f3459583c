// authselect-profiles(5): the operators of a template.
#include "image_builder/authselect_template.h"

#include <catch2/catch.hpp>

using namespace piv;

namespace {

std::string render(const std::string& text, const std::set<std::string>& features) {
    const Result<std::string> out = render_authselect(text, features);
    REQUIRE(out.ok());
    return *out;
}

}  // namespace

TEST_CASE("expressions") {
    const std::set<std::string> f{"a", "b"};
    const auto value = [&f](const char* text) {
        const Result<bool> out = evaluate_authselect(text, f);
        REQUIRE(out.ok());
        return *out;
    };
    CHECK(value("\"a\""));
    CHECK_FALSE(value("\"c\""));
    CHECK(value("not \"c\""));
    CHECK(value("\"c\" or \"a\""));
    CHECK(value("\"a\" and not \"c\""));
    CHECK_FALSE(value("\"a\" and (\"c\" or not \"b\")"));
    CHECK(value("not (\"c\" or \"d\")"));
    for (const char* bad :
         {"", "a", "\"a", "\"a\" \"b\"", "(\"a\"", "\"a\" and", "not", "\"a\" xor \"b\""}) {
        CHECK_FALSE(evaluate_authselect(bad, f).ok());
    }
}

TEST_CASE("operators") {
    CHECK(render("x {include if \"a\"}\ny {include if \"b\"}\n", {"a"}) == "x\n");
    CHECK(render("x {exclude if \"a\"}\ny {exclude if \"b\"}\n", {"a"}) == "y\n");
    CHECK(render("x {if \"a\":yes|no} {if not \"a\":yes} z\n", {"a"}) == "x yes  z\n");
    CHECK(render("x {if \"a\":yes|no}\n", {}) == "x no\n");
    CHECK(render("x\n{continue if \"a\"}\ny\n", {"a"}) == "x\ny\n");
    CHECK(render("x\n{continue if \"a\"}\ny\n", {}) == "x\n");
    CHECK(render("x\n{stop if \"a\"}\ny\n", {"a"}) == "x\n");
    CHECK(render("x\n{stop if \"a\"}\ny\n", {}) == "x\ny\n");
    CHECK(render("{imply \"b\" if \"a\"}\nx {include if \"b\"}\n", {"a", "b"}) == "x\n");
    CHECK(implied_features("{imply \"b\" if \"a\"}\n", {"a"}) == std::set<std::string>{"b"});
    CHECK(implied_features("{imply \"b\" if \"a\"}\n", {}).empty());
}
