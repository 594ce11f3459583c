// The CA chain over its life. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_TRUST(X)                                                                \
    X(TrustIdUnknown, "trust-id-unknown", BadData, ServiceError,                                \
      "Smart card login is not set up correctly.",                                              \
      "name one certificate by the start of its SHA-256 or by its file: see piv-trust list")    \
    X(TrustNeeded, "trust-still-needed", No, ServiceError,                                      \
      "Smart card login is not set up correctly.",                                              \
      "install the successor first and let the cards be renewed; --force does it all the same") \
    X(TrustRefused, "trust-refused", BadData, ServiceError,                                     \
      "Smart card login is not set up correctly.",                                              \
      "nothing was changed: give a CA certificate that fits")                                   \
    X(TrustBusy, "trust-busy", CannotTell, ServiceError,                                        \
      "Smart card login is not set up correctly.",                                              \
      "another piv-trust is changing the installed chain: try again when it has ended")         \
    X(MetadataMalformed, "metadata-malformed", BadData, ServiceError,                           \
      "Smart card login is not set up correctly.",                                              \
      "give the FederationMetadata.xml of AD FS as it was downloaded")                          \
    X(MetadataUntrusted, "metadata-untrusted", No, ServiceError,                                \
      "Smart card login is not set up correctly.",                                              \
      "the metadata is not signed by the trusted certificate: fetch it again, or find out who " \
      "changed it")                                                                             \
    X(BundleRefused, "bundle-refused", No, ServiceError,                                        \
      "Smart card login is not set up correctly.",                                              \
      "the bundle is not signed by the given signer, or is older than the one applied last")
