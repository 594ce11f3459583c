// Command lines that a tool does not understand: what is wrong with them, and the way out.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace piv {

/// True when `--json` is among the arguments, wherever parsing stopped.
bool wants_json(int argc, const char* const* argv);

/// What is wrong with a command line: names an unknown option or command and the nearest known one
/// (CLI11 only says that a subcommand is missing, or what it did not expect).
std::string explain_usage(const CLI::ParseError& error, const CLI::App& app, int argc,
                          const char* const* argv);

/// The exit status after parsing threw: 0 when --help or --version was printed, else 64, and the
/// problem is on stderr (and with --json a document on stdout).
int end_of_parse(const std::string& tool, const CLI::ParseError& error, const CLI::App& app,
                 int argc, const char* const* argv);

}  // namespace piv
