// The fetch role as a transport: `piv-ocsp --fetch-role`, started when there is something to fetch.
#pragma once

#include <memory>

#include "ocsp_client/transport.h"

namespace piv {

/// Starts nothing yet: the process comes with the first request and goes with the transport. It gets
/// an empty environment, /dev/null as descriptors 0 to 2, and its socket as descriptor 3.
std::unique_ptr<Transport> make_fetch_process();

}  // namespace piv
