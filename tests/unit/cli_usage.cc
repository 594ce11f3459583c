#include "pki/cli/usage.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace piv;

namespace {

// A tool with one command, as the tools of this project are built.
struct Tool {
    CLI::App app{"does things", "tool"};
    std::string root;
    std::string name;
    bool json = false;

    Tool() {
        app.add_option("--root", root, "");
        app.add_flag("--json", json, "");
        app.require_subcommand(1);
        app.fallthrough();
        app.add_subcommand("list", "");
        auto* add = app.add_subcommand("add", "");
        add->add_option("--user", name, "");
        add->add_option("-o", name, "");
    }

    std::string explain(std::vector<const char*> words) {
        words.insert(words.begin(), "tool");
        try {
            app.parse(static_cast<int>(words.size()), words.data());
        } catch (const CLI::ParseError& e) {
            return explain_usage(e, app, static_cast<int>(words.size()), words.data());
        }
        return "understood";
    }
};

}  // namespace

TEST_CASE("an unknown option is named, with the nearest known one") {
    CHECK(Tool().explain({"--rot", "x", "list"}) ==
          "unknown option '--rot': did you mean '--root'?");
    CHECK(Tool().explain({"add", "--usr=x"}) == "unknown option '--usr': did you mean '--user'?");
    CHECK(Tool().explain({"add", "--jsn"}) == "unknown option '--jsn': did you mean '--json'?");
    CHECK(Tool().explain({"--bogus"}) == "unknown option '--bogus'");
    CHECK(Tool().explain({"list", "-x"}) == "unknown option '-x'");
}

TEST_CASE("an unknown command is named, and a value of an option is no command") {
    CHECK(Tool().explain({"lst"}) == "unknown command 'lst': did you mean 'list'?");
    CHECK(Tool().explain({"--root", "elsewhere", "frobnicate"}) == "unknown command 'frobnicate'");
    CHECK(Tool().explain({"--root=elsewhere", "adds"}) ==
          "unknown command 'adds': did you mean 'add'?");
}

TEST_CASE("what is good is understood, and what only CLI11 knows it says") {
    CHECK(Tool().explain({"--root", "x", "add", "--user", "u", "-o", "v", "--json"}) ==
          "understood");
    CHECK(Tool().explain({}) == "A subcommand is required");
    CHECK(Tool().explain({"add", "--user"}) == "--user: 1 required TEXT missing");
}

TEST_CASE("--json counts wherever parsing stopped") {
    const std::vector<const char*> with{"tool", "--bogus", "--json"};
    const std::vector<const char*> without{"tool", "--bogus"};
    CHECK(wants_json(3, with.data()));
    CHECK_FALSE(wants_json(2, without.data()));
}
