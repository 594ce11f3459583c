// Revocation. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_OCSP(X)                                                                    \
    X(Revoked, "revoked", No, Denied, "The certificate on the card has been revoked.",             \
      "the CA has revoked this certificate: issue a new one if the person may still log in")       \
    X(RevocationUnknown, "revocation-unknown", CannotTell, Denied,                                 \
      "The CA does not know the certificate on the card.",                                         \
      "the responder answered 'unknown': it does not serve this CA, or the certificate was never " \
      "issued")                                                                                    \
    X(OcspUnavailable, "ocsp-unavailable", CannotTell, InfoUnavailable,                            \
      "It cannot be checked whether the certificate is still valid.",                              \
      "no usable answer from any OCSP responder and no CRL: see the named URL and reason")         \
    X(OcspNoUrl, "ocsp-no-url", CannotTell, InfoUnavailable,                                       \
      "It cannot be checked whether the certificate is still valid.",                              \
      "the certificate names no http OCSP responder: set revocation.ocsp_url")
