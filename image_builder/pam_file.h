// PAM service files as lines: parsed and printed without loss. Syntax: pam.conf(5).
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pki/base/result.h"

namespace piv {

enum class PamType { Auth, Account, Password, Session };
const char* to_text(PamType type) noexcept;

struct PamLine {
    enum class Kind {
        Rule,
        Include,
        Blank,
        Bad
    };  // Include: "@include FILE"; Blank: also comments
    Kind kind = Kind::Blank;
    std::string raw;          // as written, continuation lines and all, without the last LF
    bool if_present = false;  // "-auth": a module that is not installed is no error
    PamType type = PamType::Auth;
    std::string control;  // "required", "[success=1 default=ignore]", "include", ...
    std::string module;   // or the included file's name
    std::vector<std::string> arguments;
    int number = 0;  // of its first line in the file, from 1

    [[nodiscard]] bool includes() const { return control == "include" || control == "substack"; }
};

struct PamFile {
    std::vector<PamLine> lines;
};

/// Never fails: what is not understood is a Bad line, which libpam would log and treat as one that
/// must fail. parse(print(f)) == f for every f that parse made.
PamFile parse_pam_file(std::string_view text);
std::string print_pam_file(const PamFile& file);

/// What to do for each return value, by name ("success", "authinfo_unavail", ..., "default").
enum class PamAction { Ignore, Ok, Done, Bad, Die, Reset, Jump };
struct PamControl {
    struct Step {
        PamAction action = PamAction::Bad;
        int jump = 0;
    };
    std::map<std::string, Step> steps;
    /// The step for a return value, by name; its own or the default.
    [[nodiscard]] Step step(const std::string& value) const;
};
/// "required", "requisite", "sufficient", "optional", or a bracketed list. Error: ImageTree.
Result<PamControl> parse_pam_control(const std::string& text);

/// Return values that PAM knows by name.
const std::vector<std::string>& pam_return_names();

}  // namespace piv
