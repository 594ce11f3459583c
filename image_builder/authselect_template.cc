#include "image_builder/authselect_template.h"

#include <cctype>
#include <optional>
#include <regex>
#include <sstream>
#include <vector>

namespace piv {

namespace {

class Expression {
  public:
    Expression(const std::string& text, const std::set<std::string>& features)
        : text_(text), features_(features) {}

    std::optional<bool> whole() {
        const std::optional<bool> value = any(0);
        skip();
        return at_ == text_.size() ? value : std::nullopt;
    }

  private:
    void skip() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
            ++at_;
        }
    }
    std::string word() {
        skip();
        std::size_t end = at_;
        while (end < text_.size() && std::isalpha(static_cast<unsigned char>(text_[end])) != 0) {
            ++end;
        }
        std::string out = text_.substr(at_, end - at_);
        for (char& c : out) {
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
        return out;
    }
    std::optional<bool> operand(int depth) {
        skip();
        if (depth > 32 || at_ >= text_.size()) {
            return std::nullopt;
        }
        if (word() == "not") {
            at_ += 3;
            const std::optional<bool> value = operand(depth + 1);
            return value ? std::optional<bool>(!*value) : std::nullopt;
        }
        if (text_[at_] == '"') {
            const std::size_t end = text_.find('"', at_ + 1);
            if (end == std::string::npos) {
                return std::nullopt;
            }
            const std::string feature = text_.substr(at_ + 1, end - at_ - 1);
            at_ = end + 1;
            return features_.count(feature) != 0;
        }
        if (text_[at_] == '(') {
            ++at_;
            const std::optional<bool> value = any(depth + 1);
            skip();
            if (!value || at_ >= text_.size() || text_[at_] != ')') {
                return std::nullopt;
            }
            ++at_;
            return value;
        }
        return std::nullopt;
    }
    std::optional<bool> any(int depth) {
        std::optional<bool> value = operand(depth);
        while (value) {
            const std::string op = word();
            if (op != "and" && op != "or") {
                return value;
            }
            at_ += op.size();
            const std::optional<bool> right = operand(depth);
            if (!right) {
                return std::nullopt;
            }
            value = op == "and" ? (*value && *right) : (*value || *right);
        }
        return value;
    }

    const std::string& text_;
    const std::set<std::string>& features_;
    std::size_t at_ = 0;
};

const std::regex& operators() {
    static const std::regex form(
        R"re(\{(?:(continue if|stop if|include if|exclude if) ([^{}|:]+)|if ([^{}|:]+):([^{}|]*)(?:\|([^{}|]*))?|imply "([^{}"|]+)" if ([^{}|:]+))\})re");
    return form;
}

enum class LineEnd { Keep, DropLine, DropRest };

// One operator at the front-most place of `line`.
Result<LineEnd> apply_operator(std::string& line, const std::smatch& m,
                               const std::set<std::string>& features) {
    const std::string op = m.str(1);
    // Exactly one of the three conditions is there, as one of the three forms was.
    const std::string condition = m.str(2) + m.str(3) + m.str(7);
    Result<bool> value = evaluate_authselect(condition, features);
    if (!value) {
        return std::move(value).error();
    }
    std::string instead;
    if (op == "continue if") {
        if (*value) {
            return LineEnd::DropLine;
        }
        line.erase(static_cast<std::size_t>(m.position(0)));
        return LineEnd::DropRest;
    }
    if (op == "stop if") {
        if (!*value) {
            return LineEnd::DropLine;
        }
        line.erase(static_cast<std::size_t>(m.position(0)));
        return LineEnd::DropRest;
    }
    if (op == "include if" || op == "exclude if") {
        if (*value != (op == "include if")) {
            return LineEnd::DropLine;
        }
    } else if (m.length(6) > 0) {
        return LineEnd::DropLine;
    } else {
        instead = *value ? m.str(4) : m.str(5);
    }
    line.replace(static_cast<std::size_t>(m.position(0)), static_cast<std::size_t>(m.length(0)),
                 instead);
    return LineEnd::Keep;
}

}  // namespace

Result<bool> evaluate_authselect(const std::string& expression,
                                 const std::set<std::string>& features) {
    const std::optional<bool> value = Expression(expression, features).whole();
    if (!value) {
        return Error(ErrorCode::ImageTree, "authselect expression not understood: " + expression);
    }
    return *value;
}

Result<std::string> render_authselect(const std::string& text,
                                      const std::set<std::string>& features) {
    std::string out;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        std::smatch m;
        LineEnd end = LineEnd::Keep;
        while (end == LineEnd::Keep && std::regex_search(line, m, operators())) {
            std::string changed = line;
            Result<LineEnd> step = apply_operator(changed, m, features);
            if (!step) {
                return std::move(step).error();
            }
            end = *step;
            line = std::move(changed);
        }
        if (end == LineEnd::DropLine) {
            continue;
        }
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (end == LineEnd::DropRest) {
            if (!line.empty()) {
                out += line + "\n";
            }
            return out;
        }
        out += line + "\n";
    }
    return out;
}

std::set<std::string> implied_features(const std::string& text,
                                       const std::set<std::string>& features) {
    static const std::regex form(R"re(\{imply "([^{}"|]+)" if ([^{}|:]+)\})re");
    std::set<std::string> out;
    for (std::sregex_iterator it(text.begin(), text.end(), form), end; it != end; ++it) {
        const Result<bool> value = evaluate_authselect(it->str(2), features);
        if (value.ok() && *value) {
            out.insert(it->str(1));
        }
    }
    return out;
}

}  // namespace piv
