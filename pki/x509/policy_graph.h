// Certificate policies along a path: the valid_policy_tree of RFC 5280 section 6.1, kept as a graph
// with one node per policy and level, so that mappings cannot make it grow exponentially.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pki/x509/certificate_fields.h"

namespace piv {

struct PolicyInputs {
    std::vector<std::string> user_initial_policy_set;  // empty, or with anyPolicy: any
    bool require_explicit_policy = false;
    bool inhibit_policy_mapping = false;
    bool inhibit_any_policy = false;
};

/// Certificates below the anchor, first the one the anchor issued, last the target. True when the
/// policy checks of sections 6.1.3 (d) to (f), 6.1.4 (a), (b), (h) to (j) and 6.1.5 (a), (b), (g)
/// hold.
bool policies_hold(const std::vector<const CertificateFields*>& path, const PolicyInputs& inputs);

}  // namespace piv
