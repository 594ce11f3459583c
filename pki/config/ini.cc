#include "pki/config/ini.h"

#include <algorithm>
#include <set>

namespace piv {

namespace {

bool blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

bool has_control(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7F;
    });
}

// "service  sudo" and "service sudo" are one section.
std::string one_space(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (!blank(c)) {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    return out;
}

class IniParser {
  public:
    explicit IniParser(std::string name) : name_(std::move(name)) {}

    Status line(std::string_view text) {
        ++line_;
        if (has_control(text)) {
            return fail("a control character");
        }
        text = trim(text);
        if (text.empty() || text.front() == '#' || text.front() == ';') {
            return {};
        }
        return text.front() == '[' ? header(text) : setting(text);
    }
    [[nodiscard]] Error fail(const std::string& what) const {
        return {ErrorCode::BadConfig, name_ + ":" + std::to_string(line_) + ": " + what};
    }
    void next_line() { ++line_; }
    std::vector<IniEntry>& entries() { return entries_; }

  private:
    Status header(std::string_view text) {
        if (text.size() < 3 || text.back() != ']') {
            return fail("a section is written [name]");
        }
        const std::string_view inner = trim(text.substr(1, text.size() - 2));
        if (inner.empty() || inner.find_first_of("[]") != std::string_view::npos) {
            return fail("a section is written [name]");
        }
        section_ = one_space(inner);
        if (!sections_.insert(section_).second) {
            return fail("section [" + section_ + "] is given twice");
        }
        entries_.push_back({section_, "", "", line_});
        return {};
    }
    Status setting(std::string_view text) {
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) {
            return fail("neither [section] nor key = value");
        }
        const std::string key(trim(text.substr(0, equals)));
        const std::string_view value = trim(text.substr(equals + 1));
        if (key.empty() || key.find_first_of(" \t") != std::string::npos) {
            return fail("a setting is written key = value");
        }
        if (section_.empty()) {
            return fail("'" + key + "' stands before the first [section]");
        }
        for (std::size_t i = 0; i < value.size(); ++i) {
            if ((value[i] == '#' || value[i] == ';') && (i == 0 || blank(value[i - 1]))) {
                return fail("a comment needs a line of its own");
            }
        }
        if (!keys_.insert(section_ + "\n" + key).second) {
            return fail("'" + key + "' is given twice in [" + section_ + "]");
        }
        entries_.push_back({section_, key, std::string(value), line_});
        return {};
    }

    std::string name_;
    std::string section_;
    int line_ = 0;
    std::set<std::string> sections_;
    std::set<std::string> keys_;
    std::vector<IniEntry> entries_;
};

}  // namespace

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool split_list(std::string_view text, std::vector<std::string>& out) {
    out.clear();
    text = trim(text);
    if (text.empty()) {
        return true;
    }
    for (;;) {
        const std::size_t comma = text.find(',');
        const std::string_view item = trim(text.substr(0, comma));
        if (item.empty()) {
            return false;
        }
        out.emplace_back(item);
        if (comma == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(comma + 1);
    }
}

Result<std::vector<IniEntry>> parse_ini(std::string_view text, const std::string& name) {
    IniParser parser(name);
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
        text.remove_prefix(kByteOrderMark.size());
    }
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            parser.next_line();
            return parser.fail("the last line has no end: the file was cut short");
        }
        std::string_view line = text.substr(0, end);
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        if (Status s = parser.line(line); !s) {
            return std::move(s).error();
        }
        text.remove_prefix(end + 1);
    }
    return std::move(parser.entries());
}

}  // namespace piv
