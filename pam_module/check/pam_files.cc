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

std::string file_name(const std::string& module) {
    const std::size_t slash = module.rfind('/');
    return module.substr(slash == std::string::npos ? 0 : slash + 1);
}

bool is_ours(const std::string& module) {
    return file_name(module) == "pam_piv.so";
}

// Follows what is included, as far as libpam would; files that include each other come to an end.
class StackReader {
  public:
    StackReader(const std::string& root, const std::string& type) : root_(root), type_(type) {}
    void read(const std::string& service, int depth);
    std::vector<std::string> modules;

  private:
    static constexpr int kMaxIncludes = 32;  // as libpam
    static constexpr int kMaxFiles = 256;    // in all
    const std::string& root_;
    const std::string& type_;
    int files_ = 0;
};

void StackReader::read(const std::string& service, int depth) {
    if (depth > kMaxIncludes || ++files_ > kMaxFiles) {
        return;
    }
    const std::string path = service[0] == '/' ? service : "/etc/pam.d/" + service;
    const Result<Bytes> content = read_followed(root_, path, 1U << 20U);
    std::istringstream lines(content ? std::string(ByteView(*content).text()) : std::string());
    for (std::string text; std::getline(lines, text);) {
        std::istringstream words(text);
        std::string first;
        std::string included;
        if (words >> first && first == "@include" && words >> included) {
            read(included, depth + 1);
            continue;
        }
        PamLine line;
        std::string module;
        if (!parse_line(text, line, module) ||
            (line.type[0] == '-' ? line.type.substr(1) : line.type) != type_) {
            continue;
        }
        if (line.control == "include" || line.control == "substack") {
            read(module, depth + 1);
        } else {
            modules.push_back(file_name(module));
        }
    }
}

}  // namespace

std::vector<std::string> pam_service_files(const std::string& root) {
    auto folder = RootedFolder::open(root, "/etc/pam.d");
    if (!folder) {
        return {};
    }
    Result<std::vector<std::string>> names = folder->list("");
    return names ? std::move(*names) : std::vector<std::string>();
}

std::vector<std::string> modules_of(const std::string& root, const std::string& service,
                                    const std::string& type) {
    StackReader stack(root, type);
    stack.read(service, 0);
    return std::move(stack.modules);
}

std::vector<PamLine> pam_lines(const std::string& root) {
    std::vector<PamLine> out;
    for (const std::string& name : pam_service_files(root)) {
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
