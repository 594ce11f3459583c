#include "pam_module/helper/recent_attempt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pki/base/fd.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr off_t kNewest = 16384;  // a line is 2 to 4 kB
constexpr UnixTime kRecent = 10;

std::string newest_line(const std::string& file) {
    const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat st {};
    if (!fd.valid() || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
        return {};
    }
    std::string text(static_cast<std::size_t>(std::min(st.st_size, kNewest)), '\0');
    const ssize_t got =
        pread(fd.get(), &text[0], text.size(), std::max<off_t>(st.st_size - kNewest, 0));
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (text.empty() || text.back() != '\n') {
        return {};
    }
    text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

}  // namespace

bool follows_wrong_pin(const std::string& file, const BeginMessage& begin, UnixTime now) {
    const auto line = nlohmann::json::parse(newest_line(file), nullptr, false);
    if (!line.is_object()) {
        return false;
    }
    const auto has = [&](const char* key, const std::string& value) {
        const auto it = line.find(key);
        return it != line.end() && it->is_string() && it->get_ref<const std::string&>() == value;
    };
    bool recent = false;
    for (UnixTime at = now - kRecent; at <= now && !recent; ++at) {
        recent = has("time", format_time(at));
    }
    return recent && has("code", std::string(info(ErrorCode::PinWrong).name)) &&
           has("service", begin.service) && has("user", begin.user);
}

}  // namespace piv
