// What is left of root in the root half of piv-login-watch.
#pragma once

namespace piv {

/// Keeps, of the capabilities that there are, those to start the card half (SETUID, SETGID) and to
/// end it (KILL, which older versions of logind ask for, too); for programs that are started as well.
/// False when the others cannot be given up.
bool keep_needed_capabilities() noexcept;

}  // namespace piv
