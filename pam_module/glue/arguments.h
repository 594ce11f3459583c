// The arguments of a pam_piv.so line in a PAM file, parsed from one table.
#pragma once

#include "pam_module/protocol/login_messages.h"

namespace piv {

struct Arguments {
    const char* config = nullptr;  // nullptr: the default file
    bool debug = false;
    bool card_only = false;
    FirstPass first_pass = FirstPass::Never;
    bool forward_pass = true;  // hand the PIN of a successful login on as PAM_AUTHTOK
    bool wait_given = false;
    unsigned wait_seconds = 0;
};

/// Parses `argv`. On failure returns the argument that is wrong, else nullptr. An argument that is
/// not in the table is wrong: a mistyped option never weakens a stack.
const char* parse_arguments(int argc, const char* const* argv, Arguments& out) noexcept;

}  // namespace piv
