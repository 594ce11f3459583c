// A small PKI and a responder inside the test, made with OpenSSL.
#pragma once

#include <map>
#include <string>

#include "ocsp_client/inquiry.h"

namespace piv::test {

struct KeyAndCertificate {
    std::shared_ptr<EVP_PKEY> key;
    Certificate certificate;
};

/// P-256 key, valid from an hour before `now` for a year; `extensions` as pairs of OpenSSL's
/// configuration syntax.
KeyAndCertificate make_certificate(
    const std::string& name, long serial, UnixTime now, const KeyAndCertificate* issuer,
    const std::vector<std::pair<std::string, std::string>>& extensions);

struct Pki {
    explicit Pki(UnixTime now);
    UnixTime now;
    KeyAndCertificate root;
    KeyAndCertificate intermediate;
    KeyAndCertificate leaf;
    KeyAndCertificate delegate;  // of the intermediate
    [[nodiscard]] CertSubject leaf_subject() const;
    [[nodiscard]] CertificationPath path() const;  // leaf, intermediate, root
};

struct AnswerPlan {
    CertStatus status = CertStatus::Good;
    int reason = 1;
    UnixTime this_update = 0;
    UnixTime next_update = 0;  // 0: none
    bool spoil = false;
};
/// A response about `subject`, signed by `signer` (its certificate is attached).
Bytes make_response(const CertSubject& subject, const AnswerPlan& plan,
                    const KeyAndCertificate& signer, ByteView nonce = {});

/// Answers at once with what a function makes of the request.
class FakeTransport : public Transport {
  public:
    using Handler = std::function<Result<HttpResponse>(const HttpRequest&)>;
    explicit FakeTransport(Handler handler) : handler_(std::move(handler)) {}
    Result<std::size_t> start(HttpRequest request) override;
    Result<Completion> wait(Deadline deadline) override;
    std::size_t requests = 0;

  private:
    Handler handler_;
    std::map<std::size_t, Result<HttpResponse>> ready_;
};

/// A CRL of `issuer` in DER; `serial` 0: nothing revoked.
Bytes make_crl(const KeyAndCertificate& issuer, UnixTime this_update, UnixTime next_update,
               long serial);

HttpResponse ocsp_reply(Bytes body);

}  // namespace piv::test
