// System call filters of the roles, where libseccomp was there when this was built.
#pragma once

namespace piv {

/// The card role may read files, speak to pcscd over a local socket, run threads and keep files in
/// its own folders. It may not start programs or processes, use the network, change ids, or look
/// into other processes. What is not allowed fails with EPERM. False when the filter cannot be
/// loaded; true where the program was built without libseccomp.
bool enter_card_sandbox() noexcept;

/// The decider, and with it the roles that it starts: not a whole list of what it may do, since the
/// plugins of the name service run in it, but what no login needs fails with EPERM: debugging,
/// loading code into the kernel, mounts, namespaces, clocks. False and true as above.
bool enter_decider_sandbox() noexcept;

}  // namespace piv
