#include "pam_module/check/why.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "pam_module/check/check_report.h"
#include "pam_module/helper/login_log.h"
#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kShown = 10;

std::string text_of(const Json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Lines about `user`, oldest first. A line that is no JSON (a full disk cut it) is passed over.
void collect(const std::string& path, const std::string& user, std::vector<Json>& out) {
    const Result<Bytes> content = read_file(path, 4 * kMaxAttemptsFile);
    if (!content) {
        return;
    }
    const std::string_view text = ByteView(*content).text();
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        Json line = Json::parse(text.substr(at, end - at), nullptr, false);
        if (line.is_object() &&
            (text_of(line, "user") == user || text_of(line, "account") == user)) {
            out.push_back(std::move(line));
        }
        at = end + 1;
    }
}

void print_attempt(const Json& attempt) {
    const std::string code = text_of(attempt, "code");
    std::printf("%s  service %s: %s\n", escape_for_display(text_of(attempt, "time"), 64).c_str(),
                escape_for_display(text_of(attempt, "service"), 64).c_str(),
                code == "ok" ? "logged in" : escape_for_display(code, 64).c_str());
    if (code == "ok") {
        return;
    }
    const std::string detail = text_of(attempt, "detail");
    if (!detail.empty()) {
        std::printf("  %s\n", escape_for_display(detail, 1000).c_str());
    }
    std::size_t count = 0;
    const ErrorInfo* rows = error_table(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (rows[i].name == code) {
            std::printf("  try: %s\n", std::string(rows[i].hint).c_str());
        }
    }
}

}  // namespace

int explain_attempts(const std::string& user, const std::string& root, bool json) {
    std::vector<Json> attempts;
    const std::string file = root + kAttemptsFile;
    collect(file + ".1", user, attempts);
    collect(file, user, attempts);
    std::reverse(attempts.begin(), attempts.end());
    attempts.resize(std::min(attempts.size(), kShown));
    if (json) {
        print_json({{"user", user}, {"attempts", attempts}});
    } else {
        for (const Json& attempt : attempts) {
            print_attempt(attempt);
        }
    }
    if (attempts.empty()) {
        report_problem("piv-check", "no attempt of '" + user + "' is recorded in " + file,
                       "run it as root; after a login attempt; see also journalctl -t piv-login");
        return static_cast<int>(ExitStatus::CannotTell);
    }
    return static_cast<int>(text_of(attempts.front(), "code") == "ok" ? ExitStatus::Yes
                                                                      : ExitStatus::No);
}

}  // namespace piv
