// The lines of /etc/pam.d that run pam_piv.so.
#pragma once

#include <string>
#include <vector>

namespace piv {

struct PamLine {
    std::string file;
    int number = 0;
    std::string type;
    std::string control;
    std::vector<std::string> arguments;
};

/// Of /etc/pam.d in `root`, in the order of the files; links do not lead out of it.
std::vector<PamLine> pam_lines(const std::string& root);
/// The first session line, or nullptr: without one the removal of a card is not noticed.
const PamLine* session_line(const std::vector<PamLine>& lines);
/// What is wrong with a line; empty: nothing.
std::string problem_of(const PamLine& line);

}  // namespace piv
