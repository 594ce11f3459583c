// Text from cards, certificates and servers, made safe to show: one line, printable, valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace piv {

/// Escapes C0 and C1 controls, DEL, invalid UTF-8, line and paragraph separators, bidirectional
/// overrides and other invisible format characters as \xNN or \u{NNNN}, and the backslash itself as
/// \\. At most `max_bytes` of output; what is cut off is marked with "...".
std::string escape_for_display(std::string_view text, std::size_t max_bytes = 1024);

/// The candidate nearest to `word` when it is near enough to be a slip of the pen, else empty.
/// For "did you mean". `candidates` is a container of things that convert to string_view.
std::size_t edit_distance(std::string_view a, std::string_view b);
template <typename Container>
std::string did_you_mean(std::string_view word, const Container& candidates) {
    std::string best;
    std::size_t best_distance = word.size() / 3 + 1;
    for (const auto& c : candidates) {
        const std::string_view candidate(c);
        const std::size_t d = edit_distance(word, candidate);
        if (d < best_distance || (d == best_distance && best.empty())) {
            best = std::string(candidate);
            best_distance = d;
        }
    }
    return best;
}

}  // namespace piv
