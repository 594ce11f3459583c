#include "pki/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <cstring>
#include <limits>

#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
    const std::string meant = did_you_mean(word, known);
    return meant.empty() ? "" : ": did you mean '" + meant + "'?";
}

// The option of this (sub)command or of those above it, without the value behind '='.
const CLI::Option* find_option(const CLI::App* app, const std::string& name) {
    for (; app != nullptr; app = app->get_parent()) {
        if (const CLI::Option* option = app->get_option_no_throw(name)) {
            return option;
        }
    }
    return nullptr;
}

std::string unknown_option(const CLI::App* app, const std::string& name) {
    std::vector<std::string> known;
    for (; app != nullptr; app = app->get_parent()) {
        for (const CLI::Option* option : app->get_options()) {
            for (const std::string& longer : option->get_lnames()) {
                known.push_back("--" + longer);
            }
        }
    }
    return "unknown option '" + name + "'" + suggestion(name, known);
}

std::string unknown_command(const CLI::App* app, const std::string& word) {
    std::vector<std::string> known;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
        known.push_back(command->get_name());
    }
    return "unknown command '" + word + "'" + suggestion(word, known);
}

bool has_commands(const CLI::App& app) {
    return !app.get_subcommands([](const CLI::App*) { return true; }).empty();
}

// CLI11 only says that a subcommand is missing, or what it did not expect.
std::string explain_usage(const CLI::ParseError& error, const CLI::App& app, int argc,
                          const char* const* argv) {
    const CLI::App* command = &app;
    for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
        const std::string word = argv[i];
        if (word.size() > 1 && word[0] == '-') {
            const std::string name = word.substr(0, word.find('='));
            if (word[1] != '-' && find_option(command, name.substr(0, 2)) != nullptr) {
                continue;  // short, perhaps with its value or others behind it
            }
            const CLI::Option* option = find_option(command, name);
            if (option == nullptr) {
                return unknown_option(command, name);
            }
            i += name == word && option->get_items_expected_min() > 0 ? 1 : 0;
        } else if (has_commands(*command)) {
            const CLI::App* next = nullptr;
            for (const CLI::App* known :
                 command->get_subcommands([](const CLI::App*) { return true; })) {
                next = known->get_name() == word ? known : next;
            }
            if (next == nullptr) {
                return unknown_command(command, word);
            }
            command = next;
        }
    }
    return error.what();
}

}  // namespace

CommandOption* CommandOption::type_name(const std::string& name) {
    option_->type_name(name);
    return this;
}

CommandOption* CommandOption::required() {
    option_->required();
    return this;
}

CommandOption* CommandOption::expected(int count) {
    option_->expected(count);
    return this;
}

CommandOption* CommandOption::expected(int least, int most) {
    option_->expected(least, most);
    return this;
}

CommandOption* CommandOption::one_each() {
    option_->expected(1)->take_all()->allow_extra_args(false);
    return this;
}

CommandOption* CommandOption::delimiter(char between) {
    option_->delimiter(between);
    return this;
}

CommandOption* CommandOption::one_of(const std::vector<std::string>& values) {
    option_->check(CLI::IsMember(values));
    return this;
}

CommandOption* CommandOption::in_range(std::int64_t least, std::int64_t most) {
    option_->check(CLI::Range(least, most));
    return this;
}

CommandOption* CommandOption::at_least(std::int64_t least) {
    const CLI::Range range(least, std::numeric_limits<std::int64_t>::max());
    const std::string wanted = "at least " + std::to_string(least);
    option_->check(CLI::Validator(
        [range, wanted](std::string& text) {
            return range(text).empty() ? std::string() : "Value " + text + " is not " + wanted;
        },
        wanted));
    return this;
}

CommandOption* CommandOption::excludes(CommandOption* other) {
    option_->excludes(other->option_);
    return this;
}

CommandOption* CommandOption::excludes(const std::string& other) {
    option_->excludes(other);
    return this;
}

CommandOption* CommandOption::show_default() {
    option_->capture_default_str();
    return this;
}

bool CommandOption::given() const {
    return option_->count() > 0;
}

CommandLine::CommandLine(const std::string& description, const std::string& tool)
    : owned_(std::make_unique<CLI::App>(description, tool)), app_(owned_.get()) {}

CommandLine::CommandLine(CLI::App* command) noexcept : app_(command) {}

CommandLine::~CommandLine() = default;

void CommandLine::version(const std::string& text) {
    app_->set_version_flag("--version", text);
}

void CommandLine::footer(const std::string& text) {
    app_->footer(text);
}

template <typename T>
CommandOption* CommandLine::add_option(const std::string& name, T& value, const std::string& text) {
    return &options_.emplace_back(app_->add_option(name, value, text));
}

// What a tool takes is one of these: elsewhere CLI11 is not known.
template CommandOption* CommandLine::add_option(const std::string&, std::string&,
                                                const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, int&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, long&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, long long&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::uint16_t&,
                                                const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::uint32_t&,
                                                const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::optional<std::string>&,
                                                const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::optional<int>&,
                                                const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::optional<long>&,
                                                const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::vector<std::string>&,
                                                const std::string&);

CommandOption* CommandLine::add_flag(const std::string& name, bool& value,
                                     const std::string& text) {
    return &options_.emplace_back(app_->add_flag(name, value, text));
}

CommandLine* CommandLine::add_command(const std::string& name, const std::string& text) {
    commands_.emplace_back(new CommandLine(app_->add_subcommand(name, text)));
    return commands_.back().get();
}

void CommandLine::require_command() {
    app_->require_subcommand(1);
}

void CommandLine::fallthrough() {
    app_->fallthrough();
}

std::optional<NotParsed> CommandLine::try_parse(int argc, const char* const* argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        NotParsed end;
        if (error.get_exit_code() == 0) {
            (void)app_->exit(error);
            end.help = true;
        } else {
            end.error = Error(ErrorCode::BadUsage, explain_usage(error, *app_, argc, argv));
        }
        return end;
    }
    return std::nullopt;
}

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
    const std::optional<NotParsed> end = try_parse(argc, argv);
    if (!end) {
        return std::nullopt;
    }
    if (end->help) {
        return 0;
    }
    const std::string tool = app_->get_name();
    report_problem(tool, end->error.detail, tool + " --help");
    if (wants_json(argc, argv)) {
        print_json(error_json(end->error));
    }
    return exit_status(end->error);
}

bool CommandLine::given() const {
    return app_->parsed();
}

std::string CommandLine::command() const {
    std::string names;
    for (const CLI::App* at = app_; !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        names += (names.empty() ? "" : " ") + at->get_name();
    }
    return names;
}

bool wants_json(int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace piv
