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
/// Names of the services in /etc/pam.d of `root`: its files.
std::vector<std::string> pam_service_files(const std::string& root);
/// The modules of a service's stack of one type ("auth", "session"), by file name, in their order;
/// what is included is followed.
std::vector<std::string> modules_of(const std::string& root, const std::string& service,
                                    const std::string& type);
/// What is wrong with a line; empty: nothing.
std::string problem_of(const PamLine& line);

}  // namespace piv
