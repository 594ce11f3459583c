#include "pam_module/check/pam_files.h"

#include <algorithm>

#include <sstream>

#include "pam_module/glue/arguments.h"
#include "pki/config/rooted_file.h"

namespace piv {

namespace {

// `type control module arguments`, control perhaps in brackets (pam.conf(5)).
bool parse_line(const std::string& text, PamLine& out, std::string& module) {
    std::istringstream in(text);
    if (!(in >> out.type >> out.control) || out.type[0] == '#') {
        return false;
    }
    while (out.control[0] == '[' && out.control.back() != ']') {
        std::string more;
        if (!(in >> more)) {
            return false;
        }
        out.control += " " + more;
    }
    if (!(in >> module)) {
        return false;
    }
    for (std::string argument; in >> argument;) {
        out.arguments.push_back(argument);
    }
    return true;
}

bool is_ours(const std::string& module) {
    const std::size_t slash = module.rfind('/');
    return module.substr(slash == std::string::npos ? 0 : slash + 1) == "pam_piv.so";
}

}  // namespace

std::vector<PamLine> pam_lines(const std::string& root) {
    std::vector<PamLine> out;
    auto folder = RootedFolder::open(root, "/etc/pam.d");
    if (!folder) {
        return out;
    }
    const Result<std::vector<std::string>> names = folder->list("");
    if (!names) {
        return out;
    }
    for (const std::string& name : *names) {
        const Result<Bytes> content = read_followed(root, "/etc/pam.d/" + name, 1U << 20U);
        if (!content) {
            continue;
        }
        std::istringstream lines{std::string(ByteView(*content).text())};
        int number = 0;
        for (std::string text; std::getline(lines, text);) {
            PamLine line;
            std::string module;
            ++number;
            if (parse_line(text, line, module) && is_ours(module)) {
                line.file = "/etc/pam.d/" + name;
                line.number = number;
                out.push_back(std::move(line));
            }
        }
    }
    return out;
}

std::string problem_of(const PamLine& line) {
    std::vector<const char*> arguments;
    arguments.reserve(line.arguments.size());
    for (const std::string& argument : line.arguments) {
        arguments.push_back(argument.c_str());
    }
    Arguments parsed;
    const char* wrong =
        parse_arguments(static_cast<int>(arguments.size()), arguments.data(), parsed);
    if (wrong != nullptr) {
        return std::string("unknown argument ") + wrong + ": every login through it fails";
    }
    if (line.type.find("auth") != std::string::npos && line.control == "optional") {
        return "auth optional: a wrong card would not stop the modules behind";
    }
    return {};
}

const PamLine* session_line(const std::vector<PamLine>& lines) {
    const auto found = std::find_if(lines.begin(), lines.end(), [](const PamLine& line) {
        return line.type == "session" && problem_of(line).empty();
    });
    return found == lines.end() ? nullptr : &*found;
}

}  // namespace piv
