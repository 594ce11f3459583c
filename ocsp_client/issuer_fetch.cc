#include "ocsp_client/issuer_fetch.h"

#include <algorithm>

#include "ocsp_client/url.h"
#include "pki/base/text.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

constexpr std::size_t kMaxIssuerFile = 64U << 10U;

bool known(const std::vector<Certificate>& certificates, const Certificate& c) {
    return std::any_of(certificates.begin(), certificates.end(), [&c](const Certificate& other) {
        return other.sha256_hex() == c.sha256_hex();
    });
}

}  // namespace

IssuerFetch::IssuerFetch(IssuerFetchSettings settings, TransportFactory transport)
    : settings_(std::move(settings)), make_transport_(std::move(transport)) {}

void IssuerFetch::failed(const std::string& url, const Error& error) {
    why_ = escape_for_display(url, 256) + ": " + std::string(info(error.code).name) +
           (error.detail.empty() ? "" : ": " + error.detail);
}

// True when at least one request is under way.
bool IssuerFetch::start(const std::vector<std::string>& urls) {
    for (const std::string& url : urls) {
        if (asked_.count(url) != 0 || asked_.size() >= settings_.max_urls) {
            continue;
        }
        asked_.insert(url);
        if (Status s = check_responder_url(url); !s) {
            failed(url, s.error());
            continue;
        }
        if (transport_ == nullptr) {
            transport_ = make_transport_();
            deadline_ = Deadline::after_ms(settings_.timeout_ms);
        }
        HttpRequest request;
        request.url = url;
        request.post = false;
        request.max_response = kMaxIssuerFile;
        request.timeout_ms = deadline_->left_ms();
        request.proxy = settings_.proxy;
        if (transport_ == nullptr || request.timeout_ms == 0) {
            failed(url, Error(ErrorCode::OcspTimeout, "no time left to ask"));
            continue;
        }
        if (auto id = transport_->start(std::move(request)); id) {
            open_.emplace_back(id.value(), url);
        } else {
            failed(url, id.error());
        }
    }
    return !open_.empty();
}

// RFC 5280 section 4.2.2.1: one certificate in DER, or PKCS#7; servers give PEM as well. The type that
// a server names is not believed, what it sends is looked at.
std::size_t IssuerFetch::take(std::size_t id, Result<HttpResponse> response,
                              std::vector<Certificate>& untrusted) {
    const auto request = std::find_if(open_.begin(), open_.end(),
                                      [id](const auto& open) { return open.first == id; });
    if (request == open_.end()) {
        return 0;
    }
    const std::string url = std::move(request->second);
    open_.erase(request);
    if (!response) {
        failed(url, response.error());
        return 0;
    }
    if (response->status != 200) {
        failed(url,
               Error(ErrorCode::OcspHttpStatus, "HTTP status " + std::to_string(response->status)));
        return 0;
    }
    Result<ReadCertificates> read = read_certificates(response->body, url);
    if (!read) {
        failed(url, read.error());
        return 0;
    }
    std::size_t added = 0;
    for (const Certificate& c : read->certificates) {
        // A CA only: nothing else can be an issuer.
        if (fetched_ < settings_.max_certificates && c.is_ca() && !known(untrusted, c)) {
            untrusted.push_back(c);
            ++fetched_;
            ++added;
        }
    }
    return added;
}

bool IssuerFetch::fetch(const Certificate& leaf, const TrustStore& store,
                        std::vector<Certificate>& untrusted, Deadline deadline) {
    if (!settings_.allowed || !make_transport_ ||
        !start(missing_issuer_urls(leaf, store, untrusted))) {
        return false;
    }
    std::size_t added = 0;
    const Deadline limit = deadline.earlier_of(*deadline_);
    while (!open_.empty()) {
        Result<Transport::Completion> done = transport_->wait(limit);
        if (!done) {
            failed(open_.front().second, done.error());
            open_.clear();  // an answer that is late is not waited for again
            break;
        }
        added += take(done->id, std::move(done->response), untrusted);
    }
    return added != 0;
}

}  // namespace piv
