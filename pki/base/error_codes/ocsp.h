// Revocation. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_OCSP_USER_TEXT "It cannot be checked whether the certificate is still valid."
#define PIV_ERROR_CODES_OCSP(X)                                                                    \
    X(Revoked, "revoked", No, Denied, "The certificate on the card has been revoked.",             \
      "the CA has revoked this certificate: issue a new one if the person may still log in")       \
    X(RevocationUnknown, "revocation-unknown", CannotTell, Denied,                                 \
      "The CA does not know the certificate on the card.",                                         \
      "the responder answered 'unknown': it does not serve this CA, or the certificate was never " \
      "issued; AD CS: is there a revocation configuration for the CA certificate with this key?")  \
    X(OcspUnavailable, "ocsp-unavailable", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,        \
      "no usable answer from any OCSP responder and no CRL: see the named URL and reason")         \
    X(OcspNoUrl, "ocsp-no-url", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,                   \
      "the certificate names no http OCSP responder: set revocation.ocsp_url, or give --url")      \
    X(OcspIssuerMismatch, "ocsp-issuer-mismatch", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT, \
      "give the CA certificate that issued this certificate with --issuer or --ca")                \
    X(OcspBadUrl, "ocsp-bad-url", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,                 \
      "responders are asked at http://HOST[:PORT]/PATH only; no user name, no other scheme: the "  \
      "answer is signed, so http is enough")                                                       \
    X(OcspResolve, "ocsp-host-not-found", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,         \
      "the responder's name does not resolve: check DNS on this machine (getent hosts NAME)")      \
    X(OcspConnect, "ocsp-connect-failed", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,         \
      "nothing accepts connections there: check the responder's service, the firewall or "         \
      "security "                                                                                  \
      "group, and revocation.proxy")                                                               \
    X(OcspTimeout, "ocsp-timeout", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,                \
      "the responder did not answer in time: check the route and firewall to it, or raise "        \
      "revocation.timeout_ms; piv-ocsp shows the time each answer takes")                          \
    X(OcspTransport, "ocsp-connection-broken", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,    \
      "the connection ended in the middle of the answer: look at the responder and at proxies "    \
      "between")                                                                                   \
    X(OcspHttpStatus, "ocsp-http-status", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,         \
      "only HTTP 200 counts and redirects are not followed: give the responder's own address "     \
      "with "                                                                                      \
      "--url or revocation.ocsp_url; AD CS: is the /ocsp application running in IIS?")             \
    X(OcspHttpFraming, "ocsp-http-framing", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,       \
      "the reply is not proper HTTP/1 (headers, lengths or codings): look at proxies between")     \
    X(OcspContentType, "ocsp-content-type", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,       \
      "an OCSP reply has the type application/ocsp-response: a login page of a captive portal, a " \
      "proxy's error page, or the wrong URL answered")                                             \
    X(OcspTooLarge, "ocsp-too-large", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,             \
      "an OCSP response of more than 64 KiB is refused: is the URL right?")                        \
    X(OcspMalformed, "ocsp-malformed", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,            \
      "the bytes are not an OCSP response in DER by RFC 6960: report it to the responder's owner") \
    X(OcspResponseType, "ocsp-response-type", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,     \
      "only id-pkix-ocsp-basic is understood")                                                     \
    X(OcspMalformedRequest, "ocsp-malformed-request", CannotTell, InfoUnavailable,                 \
      PIV_OCSP_USER_TEXT,                                                                          \
      "the responder answered malformedRequest (1): try --nonce off, --cert-id-hash sha1 and "     \
      "--method post one by one")                                                                  \
    X(OcspInternalError, "ocsp-internal-error", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,   \
      "the responder answered internalError (2): its own log says why; AD CS: event log of the "   \
      "Online Responder")                                                                          \
    X(OcspTryLater, "ocsp-try-later", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,             \
      "the responder answered tryLater (3): it is starting or overloaded")                         \
    X(OcspSigRequired, "ocsp-sig-required", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,       \
      "the responder answered sigRequired (5): it wants signed requests, which no client card "    \
      "login can make: change the responder's policy")                                             \
    X(OcspUnauthorized, "ocsp-unauthorized", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,      \
      "the responder answered unauthorized (6): it does not know this issuer; AD CS: is there a "  \
      "revocation configuration for this CA certificate, and is its signing certificate current?") \
    X(OcspSignatureBad, "ocsp-signature-bad", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,     \
      "the response was changed on its way, or another key signed it")                             \
    X(OcspSignatureWeak, "ocsp-signature-weak", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,   \
      "sign responses with SHA-256 or better; under a strict system crypto policy (RHEL: "         \
      "update-crypto-policies) SHA-1 is refused too")                                              \
    X(OcspSignerUnknown, "ocsp-signer-unknown", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,   \
      "the responder neither is the issuer nor sent its certificate: is --issuer the CA that "     \
      "issued the certificate, with the same key? A responder of your own can be named with "      \
      "--responder-cert")                                                                          \
    X(OcspSignerUnauthorized, "ocsp-signer-unauthorized", CannotTell, InfoUnavailable,             \
      PIV_OCSP_USER_TEXT,                                                                          \
      "a responder's certificate must be issued by the same CA key as the certificate in "         \
      "question "                                                                                  \
      "and hold the extended key usage OCSPSigning (RFC 6960 section 4.2.2.2): renew it")          \
    X(OcspSignerExpired, "ocsp-signer-expired", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,   \
      "renew the responder's certificate, and check this machine's clock; AD CS renews it by "     \
      "itself when the template allows it")                                                        \
    X(OcspSignerRevoked, "ocsp-signer-revoked", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,   \
      "the CA has revoked the responder's certificate: give the responder a new one")              \
    X(OcspSignerUnchecked, "ocsp-signer-unchecked", CannotTell, InfoUnavailable,                   \
      PIV_OCSP_USER_TEXT,                                                                          \
      "the responder's certificate lacks id-pkix-ocsp-nocheck and its own status could not be "    \
      "had: issue it with nocheck (AD CS template OCSPResponseSigning does), or make its CRL or "  \
      "OCSP reachable")                                                                            \
    X(OcspNoMatch, "ocsp-no-matching-answer", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,     \
      "the response is about other certificates, or about another issuer's: is --issuer right?")   \
    X(OcspNotYetValid, "ocsp-not-yet-valid", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,      \
      "the answer is from the future: compare this machine's clock and the responder's "           \
      "(timedatectl, chronyc tracking)")                                                           \
    X(OcspStale, "ocsp-stale", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,                    \
      "the answer has run out: check the responder's source (is the CA's CRL published?), caches " \
      "between, and this machine's clock")                                                         \
    X(OcspTimes, "ocsp-times", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,                    \
      "thisUpdate, nextUpdate and producedAt contradict each other: report it to the responder's " \
      "owner")                                                                                     \
    X(OcspContradictory, "ocsp-contradictory", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,    \
      "one response gives several answers for this certificate: report it to the responder's "     \
      "owner")                                                                                     \
    X(OcspCriticalExtension, "ocsp-critical-extension", CannotTell, InfoUnavailable,               \
      PIV_OCSP_USER_TEXT, "a critical extension that is not understood makes an answer unusable")  \
    X(OcspNonceMismatch, "ocsp-nonce-mismatch", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,   \
      "the answer is to another question (a replay, or a cache that mixes answers): use --nonce "  \
      "off where a cache stands in front of the responder")                                        \
    X(OcspNonceMissing, "ocsp-nonce-missing", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,     \
      "the responder does not return nonces: revocation.nonce = auto accepts that")                \
    X(SoftExpired, "soft-fail-expired", CannotTell, InfoUnavailable, PIV_OCSP_USER_TEXT,           \
      "revocation.soft_max_age is over since the last good answer: the responder has to be "       \
      "reached once")
