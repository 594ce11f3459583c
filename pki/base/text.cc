#include "pki/base/text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace piv {

namespace {

// Decodes one UTF-8 sequence at `i` (RFC 3629: shortest form, no surrogates). 0 length if invalid.
std::size_t decode(std::string_view s, std::size_t i, std::uint32_t& code) {
    const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(s[k]); };
    const std::uint8_t first = byte(i);
    std::size_t length = 0;
    std::uint32_t minimum = 0;
    if (first < 0x80) {
        code = first;
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2, minimum = 0x80, code = first & 0x1FU;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3, minimum = 0x800, code = first & 0x0FU;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4, minimum = 0x10000, code = first & 0x07U;
    } else {
        return 0;
    }
    if (i + length > s.size()) {
        return 0;
    }
    for (std::size_t k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xC0U) != 0x80U) {
            return 0;
        }
        code = (code << 6) | (byte(i + k) & 0x3FU);
    }
    if (code < minimum || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    return length;
}

bool invisible(std::uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x061C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

}  // namespace

std::string escape_for_display(std::string_view text, std::size_t max_bytes) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        std::uint32_t code = 0;
        const std::size_t length = decode(text, i, code);
        char piece[16];
        std::size_t used = 1;
        if (length == 0) {
            std::snprintf(piece, sizeof piece, "\\x%02x", static_cast<std::uint8_t>(text[i]));
        } else if (invisible(code)) {
            std::snprintf(piece, sizeof piece, code < 0x100 ? "\\x%02x" : "\\u{%04x}", code);
            used = length;
        } else if (code == '\\') {
            std::snprintf(piece, sizeof piece, "\\\\");
        } else {
            text.copy(piece, length, i);
            piece[length] = '\0';
            used = length;
        }
        const std::string_view piece_view(piece);
        if (out.size() + piece_view.size() > max_bytes) {
            out += "...";
            break;
        }
        out += piece_view;
        i += used;
    }
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] =
                std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1] ? 1U : 0U)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace piv
