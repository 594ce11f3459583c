// HTTP by libcurl, in this process. Only programs that may have the network link this.
#pragma once

#include <memory>

#include "ocsp_client/transport.h"

namespace piv {

/// Speaks HTTP/1.1 to the URL given and nothing else: no redirects, no content coding, no netrc, no
/// environment, no proxy but the one in the request, a fresh connection for each request, and caps
/// on headers and body before they are stored.
class CurlTransport : public Transport {
  public:
    CurlTransport();
    ~CurlTransport() override;
    CurlTransport(const CurlTransport&) = delete;
    CurlTransport& operator=(const CurlTransport&) = delete;

    Result<std::size_t> start(HttpRequest request) override;
    Result<Completion> wait(Deadline deadline) override;
    /// As wait(), and also ends when `fd` is readable; then the code is DeadlineOver and
    /// `readable` true.
    Result<Completion> wait_or_readable(Deadline deadline, int fd, bool& readable);
    [[nodiscard]] bool idle() const noexcept;

  private:
    struct Data;
    std::unique_ptr<Data> data_;
};

}  // namespace piv
