// One line of passwd(5) or shadow(5), found by name without stdio, allocation or locks. The names in
// these files are the machine's own; an alias such as user@domain stands for one of them.
#pragma once

#include <cstddef>

namespace piv::nss {

enum class Line {
    Found,
    Absent,
    TooSmall,  // the line does not fit the buffer
    Failed,    // errno says
};

/// Copies the line of `name` (without its end) and a NUL to `buffer`; `used` counts both.
Line find_line(const char* path, const char* name, std::size_t name_size, char* buffer,
               std::size_t buffer_size, std::size_t& used) noexcept;

/// Splits `line` at ':' in place into exactly `count` fields. False for any other number.
bool split_fields(char* line, char** fields, std::size_t count) noexcept;

/// A number without sign from 0 to `max`. False for anything else.
bool parse_number(const char* text, unsigned long max, unsigned long& out) noexcept;

}  // namespace piv::nss
