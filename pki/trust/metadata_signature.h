// The XML signature of federation metadata, verified by xmlsec.
#pragma once

#include <string>
#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

/// Whether the root element as a whole is signed with the key of one of `trusted`: one enveloped
/// signature that is a child of the root, one reference to the root, exclusive canonicalisation,
/// SHA-256 or better. Key information inside the document is not used. Gives the document again as
/// xmlsec read it: only that is to be parsed.
/// Errors: MetadataUntrusted, MetadataMalformed; Internal when built without xmlsec.
Result<Bytes> verify_metadata_signature(ByteView xml, const std::string& name,
                                        const std::vector<Certificate>& trusted);

}  // namespace piv
