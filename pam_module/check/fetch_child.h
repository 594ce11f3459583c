// The fetch role of piv-check: a forked child that serves HTTP, so that the network and the PIN do
// not meet in one process here either.
#pragma once

#include <memory>

#include "ocsp_client/transport.h"

namespace piv {

/// Forks with the first request.
std::unique_ptr<Transport> make_fetch_child();

}  // namespace piv
