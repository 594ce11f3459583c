#include "pki/cli/usage.h"

#include <cstring>
#include <vector>

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

}  // namespace

bool wants_json(int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

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

int end_of_parse(const std::string& tool, const CLI::ParseError& error, const CLI::App& app,
                 int argc, const char* const* argv) {
    if (error.get_exit_code() == 0) {
        return app.exit(error);
    }
    const Error problem(ErrorCode::BadUsage, explain_usage(error, app, argc, argv));
    report_problem(tool, problem.detail, tool + " --help");
    if (wants_json(argc, argv)) {
        print_json(error_json(problem));
    }
    return exit_status(problem);
}

}  // namespace piv
