// Issuers that are not installed, fetched from where certificates say that they are (RFC 5280 section
// 4.2.2.1, id-ad-caIssuers). Only with `trust.fetch_issuers = yes`: the URL comes from a certificate
// that nobody has vouched for yet.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ocsp_client/transport.h"
#include "pki/x509/certification_path.h"

namespace piv {

struct IssuerFetchSettings {
    bool allowed = false;
    int timeout_ms = 5000;  // for everything that is fetched, from the first request on
    std::string proxy;
    std::size_t max_urls = 8;
    std::size_t max_certificates = 32;
};

/// Lives as long as one login: what was fetched, what was tried and the time that is left are
/// shared by all certificates of all its cards.
class IssuerFetch {
  public:
    using TransportFactory = std::function<std::unique_ptr<Transport>()>;
    /// `transport` is called when there is something to fetch; it may be empty.
    IssuerFetch(IssuerFetchSettings settings, TransportFactory transport);

    /// Asks for the issuers that are missing on the way from `leaf`: http only, GET, 64 KiB each, no
    /// redirects. What comes is added to `untrusted`: it helps to build a path and is never trusted.
    /// True when there is something new. False: not allowed, nothing to ask, or nothing came; why()
    /// says which URL failed with what.
    bool fetch(const Certificate& leaf, const TrustStore& store,
               std::vector<Certificate>& untrusted, Deadline deadline);
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

  private:
    [[nodiscard]] bool start(const std::vector<std::string>& urls);
    std::size_t take(std::size_t id, Result<HttpResponse> response,
                     std::vector<Certificate>& untrusted);
    void failed(const std::string& url, const Error& error);

    IssuerFetchSettings settings_;
    TransportFactory make_transport_;
    std::unique_ptr<Transport> transport_;
    std::optional<Deadline> deadline_;
    std::set<std::string> asked_;
    std::vector<std::pair<std::size_t, std::string>> open_;  // request id, URL
    std::size_t fetched_ = 0;
    std::string why_;
};

}  // namespace piv
