// The INI dialect of piv-login's configuration: strict, line by line, nothing ignored but comments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pki/base/result.h"

namespace piv {

struct IniEntry {
    std::string section;  // as written between the brackets, inner white space one space
    std::string key;      // empty: this entry is the section header itself
    std::string value;    // without white space around it; may be empty
    int line = 0;
};

inline constexpr std::size_t kMaxConfigFile = 1U << 20U;

/// Reads `text`: `[section]`, `key = value`, and lines that start with `#` or `;`. Lines end in LF
/// or CRLF; the last one too, so that a file cut short is noticed. Refused: anything else, NUL and
/// other control characters, a section or a key given twice, a ` #` after a value. Error:
/// BadConfig, the detail `name:line: what`.
Result<std::vector<IniEntry>> parse_ini(std::string_view text, const std::string& name);

/// `text` without spaces and tabs at both ends.
std::string_view trim(std::string_view text) noexcept;
/// Comma-separated, each trimmed. False for an empty element; an empty text is an empty list.
bool split_list(std::string_view text, std::vector<std::string>& out);

}  // namespace piv
