#include "pki/cli/json_output.h"
#include "pki/trust/piv_trust_options.h"

namespace piv {

int run_federation(const TrustOptions& options) {
    return fail(kTrustTool, {ErrorCode::Internal, "this piv-trust was built without pugixml"},
                options.json);
}

}  // namespace piv
