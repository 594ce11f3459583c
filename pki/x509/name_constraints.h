// Name constraints (RFC 5280 section 4.2.1.10).
#pragma once

#include "pki/base/result.h"
#include "pki/x509/certificate_fields.h"

namespace piv {

/// How much work is left in one path, so that many names times many constraints cannot hold up a
/// login; and whether ".example.com" is refused as a dNSName constraint, which RFC 5280 does not
/// have.
struct NameConstraintBudget {
    std::size_t comparisons = std::size_t{1} << 20U;
    bool refuse_leading_dot = false;
};

/// Checks the names of `certificate` (subject, subject alternative names, e-mail addresses in the
/// subject) against one CA's constraints. Constraints of a form that we cannot process refuse a
/// certificate that has a name of that form. Errors: NameConstraint, PathBudget.
Status check_name_constraints(const CertificateFields& certificate,
                              const NameConstraints& constraints, NameConstraintBudget& budget);

}  // namespace piv
