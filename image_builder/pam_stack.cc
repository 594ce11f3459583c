#include "image_builder/pam_stack.h"

#include <algorithm>
#include <map>

namespace piv {

namespace {

constexpr int kMaxIncludes = 32;  // as libpam
constexpr std::size_t kMaxRules = 4096;
// Of one stack, over the answers of unknown modules: runs, and rules in all of them.
constexpr std::size_t kMaxRuns = 20000;
constexpr std::size_t kMaxSteps = 1'000'000;

const std::vector<std::string>& pam_folders() {
    static const std::vector<std::string> folders{"/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"};
    return folders;
}

Result<std::string> read_service(const Tree& tree, const std::string& name, std::string& path) {
    if (!name.empty() && name.front() == '/') {
        path = name;
        return tree.read(name);
    }
    for (const std::string& folder : pam_folders()) {
        path = folder + "/" + name;
        Result<std::string> text = tree.read(path);
        if (text || text.code() != ErrorCode::FileNotFound) {
            return text;
        }
    }
    path = "/etc/pam.d/" + name;
    return Error(ErrorCode::FileNotFound, path);
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t';
}

bool has_control_character(const std::string& word) {
    return std::any_of(word.begin(), word.end(), is_control);
}

bool has_control_character(const PamLine& line) {
    return has_control_character(line.control) || has_control_character(line.module) ||
           std::any_of(line.arguments.begin(), line.arguments.end(),
                       [](const std::string& word) { return has_control_character(word); });
}

class Loader {
  public:
    Loader(const Tree& tree, PamType type, PamStack& stack)
        : tree_(tree), type_(type), stack_(stack) {}

    Status load(const std::string& name, int level, int depth) {
        std::string path;
        Result<std::string> text = read_service(tree_, name, path);
        if (!text) {
            return std::move(text).error();
        }
        for (PamLine& line : parse_pam_file(*text).lines) {
            add(line, path, level, depth);
        }
        return {};
    }

  private:
    void problem(const std::string& path, const PamLine& line, const std::string& what) {
        stack_.problems.push_back(path + ":" + std::to_string(line.number) + ": " + what);
    }

    void fail(const PamLine& line, const std::string& path, int level, const std::string& what) {
        problem(path, line, what);
        PamRule rule;
        rule.line = line;
        rule.file = path;
        rule.level = level;
        rule.must_fail = true;
        rule.control.steps["default"] = {PamAction::Bad, 0};
        stack_.rules.push_back(std::move(rule));
    }

    void include(const PamLine& line, const std::string& path, int level, int depth) {
        if (depth >= kMaxIncludes || stack_.rules.size() > kMaxRules) {
            fail(line, path, level, "files are included too deeply");
            return;
        }
        const Status s = load(line.module, level, depth + 1);
        if (!s) {
            fail(line, path, level, "the included file " + line.module + " cannot be read");
        }
    }

    void add(PamLine& line, const std::string& path, int level, int depth) {
        switch (line.kind) {
            case PamLine::Kind::Blank:
                return;
            case PamLine::Kind::Bad:
                fail(line, path, level, "the line is not understood");
                return;
            case PamLine::Kind::Include:
                include(line, path, level, depth);
                return;
            case PamLine::Kind::Rule:
                break;
        }
        if (line.type != type_) {
            return;
        }
        if (line.raw.find('\0') != std::string::npos) {
            fail(line, path, level, "libpam reads no further than the zero octet");
            return;
        }
        if (has_control_character(line)) {
            // The line of a file with CRLF: libpam looks for a module, or a file, of that name.
            problem(path, line,
                    "a carriage return or another control character is part of a word to libpam");
        }
        if (line.control == "include") {
            include(line, path, level, depth);
            return;
        }
        PamRule rule;
        rule.line = line;
        rule.file = path;
        rule.level = level;
        if (line.control == "substack") {
            rule.opens_substack = true;
            stack_.rules.push_back(std::move(rule));
            include(line, path, level + 1, depth);
            return;
        }
        Result<PamControl> control = parse_pam_control(line.control);
        if (!control) {
            fail(line, path, level, control.error().detail);
            return;
        }
        rule.control = std::move(*control);
        stack_.rules.push_back(std::move(rule));
    }

    const Tree& tree_;
    PamType type_;
    PamStack& stack_;
};

// The index of the rule after skipping `jump` modules at `level`; a substack counts as one. At most
// rules.size(). `past` is set when there are not that many.
std::size_t jump_target(const PamStack& stack, std::size_t at, int jump, bool& past) {
    const int level = stack.rules[at].level;
    std::size_t next = at + 1;
    past = false;
    while (jump > 0) {
        if (next >= stack.rules.size() || stack.rules[next].level < level) {
            past = true;
            return next;
        }
        ++next;
        while (next < stack.rules.size() && stack.rules[next].level > level) {
            ++next;
        }
        --jump;
    }
    return next;
}

void check_jumps(PamStack& stack) {
    for (std::size_t i = 0; i < stack.rules.size(); ++i) {
        for (const auto& [name, step] : stack.rules[i].control.steps) {
            if (step.action != PamAction::Jump) {
                continue;
            }
            bool past = false;
            (void)jump_target(stack, i, step.jump, past);
            if (past) {
                stack.problems.push_back(
                    stack.rules[i].file + ":" + std::to_string(stack.rules[i].line.number) + ": " +
                    name + "=" + std::to_string(step.jump) + " jumps past the end of the stack");
            }
        }
    }
}

// --- what modules answer --------------------------------------------------------------------------

using Answers = std::vector<std::string>;

bool has_argument(const PamLine& line, const std::string& argument) {
    return std::find(line.arguments.begin(), line.arguments.end(), argument) !=
           line.arguments.end();
}

bool in_list(const std::string& word, const std::string& list) {
    std::size_t at = 0;
    while (at <= list.size()) {
        const std::size_t colon = std::min(list.find(':', at), list.size());
        if (list.substr(at, colon - at) == word) {
            return true;
        }
        at = colon + 1;
    }
    return false;
}

bool glob(const char* pattern, const char* text) {
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '*') {
        return glob(pattern + 1, text) || (*text != '\0' && glob(pattern, text + 1));
    }
    return *text != '\0' && (*pattern == '?' || *pattern == *text) && glob(pattern + 1, text + 1);
}

enum class Truth { No, Yes, Unknown };

Truth compare_number(unsigned long left, const std::string& op, const std::string& text) {
    if (text.empty() || text.size() > 9 ||
        text.find_first_not_of("0123456789") != std::string::npos) {
        return Truth::Unknown;
    }
    const unsigned long right = std::stoul(text);
    const std::map<std::string, bool> results{
        {"eq", left == right}, {"=", left == right},  {"ne", left != right}, {"lt", left < right},
        {"<", left < right},   {"le", left <= right}, {"<=", left <= right}, {"gt", left > right},
        {">", left > right},   {"ge", left >= right}, {">=", left >= right}};
    const auto it = results.find(op);
    return it == results.end() ? Truth::Unknown : it->second ? Truth::Yes : Truth::No;
}

Truth compare_text(const std::string& left, const std::string& op, const std::string& right) {
    const auto truth = [](bool b) { return b ? Truth::Yes : Truth::No; };
    if (op == "=" || op == "==") {
        return truth(left == right);
    }
    if (op == "!=") {
        return truth(left != right);
    }
    if (op == "=~") {
        return truth(glob(right.c_str(), left.c_str()));
    }
    if (op == "!~") {
        return truth(!glob(right.c_str(), left.c_str()));
    }
    if (op == "in") {
        return truth(in_list(left, right));
    }
    if (op == "notin") {
        return truth(!in_list(left, right));
    }
    return Truth::Unknown;
}

// pam_succeed_if(8): all conditions must hold.
Truth succeed_if(const PamLine& line, const PamScene& scene) {
    std::vector<std::string> words;
    for (const std::string& a : line.arguments) {
        if (a != "quiet" && a != "quiet_success" && a != "quiet_fail" && a != "use_uid" &&
            a != "debug" && a != "audit") {
            words.push_back(a);
        }
    }
    Truth all = Truth::Yes;
    for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
        Truth one = Truth::Unknown;
        if (words[i] == "uid") {
            one = compare_number(scene.uid, words[i + 1], words[i + 2]);
        } else if (words[i] == "user") {
            one = compare_text(scene.user, words[i + 1], words[i + 2]);
        } else if (words[i] == "service") {
            one = compare_text(scene.service, words[i + 1], words[i + 2]);
        }
        if (one == Truth::No) {
            return Truth::No;
        }
        if (one == Truth::Unknown) {
            all = Truth::Unknown;
        }
    }
    return words.empty() || words.size() % 3 != 0 ? Truth::Unknown : all;
}

Answers from_truth(Truth truth) {
    switch (truth) {
        case Truth::Yes:
            return {"success"};
        case Truth::No:
            return {"auth_err"};
        case Truth::Unknown:
            break;
    }
    return {"success", "auth_err"};
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
}

// Modules that let pass whoever is asked about.
bool passes(const std::string& module) {
    static const std::set<std::string> names{
        "pam_permit.so",          "pam_securetty.so", "pam_shells.so",
        "pam_access.so",          "pam_time.so",      "pam_loginuid.so",
        "pam_limits.so",          "pam_lastlog.so",   "pam_selinux.so",
        "pam_systemd.so",         "pam_tally2.so",    "pam_mkhomedir.so",
        "pam_oddjob_mkhomedir.so"};
    return names.count(module) != 0;
}

// Modules that set something up and have no say in who gets in.
bool has_no_say(const std::string& module) {
    static const std::set<std::string> names{
        "pam_env.so",   "pam_faildelay.so", "pam_nologin.so",  "pam_keyinit.so",
        "pam_group.so", "pam_mail.so",      "pam_motd.so",     "pam_warn.so",
        "pam_umask.so", "pam_kwallet.so",   "pam_kwallet5.so", "pam_gnome_keyring.so"};
    return names.count(module) != 0;
}

Answers answers(const PamLine& line, const PamScene& scene) {
    const std::string module = base_name(line.module);
    if (has_control_character(module)) {
        return {"module_unknown"};  // nothing is installed under such a name
    }
    if (module == "pam_piv.so") {
        return {scene.piv_outcome};
    }
    if (module == "pam_deny.so") {
        return {"auth_err"};
    }
    if (module == "pam_succeed_if.so") {
        return from_truth(succeed_if(line, scene));
    }
    if (scene.opens_session) {
        const bool known = passes(module) || has_no_say(module) || module == "pam_unix.so";
        return known ? Answers{"success"} : Answers{"success", "session_err", "ignore"};
    }
    if (module == "pam_unix.so") {
        if (!scene.local) {
            return {"user_unknown"};
        }
        return {scene.password_right ? "success" : "auth_err"};
    }
    if (module == "pam_sss.so" || module == "pam_winbind.so" || module == "pam_krb5.so" ||
        module == "pam_ldap.so" || module == "pam_systemd_home.so") {
        if (has_argument(line, "try_cert_auth") || has_argument(line, "require_cert_auth") ||
            has_argument(line, "allow_missing_name")) {
            return {"authinfo_unavail"};  // no other card stack is looked at here
        }
        if (scene.local) {
            return {"user_unknown", "authinfo_unavail"};
        }
        return {scene.password_right ? "success" : "auth_err"};
    }
    if (module == "pam_localuser.so") {
        return {scene.local ? "success" : "perm_denied"};
    }
    if (module == "pam_usertype.so") {
        const bool system = scene.uid < 1000;
        return {has_argument(line, "issystem") == system ? "success" : "perm_denied"};
    }
    if (module == "pam_faillock.so") {
        return {has_argument(line, "authfail") ? "auth_err" : "success"};
    }
    if (module == "pam_rootok.so") {
        return {"auth_err"};  // asks who runs the program: not a login
    }
    if (module == "pam_fprintd.so" || module == "pam_u2f.so" || module == "pam_pkcs11.so" ||
        module == "pam_p11.so" || module == "pam_yubico.so") {
        return {"authinfo_unavail"};
    }
    if (module == "pam_debug.so") {
        for (const std::string& a : line.arguments) {
            if (a.compare(0, 5, "auth=") == 0) {
                const std::vector<std::string>& names = pam_return_names();
                const bool known =
                    std::find(names.begin(), names.end(), a.substr(5)) != names.end();
                return {known ? a.substr(5) : "success"};  // the module's own default
            }
        }
        return {"success"};
    }
    if (module == "pam_cap.so" || module == "pam_echo.so") {
        return {"success", "ignore"};
    }
    if (passes(module)) {
        return {"success"};
    }
    if (has_no_say(module)) {
        return {"ignore"};
    }
    return scene.strangers_may_grant ? Answers{"success", "auth_err", "ignore"}
                                     : Answers{"auth_err", "ignore"};
}

// --- libpam's dispatch (libpam/pam_dispatch.c), for one vector of answers -------------------------

enum class Impression { Undefined, Positive, Negative };

struct Machine {
    Impression impression = Impression::Undefined;
    std::string status = "perm_denied";  // PAM_MUST_FAIL_CODE

    void ok(const std::string& value) {
        if (impression == Impression::Undefined ||
            (impression == Impression::Positive && status == "success")) {
            impression = Impression::Positive;
            status = value;
        }
    }
    void bad(const std::string& value) {
        if (impression != Impression::Negative) {
            impression = Impression::Negative;
            status = value == "ignore" || value == "success" ? "perm_denied" : value;
        }
    }
};

std::size_t end_of_level(const PamStack& stack, std::size_t at) {
    const int level = stack.rules[at].level;
    std::size_t next = at + 1;
    while (next < stack.rules.size() && stack.rules[next].level >= level) {
        ++next;
    }
    return next;
}

// `choice[i]`: which of the answers of rule i is taken.
bool run_once(const PamStack& stack, const std::vector<Answers>& all,
              const std::vector<std::size_t>& choice, std::vector<bool>& used) {
    Machine m;
    std::vector<Machine> saved;  // state on entering each substack
    std::size_t at = 0;
    while (at < stack.rules.size()) {
        const PamRule& rule = stack.rules[at];
        if (rule.opens_substack) {
            saved.resize(static_cast<std::size_t>(rule.level) + 1);
            saved[static_cast<std::size_t>(rule.level)] = m;
            ++at;
            continue;
        }
        used[at] = true;
        const std::string& value = all[at][choice[at]];
        const PamControl::Step step = rule.control.step(value);
        std::size_t next = at + 1;
        switch (step.action) {
            case PamAction::Ignore:
                break;
            case PamAction::Ok:
                m.ok(value);
                break;
            case PamAction::Done:
                m.ok(value);
                if (m.impression == Impression::Positive) {
                    next = end_of_level(stack, at);
                }
                break;
            case PamAction::Bad:
                m.bad(value);
                break;
            case PamAction::Die:
                m.bad(value);
                next = end_of_level(stack, at);
                break;
            case PamAction::Reset:
                m = rule.level > 0 ? saved[static_cast<std::size_t>(rule.level) - 1] : Machine{};
                break;
            case PamAction::Jump: {
                bool past = false;
                next = jump_target(stack, at, step.jump, past);
                if (past) {
                    m.bad("perm_denied");
                }
                break;
            }
        }
        at = next;
    }
    return m.impression == Impression::Positive && m.status == "success";
}

}  // namespace

bool PamStack::uses(const std::string& module) const {
    return std::any_of(rules.begin(), rules.end(), [&](const PamRule& rule) {
        return !rule.opens_substack && base_name(rule.line.module) == module;
    });
}

bool is_known_pam_module(const std::string& name) {
    // One that is not known has several answers, whoever asks.
    PamLine line;
    line.module = name;
    const PamScene scene{"login", "root", 0, true, true, "ignore", true};
    return name == "pam_succeed_if.so" || answers(line, scene).size() < 3;
}

Result<PamStack> load_pam_stack(const Tree& tree, const std::string& service, PamType type) {
    PamStack stack;
    stack.service = service;
    Loader loader(tree, type, stack);
    if (Status s = loader.load(service, 0, 0); !s) {
        return std::move(s).error();
    }
    check_jumps(stack);
    return stack;
}

Result<std::vector<std::string>> pam_services(const Tree& tree) {
    std::set<std::string> names;
    std::set<std::string> included;
    for (const std::string& folder : pam_folders()) {
        Result<std::vector<std::string>> files = tree.list(folder);
        if (!files) {
            return files;
        }
        for (const std::string& name : *files) {
            const std::string path = folder + "/" + name;
            const Result<std::string> text = tree.read(path);
            if (!text) {
                continue;  // a folder, a dangling link, something else that is not a service
            }
            names.insert(name);
            const Result<Node> node = tree.node(path);
            if (node.ok() && node->kind == NodeKind::Link) {
                // By way of /etc/alternatives a link may lead through one of its own name.
                const Result<std::string> end = tree.follow(path);
                for (const std::string& target : {node->target, end.ok() ? *end : std::string()}) {
                    if (base_name(target) != name) {
                        included.insert(base_name(target));
                    }
                }
            }
            for (const PamLine& line : parse_pam_file(*text).lines) {
                if (line.kind == PamLine::Kind::Include ||
                    (line.kind == PamLine::Kind::Rule && line.includes())) {
                    included.insert(base_name(line.module));
                }
            }
        }
    }
    std::vector<std::string> out;
    for (const std::string& name : names) {
        // login is included by nobody that matters (remote does): it is a service all the same.
        if (included.count(name) == 0 || name == "login" || name == "su" || name == "sudo") {
            out.push_back(name);
        }
    }
    return out;
}

PamVerdict run_pam_stack(const PamStack& stack, const PamScene& scene) {
    std::vector<Answers> all;
    all.reserve(stack.rules.size());
    for (const PamRule& rule : stack.rules) {
        all.push_back(rule.must_fail ? Answers{"abort"} : answers(rule.line, scene));
    }
    std::vector<std::size_t> choice(stack.rules.size(), 0);
    PamVerdict verdict;
    const std::size_t most = kMaxSteps / (stack.rules.size() + 1);
    for (std::size_t run = 0; run < most && run < kMaxRuns; ++run) {
        std::vector<bool> used(stack.rules.size(), false);
        (run_once(stack, all, choice, used) ? verdict.can_be_granted : verdict.can_be_refused) =
            true;
        if (verdict.can_be_granted && verdict.can_be_refused) {
            return verdict;
        }
        // Next combination; answers of rules that this run never asked need no trying.
        std::size_t i = stack.rules.size();
        while (i > 0) {
            --i;
            if (used[i] && choice[i] + 1 < all[i].size()) {
                ++choice[i];
                break;
            }
            choice[i] = 0;
            if (i == 0) {
                return verdict;
            }
        }
        if (stack.rules.empty()) {
            return verdict;
        }
    }
    return {true, true};
}

}  // namespace piv
