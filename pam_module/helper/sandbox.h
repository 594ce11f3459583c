// System call filters of the roles, where libseccomp is there.
#pragma once

namespace piv {

/// The card role may read files, speak to pcscd over a local socket, run threads and keep files in
/// its own folders. It may not start programs or processes, use the network, change ids, or look
/// into other processes. What is not allowed fails with EPERM. False when the filter cannot be
/// loaded; true where the program was built without libseccomp.
bool enter_card_sandbox() noexcept;

}  // namespace piv
