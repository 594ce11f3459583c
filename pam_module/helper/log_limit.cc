#include "pam_module/helper/log_limit.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace piv {

namespace {

std::string text_of(const nlohmann::json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

LogLimit log_limit(std::string_view tail, bool whole_file, const LogKey& key, UnixTime now) {
    std::size_t alike = 0;
    bool all_recent = !whole_file;  // an older line: then the window begins within the tail
    while (!tail.empty()) {
        const std::size_t end = std::min(tail.find('\n'), tail.size());
        const auto line = nlohmann::json::parse(tail.substr(0, end), nullptr, false);
        tail.remove_prefix(std::min(end + 1, tail.size()));
        if (!line.is_object()) {
            continue;  // cut
        }
        const Result<UnixTime> time = parse_time(text_of(line, "time"));
        if (!time || *time + kLogWindow < now || *time > now + kLogWindow) {
            all_recent = false;
            continue;
        }
        alike += text_of(line, "code") == key.code && text_of(line, "user") == key.user &&
                         text_of(line, "service") == key.service
                     ? 1U
                     : 0U;
    }
    if (all_recent || alike >= kMaxAlike) {
        return LogLimit::LeaveOut;
    }
    return alike + 1 == kMaxAlike ? LogLimit::WriteLast : LogLimit::Write;
}

}  // namespace piv
