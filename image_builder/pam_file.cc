#include "image_builder/pam_file.h"

#include <algorithm>
#include <cctype>

namespace piv {

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n';  // libpam takes CR as part of a word
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// Words of a line; "[...]" is one word, "\]" inside does not end it.
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while (at < text.size()) {
        if (is_space(text[at])) {
            ++at;
            continue;
        }
        std::string word;
        if (text[at] == '[') {
            while (at < text.size()) {
                word += text[at];
                if (text[at] == ']' && text[at - 1] != '\\') {
                    ++at;
                    break;
                }
                ++at;
            }
        } else {
            while (at < text.size() && !is_space(text[at])) {
                word += text[at++];
            }
        }
        words.push_back(std::move(word));
    }
    return words;
}

bool type_from(const std::string& word, PamType& type) {
    for (const PamType t : {PamType::Auth, PamType::Account, PamType::Password, PamType::Session}) {
        if (word == to_text(t)) {
            type = t;
            return true;
        }
    }
    return false;
}

PamLine parse_line(const std::string& raw, const std::string& joined, int number) {
    PamLine line;
    line.raw = raw;
    line.number = number;
    const std::string text = joined.substr(0, joined.find('#'));
    std::vector<std::string> words = words_of(text);
    if (words.empty()) {
        return line;
    }
    line.kind = PamLine::Kind::Bad;
    if (lower(words[0]) == "@include") {
        if (words.size() == 2) {
            line.kind = PamLine::Kind::Include;
            line.module = words[1];
        }
        return line;
    }
    std::string type = lower(words[0]);
    if (!type.empty() && type.front() == '-') {
        line.if_present = true;
        type.erase(0, 1);
    }
    if (!type_from(type, line.type) || words.size() < 3) {
        return line;
    }
    line.kind = PamLine::Kind::Rule;
    // libpam takes its four words in any case, but not what is in brackets.
    line.control = words[1].front() == '[' ? words[1] : lower(words[1]);
    line.module = words[2];
    line.arguments.assign(words.begin() + 3, words.end());
    return line;
}

}  // namespace

const char* to_text(PamType type) noexcept {
    switch (type) {
        case PamType::Auth:
            return "auth";
        case PamType::Account:
            return "account";
        case PamType::Password:
            return "password";
        case PamType::Session:
            break;
    }
    return "session";
}

PamFile parse_pam_file(std::string_view text) {
    PamFile file;
    int number = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const int first = number + 1;
        std::string raw;
        std::string joined;
        bool more = true;
        while (more && at < text.size()) {
            const std::size_t lf = std::min(text.find('\n', at), text.size());
            const std::string piece(text.substr(at, lf - at));
            at = lf + 1;
            ++number;
            more = !piece.empty() && piece.back() == '\\' && piece.find('#') == std::string::npos;
            raw += (raw.empty() && joined.empty() ? "" : "\n") + piece;
            joined += more ? piece.substr(0, piece.size() - 1) + " " : piece;
        }
        file.lines.push_back(parse_line(raw, joined, first));
    }
    return file;
}

std::string print_pam_file(const PamFile& file) {
    std::string out;
    for (const PamLine& line : file.lines) {
        out += line.raw;
        out += '\n';
    }
    return out;
}

const std::vector<std::string>& pam_return_names() {
    static const std::vector<std::string> names{"success",
                                                "open_err",
                                                "symbol_err",
                                                "service_err",
                                                "system_err",
                                                "buf_err",
                                                "perm_denied",
                                                "auth_err",
                                                "cred_insufficient",
                                                "authinfo_unavail",
                                                "user_unknown",
                                                "maxtries",
                                                "new_authtok_reqd",
                                                "acct_expired",
                                                "session_err",
                                                "cred_unavail",
                                                "cred_expired",
                                                "cred_err",
                                                "no_module_data",
                                                "conv_err",
                                                "authtok_err",
                                                "authtok_recover_err",
                                                "authtok_lock_busy",
                                                "authtok_disable_aging",
                                                "try_again",
                                                "ignore",
                                                "abort",
                                                "authtok_expired",
                                                "module_unknown",
                                                "bad_item",
                                                "conv_again",
                                                "incomplete"};
    return names;
}

PamControl::Step PamControl::step(const std::string& value) const {
    auto it = steps.find(value);
    if (it == steps.end()) {
        it = steps.find("default");
    }
    return it == steps.end() ? Step{} : it->second;  // libpam: bad unless said otherwise
}

namespace {

using Step = PamControl::Step;

bool parse_action(const std::string& text, Step& step) {
    static const std::map<std::string, PamAction> actions{
        {"ignore", PamAction::Ignore}, {"ok", PamAction::Ok},   {"done", PamAction::Done},
        {"bad", PamAction::Bad},       {"die", PamAction::Die}, {"reset", PamAction::Reset}};
    const auto it = actions.find(text);
    if (it != actions.end()) {
        step = {it->second, 0};
        return true;
    }
    if (text.empty() || text.size() > 4 ||
        !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return false;
    }
    step = {PamAction::Jump, std::stoi(text)};
    return step.jump > 0;  // pam.conf(5): 0 is not allowed, and libpam lets such a line fail
}

Result<PamControl> parse_list(const std::string& text) {
    PamControl control;
    const std::vector<std::string>& names = pam_return_names();
    std::string inner = text.substr(1, text.size() - 2);
    // "a = b" is allowed: spaces around the sign are dropped.
    for (std::size_t eq = inner.find('='); eq != std::string::npos; eq = inner.find('=', eq + 1)) {
        while (eq > 0 && is_space(inner[eq - 1])) {
            inner.erase(--eq, 1);
        }
        while (eq + 1 < inner.size() && is_space(inner[eq + 1])) {
            inner.erase(eq + 1, 1);
        }
    }
    for (const std::string& word : words_of(inner)) {
        const std::size_t eq = word.find('=');
        Step step;
        if (eq == std::string::npos || !parse_action(word.substr(eq + 1), step)) {
            return Error(ErrorCode::ImageTree, "control " + text + ": " + word);
        }
        const std::string name = word.substr(0, eq);
        if (name != "default" && std::find(names.begin(), names.end(), name) == names.end()) {
            return Error(ErrorCode::ImageTree, "control " + text + ": unknown value " + name);
        }
        // Of several values the last counts; of several defaults the first, as it leaves no value open
        // for the next (libpam, _pam_parse_control).
        if (name != "default" || control.steps.count(name) == 0) {
            control.steps[name] = step;
        }
    }
    return control;
}

}  // namespace

Result<PamControl> parse_pam_control(const std::string& text) {
    const Step ok{PamAction::Ok, 0};
    const Step done{PamAction::Done, 0};
    const Step ignore{PamAction::Ignore, 0};
    const Step bad{PamAction::Bad, 0};
    const Step die{PamAction::Die, 0};
    // pam.conf(5): what the four words stand for.
    if (text == "required") {
        return PamControl{
            {{"success", ok}, {"new_authtok_reqd", ok}, {"ignore", ignore}, {"default", bad}}};
    }
    if (text == "requisite") {
        return PamControl{
            {{"success", ok}, {"new_authtok_reqd", ok}, {"ignore", ignore}, {"default", die}}};
    }
    if (text == "sufficient") {
        return PamControl{{{"success", done}, {"new_authtok_reqd", done}, {"default", ignore}}};
    }
    if (text == "optional") {
        return PamControl{{{"success", ok}, {"new_authtok_reqd", ok}, {"default", ignore}}};
    }
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
        return parse_list(text);
    }
    return Error(ErrorCode::ImageTree, "control " + text + " is not known");
}

}  // namespace piv
