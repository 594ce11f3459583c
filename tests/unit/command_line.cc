#include "pki/cli/command_line.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace piv;

namespace {

// A tool with one command, as the tools of this project are built.
struct Tool {
    CommandLine app{"does things", "tool"};
    std::string root;
    std::string name;
    bool json = false;
    std::vector<std::string> domains;
    std::vector<std::string> files;
    long long sequence = 0;

    Tool() {
        app.add_option("--root", root, "");
        app.add_flag("--json", json, "");
        app.require_command();
        app.fallthrough();
        app.add_command("list", "");
        auto* add = app.add_command("add", "");
        add->add_option("--user", name, "");
        add->add_option("-o", name, "");
        add->add_option("--domain", domains, "")->one_each();
        add->add_option("--sequence", sequence, "")->at_least(1);
        auto* take = app.add_command("take", "");
        take->add_option("--domain", domains, "")->one_each();
        take->add_option("FILE", files, "");
        auto* set = app.add_command("set", "");
        set->require_command();
        set->add_command("one", "");
    }

    std::string explain(std::vector<const char*> words) {
        words.insert(words.begin(), "tool");
        const std::optional<NotParsed> end =
            app.try_parse(static_cast<int>(words.size()), words.data());
        return end ? end->error.detail : "understood";
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

TEST_CASE("an option that takes one value each leaves the words behind it to others") {
    Tool tool;
    CHECK(tool.explain({"take", "--domain", "a", "x", "--domain=b", "y"}) == "understood");
    CHECK(tool.domains == std::vector<std::string>{"a", "b"});
    CHECK(tool.files == std::vector<std::string>{"x", "y"});
    CHECK(Tool().explain({"add", "--domain", "a", "b"}) ==
          "The following argument was not expected: b");
}

TEST_CASE("numbers have a least value") {
    Tool tool;
    CHECK(tool.explain({"add", "--sequence", "1"}) == "understood");
    CHECK(tool.sequence == 1);
    CHECK(Tool().explain({"add", "--sequence", "0"}) == "--sequence: Value 0 is not at least 1");
    CHECK(Tool().explain({"add", "--sequence", "x"}) == "--sequence: Value x is not at least 1");
}

TEST_CASE("the command that was given, with the one behind it") {
    Tool tool;
    CHECK(tool.explain({"set", "one"}) == "understood");
    CHECK(tool.app.command() == "set one");
    Tool other;
    CHECK(other.explain({"list"}) == "understood");
    CHECK(other.app.command() == "list");
}

TEST_CASE("what was not understood ends in 64, help in 0") {
    const std::vector<const char*> bad{"tool", "--bogus"};
    CHECK(Tool().app.parse(2, bad.data()) == 64);
    const std::vector<const char*> help{"tool", "--help"};
    CHECK(Tool().app.parse(2, help.data()) == 0);
    const std::vector<const char*> good{"tool", "list"};
    CHECK_FALSE(Tool().app.parse(2, good.data()).has_value());
}
