#include "pki/base/time.h"

#include <ctime>

#include <climits>
#include <cstdio>

namespace piv {

// Days from 1970-01-01 by Howard Hinnant's days_from_civil (public domain).
UnixTime from_civil(int year, int month, int day, int hour, int minute, int second) {
    const std::int64_t y = year - (month <= 2 ? 1 : 0);
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const std::int64_t yoe = y - era * 400;
    const std::int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const std::int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    const std::int64_t days = era * 146097 + doe - 719468;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

std::string format_time(UnixTime time) {
    std::int64_t days = time / 86400;
    std::int64_t rest = time % 86400;
    if (rest < 0) {
        rest += 86400;
        --days;
    }
    const std::int64_t z = days + 719468;
    const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const std::int64_t doe = z - era * 146097;
    const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const std::int64_t mp = (5 * doy + 2) / 153;
    const int day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
    const int month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
    const std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    char text[64];
    std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02dZ",
                  static_cast<long long>(year), month, day, static_cast<int>(rest / 3600),
                  static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
    return text;
}

namespace {

bool all_digits(std::string_view text) {
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return false;
        }
    }
    return !text.empty();
}

int number(std::string_view text) {
    int value = 0;
    for (const char c : text) {
        value = value * 10 + (c - '0');
    }
    return value;
}

Error bad_time(std::string_view text) {
    return {ErrorCode::BadUsage, "'" + std::string(text.substr(0, 64)) +
                                     "' is not a time: YYYY-MM-DDThh:mm:ssZ or seconds since 1970"};
}

}  // namespace

Result<UnixTime> parse_time(std::string_view text) {
    if (all_digits(text) && text.size() <= 12) {
        UnixTime value = 0;
        for (const char c : text) {
            value = value * 10 + (c - '0');
        }
        return value;
    }
    if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text[19] != 'Z') {
        return bad_time(text);
    }
    const std::string_view parts[] = {text.substr(0, 4),  text.substr(5, 2),  text.substr(8, 2),
                                      text.substr(11, 2), text.substr(14, 2), text.substr(17, 2)};
    int v[6];
    for (int i = 0; i < 6; ++i) {
        if (!all_digits(parts[i])) {
            return bad_time(text);
        }
        v[i] = number(parts[i]);
    }
    const UnixTime time = from_civil(v[0], v[1], v[2], v[3], v[4], v[5]);
    // Printing it again catches 31 February, 24:00 and second 60.
    if (v[1] < 1 || v[1] > 12 || format_time(time) != text) {
        return bad_time(text);
    }
    return time;
}

UnixTime system_time_now() noexcept {
    return static_cast<UnixTime>(std::time(nullptr));
}

std::int64_t monotonic_ms() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

Deadline Deadline::after_ms(std::int64_t ms) noexcept {
    return Deadline(piv::monotonic_ms() + ms);
}

int Deadline::left_ms() const noexcept {
    const std::int64_t left = at_ - piv::monotonic_ms();
    if (left <= 0) {
        return 0;
    }
    return left > INT_MAX ? INT_MAX : static_cast<int>(left);
}

}  // namespace piv
