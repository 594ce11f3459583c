// Which URLs are asked at all. URLs come from certificates and configuration; they are the CA's or
// the administrator's word, not an invitation to speak every protocol that libcurl knows.
#pragma once

#include <string>

#include "pki/base/result.h"

namespace piv {

/// http://HOST[:PORT][/PATH][?QUERY]: no other scheme, no user name or password, no fragment, only
/// printable ASCII, at most 2048 octets. Error: OcspBadUrl.
Status check_responder_url(const std::string& url);

}  // namespace piv
