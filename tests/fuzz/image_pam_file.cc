// PAM service files: printed as they were read, read again as the same, and no control that jumps
// nowhere.
#include <cstdlib>

#include "image_builder/pam_file.h"

using namespace piv;

namespace {

bool same(const PamLine& a, const PamLine& b) {
    return a.kind == b.kind && a.raw == b.raw && a.if_present == b.if_present && a.type == b.type &&
           a.control == b.control && a.module == b.module && a.arguments == b.arguments &&
           a.number == b.number;
}

void check_control(const std::string& text) {
    const Result<PamControl> control = parse_pam_control(text);
    if (!control) {
        return;
    }
    for (const std::string& value : pam_return_names()) {
        const PamControl::Step step = control->step(value);
        if ((step.action == PamAction::Jump) != (step.jump > 0)) {
            std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const PamFile file = parse_pam_file(text);
    const std::string printed = print_pam_file(file);
    // Only the LF of the last line may be added.
    if (printed != text && printed != text + '\n') {
        std::abort();
    }
    const PamFile again = parse_pam_file(printed);
    if (again.lines.size() != file.lines.size() || print_pam_file(again) != printed) {
        std::abort();
    }
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
        const PamLine& line = file.lines[i];
        if (!same(line, again.lines[i])) {
            std::abort();
        }
        if (line.kind == PamLine::Kind::Rule) {
            if (line.module.empty() || line.control.empty()) {
                std::abort();
            }
            check_control(line.control);
        }
    }
    return 0;
}
