// What RFC 5280 section 4 asks of CAs beyond what section 6 makes relying parties check.
#pragma once

#include "pki/x509/certification_path.h"

namespace piv {

/// `chain` is leaf first, anchor last. Error: PathRefused, naming certificate and section.
Status check_conformance(const std::vector<Certificate>& chain, Conformance conformance);

}  // namespace piv
