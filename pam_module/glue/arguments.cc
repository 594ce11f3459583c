#include "pam_module/glue/arguments.h"

#include <cstddef>
#include <cstring>

namespace piv {

namespace {

constexpr unsigned kMaxWaitSeconds = 3600;
constexpr std::size_t kMaxPath = 4095;

bool set_config(const char* value, Arguments& out) noexcept {
    if (value[0] != '/' || std::strlen(value) > kMaxPath) {
        return false;
    }
    out.config = value;
    return true;
}

bool set_wait(const char* value, Arguments& out) noexcept {
    unsigned seconds = 0;
    if (*value == '\0') {
        return false;
    }
    for (; *value != '\0'; ++value) {
        if (*value < '0' || *value > '9') {
            return false;
        }
        seconds = seconds * 10U + static_cast<unsigned>(*value - '0');
        if (seconds > kMaxWaitSeconds) {
            return false;
        }
    }
    out.wait_given = true;
    out.wait_seconds = seconds;
    return true;
}

bool set_debug(const char*, Arguments& out) noexcept {
    out.debug = true;
    return true;
}

bool set_card_only(const char*, Arguments& out) noexcept {
    out.card_only = true;
    return true;
}

bool set_try_first_pass(const char*, Arguments& out) noexcept {
    if (out.first_pass != FirstPass::Only) {
        out.first_pass = FirstPass::Try;
    }
    return true;
}

bool set_use_first_pass(const char*, Arguments& out) noexcept {
    out.first_pass = FirstPass::Only;
    return true;
}

bool set_no_forward_pass(const char*, Arguments& out) noexcept {
    out.forward_pass = false;
    return true;
}

struct Option {
    const char* name;  // with '=' at its end when it takes a value
    bool (*apply)(const char* value, Arguments& out) noexcept;
};

constexpr Option kOptions[] = {
    {"config=", set_config},
    {"wait_for_card=", set_wait},
    {"debug", set_debug},
    {"card_only", set_card_only},
    {"try_first_pass", set_try_first_pass},
    {"use_first_pass", set_use_first_pass},
    {"no_forward_pass", set_no_forward_pass},
};

bool apply(const char* argument, Arguments& out) noexcept {
    for (const Option& option : kOptions) {
        const std::size_t length = std::strlen(option.name);
        const bool takes_value = option.name[length - 1] == '=';
        if (std::strncmp(argument, option.name, length) == 0 &&
            (takes_value || argument[length] == '\0')) {
            return option.apply(argument + length, out);
        }
    }
    return false;
}

}  // namespace

const char* parse_arguments(int argc, const char* const* argv, Arguments& out) noexcept {
    for (int i = 0; i < argc; ++i) {
        if (argv[i] == nullptr || !apply(argv[i], out)) {
            return argv[i] != nullptr ? argv[i] : "";
        }
    }
    return nullptr;
}

}  // namespace piv
