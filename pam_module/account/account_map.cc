#include "pam_module/account/account_map.h"

#include <algorithm>
#include <tuple>

#include "pam_module/account/names.h"
#include "pam_module/account/sid_mapping.h"
#include "pki/base/file.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::string_view kBlank = " \t";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view take_word(std::string_view& text) {
    text = trimmed(text);
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    const std::string_view word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

// A day is whole: 2026-12-31 is its last second, in UTC.
Result<UnixTime> parse_until(std::string_view text) {
    if (text.size() == 10) {
        return parse_time(std::string(text) + "T23:59:59Z");
    }
    return parse_time(text);
}

Result<std::uint32_t> parse_id(std::string_view text) {
    if (const auto id = sid_to_id(text); id) {
        return *id;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9' || value > UINT32_MAX) {
            return Error(
                ErrorCode::BadConfig,
                "'" + std::string(text) + "' is neither an id nor a SID that gives one of its own");
        }
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (text.empty() || is_reserved_id(value)) {
        return Error(ErrorCode::BadConfig,
                     "id " + std::string(text) + " is reserved: take one from 1000 to 60000");
    }
    return static_cast<std::uint32_t>(value);
}

// Words, and "text in quotation marks" as one word; up to a comment.
Result<std::vector<std::string>> split_account(std::string_view text) {
    std::vector<std::string> words;
    while (!(text = trimmed(text)).empty() && text.front() != '#') {
        if (text.front() != '"') {
            words.emplace_back(take_word(text));
            continue;
        }
        const std::size_t end = text.find('"', 1);
        if (end == std::string_view::npos ||
            (end + 1 < text.size() && kBlank.find(text[end + 1]) == std::string_view::npos)) {
            return Error(ErrorCode::BadConfig, "a quotation mark without its end");
        }
        words.emplace_back(text.substr(1, end - 1));
        text.remove_prefix(end + 1);
    }
    return words;
}

// What passwd(5) can hold: one line, no ':'.
bool is_passwd_field(std::string_view text) {
    return text.size() <= 1024 && text.find(':') == std::string_view::npos &&
           escape_for_display(text) == text;
}

class MapParser {
  public:
    explicit MapParser(std::string name) : name_(std::move(name)) {}

    Status line(std::string_view text) {
        ++line_;
        if (has_controls(text)) {
            return fail("a control character, or text that is not UTF-8");
        }
        text = trimmed(text);
        if (text.empty() || text.front() == '#') {
            return {};
        }
        std::string_view rest = text;
        const std::string_view key = take_word(rest);
        return key == "account" ? account(rest) : mapping(key, rest);
    }
    [[nodiscard]] Error fail(const std::string& what) const {
        return {ErrorCode::BadConfig, name_ + ":" + std::to_string(line_) + ": " + what};
    }
    void next_line() { ++line_; }
    Status finish();
    AccountMap& map() { return map_; }

  private:
    // Backslashes are the only escaped character that may stand in the file; tabs separate.
    static bool has_controls(std::string_view text) {
        std::string plain(text);
        plain.erase(std::remove_if(plain.begin(), plain.end(),
                                   [](char c) { return c == '\\' || c == '\t'; }),
                    plain.end());
        return escape_for_display(plain, SIZE_MAX) != plain;
    }
    Status mapping(std::string_view key, std::string_view rest);
    Status account(std::string_view rest);
    template <typename Key>
    Status refuse_same(Key key_of, const char* what);

    std::string name_;
    int line_ = 0;
    AccountMap map_;
};

Status MapParser::mapping(std::string_view key, std::string_view rest) {
    const auto kind = map_kind(key);
    if (!kind || *kind == MapKind::File) {
        static const char* const keys[] = {"upn",           "edipi",  "email",       "sid",
                                           "issuer-serial", "ski",    "spki-sha256", "cert-sha256",
                                           "subject",       "account"};
        const std::string meant = did_you_mean(key, keys);
        return fail("unknown key '" + std::string(key) + "'" +
                    (meant.empty() ? "" : ": did you mean '" + meant + "'?"));
    }
    // RFC 4514 escapes '>', so an arrow between blanks is never part of a name.
    const std::size_t arrow = rest.find(" -> ");
    if (arrow == std::string_view::npos || rest.find(" -> ", arrow + 1) != std::string_view::npos) {
        return fail("a mapping is written KEY VALUE -> USER");
    }
    auto value = canonical_map_value(*kind, trimmed(rest.substr(0, arrow)));
    if (!value) {
        return fail(value.error().detail);
    }
    MapLine line;
    line.kind = *kind;
    line.value = std::move(*value);
    line.line = line_;
    rest = rest.substr(arrow + 4);
    line.user = take_word(rest);
    if (!is_account_name(line.user)) {
        return fail("'" + line.user + "' is not the name of an account");
    }
    if (!rest.empty() && rest.front() != '#') {
        const std::string_view word = take_word(rest);
        const auto until = parse_until(take_word(rest));
        if (word != "until" || !until || (!rest.empty() && rest.front() != '#')) {
            return fail("after the account come 'until YYYY-MM-DD', a comment with #, or nothing");
        }
        line.until = *until;
    }
    map_.lines.push_back(std::move(line));
    return {};
}

Status MapParser::account(std::string_view rest) {
    auto words = split_account(rest);
    if (!words) {
        return fail(words.error().detail);
    }
    if (words->size() < 6) {
        return fail("an account is written: account NAME uid gid gecos home shell");
    }
    // GECOS is the one field with spaces; without quotation marks it is everything in the middle.
    const std::size_t count = words->size();
    LocalAccount a;
    a.line = line_;
    a.name = (*words)[0];
    for (std::size_t i = 3; i + 2 < count; ++i) {
        a.gecos += (i == 3 ? "" : " ") + (*words)[i];
    }
    a.home = (*words)[count - 2];
    a.shell = (*words)[count - 1];
    if (!is_account_name(a.name) || a.name.find_first_of("\\@") != std::string::npos) {
        return fail("'" + a.name + "' is not a name for an account");
    }
    const auto uid = parse_id((*words)[1]);
    const auto gid = parse_id((*words)[2]);
    if (!uid || !gid) {
        return fail(uid ? gid.error().detail : uid.error().detail);
    }
    a.uid = *uid;
    a.gid = *gid;
    if (!is_passwd_field(a.gecos)) {
        return fail("the gecos field may not hold ':' or invisible characters");
    }
    for (const std::string* path : {&a.home, &a.shell}) {
        if (path->size() < 2 || path->front() != '/' || !is_passwd_field(*path)) {
            return fail("'" + *path + "' is not an absolute path");
        }
    }
    map_.accounts.push_back(std::move(a));
    return {};
}

template <typename Key>
Status MapParser::refuse_same(Key key_of, const char* what) {
    std::vector<const LocalAccount*> sorted;
    for (const LocalAccount& a : map_.accounts) {
        sorted.push_back(&a);
    }
    const auto less = [&key_of](const LocalAccount* a, const LocalAccount* b) {
        return std::tuple(key_of(*a), a->line) < std::tuple(key_of(*b), b->line);
    };
    std::sort(sorted.begin(), sorted.end(), less);
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (key_of(*sorted[i - 1]) == key_of(*sorted[i])) {
            line_ = sorted[i]->line;
            return fail(std::string("line ") + std::to_string(sorted[i - 1]->line) +
                        " has an account with the same " + what);
        }
    }
    return {};
}

Status MapParser::finish() {
    const auto key = [](const MapLine* l) { return std::tie(l->kind, l->value, l->user); };
    std::vector<const MapLine*> sorted;
    for (const MapLine& l : map_.lines) {
        sorted.push_back(&l);
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&key](const MapLine* a, const MapLine* b) { return key(a) < key(b); });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (key(sorted[i - 1]) == key(sorted[i])) {
            line_ = sorted[i]->line;
            return fail("line " + std::to_string(sorted[i - 1]->line) + " maps the same already");
        }
    }
    if (Status s = refuse_same([](const LocalAccount& a) { return a.name; }, "name"); !s) {
        return s;
    }
    return refuse_same([](const LocalAccount& a) { return a.uid; }, "uid");
}

}  // namespace

Result<AccountMap> parse_account_map(std::string_view text, const std::string& name) {
    MapParser parser(name);
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
    if (Status s = parser.finish(); !s) {
        return std::move(s).error();
    }
    return std::move(parser.map());
}

Result<AccountMap> read_account_map(const std::string& path) {
    const auto content = read_file_checked(path, kMaxAccountMap, Ownership::RootOnly);
    if (!content) {
        static const std::string default_path = Settings().mapping.accounts;
        const bool at_default =
            path.size() >= default_path.size() &&
            path.compare(path.size() - default_path.size(), std::string::npos, default_path) == 0;
        if (content.code() == ErrorCode::FileNotFound) {
            return at_default ? Result<AccountMap>(AccountMap{})
                              : Error(ErrorCode::BadConfig, content.error().detail);
        }
        return content.error();
    }
    return parse_account_map(ByteView(*content).text(), path);
}

}  // namespace piv
