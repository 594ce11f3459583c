#include "pam_module/helper/typed_name.h"

#include <algorithm>

namespace piv {

namespace {

void replace_all(std::string& text, const std::string& what) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;) {
        text.replace(at, what.size(), kHiddenName);
        at += sizeof kHiddenName - 1;
    }
}

}  // namespace

bool looks_like_pin(std::string_view name) noexcept {
    return name.size() >= 4 && name.size() <= 9 &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void hide_typed_pin(LoginEvent& event, AttemptRecord& record, const NameService& names) {
    const std::string typed = event.begin.user;
    if (!looks_like_pin(typed) || names(typed)) {
        return;
    }
    replace_all(event.begin.user, typed);
    replace_all(event.user, typed);
    if (event.error) {
        replace_all(event.error->detail, typed);
    }
    for (Step& step : record.steps) {
        replace_all(step.detail, typed);
    }
}

}  // namespace piv
