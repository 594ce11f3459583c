// The fetch role's system call filter, where libseccomp is there.
#pragma once

namespace piv {

/// Leaves what an HTTP exchange needs, name resolution by the C library's modules included: files
/// for reading, sockets that connect, threads. No new processes or programs, no written files, no
/// listening. Everything else fails with EPERM. False: the filter could not be loaded; true where
/// the program was built without libseccomp.
bool enter_fetch_sandbox() noexcept;

}  // namespace piv
