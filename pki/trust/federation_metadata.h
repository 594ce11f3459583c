// AD FS federation metadata (SAML 2.0 metadata): the token-signing certificates of an identity
// provider. Read without a DTD, without entities, within caps.
#pragma once

#include <string>
#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

inline constexpr std::size_t kMaxMetadata = 4U << 20U;

struct SigningCertificate {
    Certificate certificate;
    bool primary = false;  // the first that the provider lists: what it signs with today
};

struct FederationMetadata {
    std::string entity_id;
    std::vector<SigningCertificate> signing;  // in the order of the document, each once
    bool is_signed = false;                   // there is a signature; nobody has verified it here
};

/// Takes the token-signing certificates of the one EntityDescriptor: those of IDPSSODescriptor, else
/// those of the security token service's RoleDescriptor. `entity` chooses where there are several.
/// `name` is for messages. Errors: MetadataMalformed, FileTooLarge.
Result<FederationMetadata> parse_federation_metadata(ByteView xml, const std::string& name,
                                                     const std::string& entity = {});

}  // namespace piv
