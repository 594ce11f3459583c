// Command lines: what a tool takes, its --help, and what to say when it was not understood. CLI11 does
// the work in command_line.cc alone: it costs each source file that includes it ten seconds and more.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pki/base/result.h"

namespace CLI {
class App;
class Option;
class ParseError;
}  // namespace CLI

namespace piv {

/// One option or positional argument; its methods are CLI11's.
class CommandOption {
  public:
    explicit CommandOption(CLI::Option* option) noexcept : option_(option) {}

    /// What --help shows in place of the value.
    CommandOption* type_name(const std::string& name);
    CommandOption* required();
    /// So many values each time it is given; `most` -1: without end.
    CommandOption* expected(int count);
    CommandOption* expected(int least, int most);
    /// One value each time it is given: what follows is something else.
    CommandOption* one_each();
    /// Values in one word, with this character between them.
    CommandOption* delimiter(char between);
    CommandOption* one_of(const std::vector<std::string>& values);
    CommandOption* in_range(std::int64_t least, std::int64_t most);
    CommandOption* at_least(std::int64_t least);
    /// Refused together with the other one.
    CommandOption* excludes(CommandOption* other);
    CommandOption* excludes(const std::string& other);
    CommandOption* show_default();
    /// Whether it was given.
    bool given() const;

  private:
    CLI::Option* option_;
};

/// Why the command line was not taken. `help`: --help or --version was printed, and nothing is wrong.
struct NotParsed {
    bool help = false;
    Error error{ErrorCode::BadUsage, ""};
};

/// What a tool, or one command of it, takes.
class CommandLine {
  public:
    CommandLine(const std::string& description, const std::string& tool);
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    void version(const std::string& text);
    void footer(const std::string& text);
    /// An option with a value, or with a name without dashes a positional argument. T: std::string,
    /// int, long, long long, std::uint16_t, std::uint32_t, std::optional of the first three, or
    /// std::vector<std::string>. `value` has to live until parse() has returned.
    template <typename T>
    CommandOption* add_option(const std::string& name, T& value, const std::string& text);
    CommandOption* add_flag(const std::string& name, bool& value, const std::string& text);
    CommandLine* add_command(const std::string& name, const std::string& text);
    /// One of the commands has to be given.
    void require_command();
    /// Options of the tool are known behind its commands too.
    void fallthrough();

    /// Nothing: go on. Otherwise the exit status: 0 when --help or --version was printed, else 64, and
    /// the problem is on stderr (and with --json a document on stdout).
    std::optional<int> parse(int argc, const char* const* argv);
    /// The same, and says nothing about problems. Names an unknown option or command and the nearest
    /// known one.
    std::optional<NotParsed> try_parse(int argc, const char* const* argv);
    /// This command was given.
    bool given() const;
    /// Names of the command that was given and of the one behind it ("bundle create"); empty without.
    std::string command() const;

  private:
    explicit CommandLine(CLI::App* command) noexcept;

    std::unique_ptr<CLI::App> owned_;  // of the tool; empty for its commands
    CLI::App* app_;
    std::deque<CommandOption> options_;
    std::vector<std::unique_ptr<CommandLine>> commands_;
};

/// True when `--json` is among the arguments, wherever parsing stopped.
bool wants_json(int argc, const char* const* argv);

}  // namespace piv
