// How bytes get to a responder and back. Two of these: curl in this process (piv-ocsp), and the
// fetch role in another process (login), which has the network and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "pki/base/time.h"

namespace piv {

struct HttpRequest {
    std::string url;   // http://, already checked
    bool post = true;  // else GET with `body` already encoded into the URL
    Bytes body;
    std::size_t max_response = 64U << 10U;
    int timeout_ms = 5000;
    std::string proxy;
};

struct HttpResponse {
    Bytes body;
    std::string content_type;
    long status = 0;
};

class Transport {
  public:
    virtual ~Transport() = default;
    /// Starts a request; the id is for wait(). Never blocks for long.
    virtual Result<std::size_t> start(HttpRequest request) = 0;
    struct Completion {
        std::size_t id = 0;
        Result<HttpResponse> response = ErrorCode::OcspUnavailable;
    };
    /// The next finished request, or an error when the deadline is over or nothing is under way.
    virtual Result<Completion> wait(Deadline deadline) = 0;
    /// A descriptor that becomes readable when wait() has something to report, for a caller that
    /// sits in a poll() of its own; -1: there is none, call wait() now and then.
    [[nodiscard]] virtual int poll_fd() const { return -1; }
};

}  // namespace piv
