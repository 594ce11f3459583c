#include "pki/trust/metadata_signature.h"

namespace piv {

Result<Bytes> verify_metadata_signature(ByteView, const std::string& name,
                                        const std::vector<Certificate>&) {
    return Error(
        ErrorCode::Internal,
        name + ": this piv-trust was built without xmlsec and cannot verify XML signatures");
}

}  // namespace piv
