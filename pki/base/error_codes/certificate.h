// Certificates, trust and paths. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_CERT(X)                                                                    \
    X(CertMalformed, "certificate-malformed", BadData, Denied,                                     \
      "The certificate on the card cannot be read.",                                               \
      "the bytes are not an X.509 certificate in DER: issue the certificate again")                \
    X(NoCertificateInFile, "no-certificate-in-file", BadData, ServiceError,                        \
      "Smart card login is not set up correctly.",                                                 \
      "give a certificate as DER, PEM, base64 or PKCS#7")                                          \
    X(PrivateKeyInFile, "private-key-in-file", BadData, ServiceError,                              \
      "Smart card login is not set up correctly.",                                                 \
      "never hand a private key to this tool: export the certificate without its key")             \
    X(NoTrustAnchors, "no-trust-anchors", BadConfig, ServiceError,                                 \
      "Smart card login is not set up correctly.",                                                 \
      "install the root CA: enable-smartcard --ca-cert root.cer int.cer")                          \
    X(IssuerMissing, "issuer-missing", No, Denied,                                                 \
      "The certificate on the card comes from a CA that is not installed here.",                   \
      "add the named issuer: piv-trust add FILE, or give it to enable-smartcard --ca-cert")        \
    X(AnchorNotTrusted, "anchor-not-trusted", No, Denied,                                          \
      "The certificate on the card comes from a CA that is not trusted here.",                     \
      "the path ends in a root that is not in the installed anchors")                              \
    X(CertSignatureBad, "certificate-signature-bad", No, Denied,                                   \
      "The certificate on the card is not valid.",                                                 \
      "the signature does not verify with the issuer's key: damaged, forged, or the CA was "       \
      "re-keyed")                                                                                  \
    X(CertExpired, "certificate-expired", No, Denied, "The certificate on the card has expired.",  \
      "issue a new certificate; check the clock")                                                  \
    X(CertNotYetValid, "certificate-not-yet-valid", No, Denied,                                    \
      "The certificate on the card is not valid yet.", "check the clock of this machine")          \
    X(CertNotCa, "issuer-not-a-ca", No, Denied, "The certificate on the card is not valid.",       \
      "an issuer in the path lacks CA:TRUE or keyCertSign")                                        \
    X(PathTooLong, "path-too-long", No, Denied, "The certificate on the card is not valid.",       \
      "a path length constraint, or the limit of the path search, is exceeded")                    \
    X(NameConstraint, "name-constraint", No, Denied, "The certificate on the card is not valid.",  \
      "a CA in the path may not issue for this name")                                              \
    X(PolicyNotAllowed, "policy-not-allowed", No, Denied,                                          \
      "The certificate on the card is not of the required kind.",                                  \
      "none of the required certificate policies holds for the whole path")                        \
    X(CriticalExtension, "unknown-critical-extension", No, Denied,                                 \
      "The certificate on the card is not valid.",                                                 \
      "the certificate has a critical extension that is not understood")                           \
    X(KeyUsageWrong, "key-usage", No, Denied, "The certificate on the card is not for login.",     \
      "key usage must contain digitalSignature")                                                   \
    X(EkuWrong, "extended-key-usage", No, Denied, "The certificate on the card is not for login.", \
      "extended key usage must contain smart card logon (1.3.6.1.4.1.311.20.2.2) or client "       \
      "authentication, and none of the card-only uses")                                            \
    X(WeakKey, "weak-key", No, Denied, "The certificate on the card is too weak.",                 \
      "RSA from 2048 bits, or P-256, P-384, P-521")                                                \
    X(WeakSignature, "weak-signature", No, Denied, "The certificate on the card is too weak.",     \
      "MD5 and SHA-1 signatures are refused: issue the certificate again with SHA-256")            \
    X(PathRefused, "path-refused", No, Denied, "The certificate on the card is not valid.",        \
      "the path fails another rule of RFC 5280, named in the detail")                              \
    X(PathBudget, "path-budget", No, Denied, "The certificate on the card is not valid.",          \
      "too many candidate paths: remove cross-certificates that are not needed")                   \
    X(CrlUnusable, "crl-unusable", CannotTell, InfoUnavailable,                                    \
      "It cannot be checked whether the certificate is still valid.",                              \
      "the CRL is missing, stale, out of scope or badly signed: fetch a current one")
