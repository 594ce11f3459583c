// What CA certificates must be before they are staged: everything that would fail at the greeter,
// found while there is still somebody to ask.
#pragma once

#include "image_builder/ca_input.h"
#include "image_builder/profile.h"

namespace piv {

struct LintSettings {
    UnixTime now = 0;
    int min_ca_days = 30;
    int image_lives = 0;                 // days that the image is to be used for; 0: not said
    std::vector<Certificate> installed;  // already in the tree, as piv-trust adds successors
    bool rollover = false;               // two keys under one subject are meant
    bool al2 = false;                    // its guide's limit of four certificates in a chain
};

struct LintedCa {
    CaCertificate input;
    bool anchor = false;
};

struct LintResult {
    std::vector<LintedCa> certificates;  // anchors first, then by distance from them, then SHA-256
    std::vector<Problem> problems;
    std::vector<Problem> warnings;
};

LintResult lint_cas(const CaInputs& inputs, const LintSettings& settings);

/// Facts about one certificate that RFC 5280 hangs a CA's authority on.
struct CaFacts {
    bool has_key_usage = false;
    bool key_cert_sign = false;
    bool weak_digest = false;  // MD5 or SHA-1 signature
    bool pss = false;
    int rsa_bits = 0;  // 0: not RSA
    std::string signature_name;
};
CaFacts ca_facts(const Certificate& certificate);
bool signed_by(const Certificate& child, const Certificate& issuer);

}  // namespace piv
