#include "image_builder/ca_lint.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <map>

namespace piv {

namespace {

constexpr UnixTime kDay = 86400;
constexpr int kWarnDays = 90;               // AD Connector registers no CA with less
constexpr std::size_t kDirectoryMax = 100;  // and no more than so many
constexpr int kAl2ChainMax = 4;

class Linter {
  public:
    Linter(const CaInputs& inputs, const LintSettings& settings)
        : inputs_(inputs), settings_(settings) {}

    LintResult run() {
        result_.problems = inputs_.problems;
        for (const CaCertificate& input : inputs_.certificates) {
            one(input);
        }
        if (result_.certificates.empty() && result_.problems.empty()) {
            problem("no CA certificate was given", "enable-smartcard --ca-cert root.cer int.cer");
        }
        rollover_pairs();
        image_life();
        chains();
        whole();
        order();
        return std::move(result_);
    }

  private:
    void problem(std::string what, std::string hint) {
        result_.problems.push_back({std::move(what), std::move(hint), ErrorCode::ImageInput});
    }
    void warning(std::string what, std::string hint) {
        result_.warnings.push_back({std::move(what), std::move(hint), ErrorCode::ImageInput});
    }

    void one(const CaCertificate& input) {
        const Certificate& c = input.certificate;
        const std::string name = input.file + ": " + display_name(c);
        const std::size_t before = result_.problems.size();
        if (!c.is_ca()) {
            not_a_ca(input, name);
            return;
        }
        const CaFacts facts = ca_facts(c);
        if (facts.has_key_usage && !facts.key_cert_sign) {
            problem(name + ": its key usage lacks keyCertSign, so nothing it signs can be trusted",
                    "have the CA certificate issued with keyCertSign (RFC 5280 section 4.2.1.3)");
        } else if (!facts.has_key_usage) {
            warning(name + ": has no key usage extension",
                    "RFC 5280 section 4.2.1.3 wants keyCertSign in every CA certificate");
        }
        times(c, name);
        strength(c, facts, name);
        const bool anchor = c.self_signed();
        if (!anchor && c.self_issued()) {
            // RFC 5280 section 3.2: self-issued, not self-signed: one half of a key rollover.
            warning(name + ": is self-issued but signed by another key of this CA",
                    "this is fine for a key rollover; both keys' certificates must be there");
        }
        for (const std::string& url : c.ocsp_urls()) {
            if (url.compare(0, 7, "http://") != 0) {
                warning(name + ": its OCSP address " + url + " is not http",
                        "directories and clients ask OCSP by http: issue with an http address");
            }
        }
        if (result_.problems.size() == before) {
            result_.certificates.push_back({input, anchor});
        } else {
            rejected_.push_back(&input);
        }
    }

    void not_a_ca(const CaCertificate& input, const std::string& name) {
        const Certificate& c = input.certificate;
        const Result<std::vector<std::string>> upns = c.upns();
        const bool person = (upns.ok() && !upns->empty()) || !c.eku().empty();
        const bool v1_root = c.self_issued() && X509_get_version(c.native()) == 0;
        if (v1_root) {
            problem(name + ": is a version 1 certificate without basicConstraints",
                    "give a version 3 root with CA:TRUE");
        } else if (person) {
            problem(name + ": is the certificate of a person or machine, not of a CA",
                    "give the certificate of the CA that issued it: " + issuer_hint(c));
        } else {
            problem(name + ": is not a CA certificate (basicConstraints lacks CA:TRUE)",
                    "give the certificate of the CA that issued it: " + issuer_hint(c));
        }
    }

    static std::string issuer_hint(const Certificate& c) {
        std::string hint = c.issuer();
        const std::optional<Bytes> aki = c.authority_key_id();
        if (aki) {
            hint += ", key id " + to_hex(*aki);
        }
        const std::vector<std::string> urls = c.ca_issuer_urls();
        if (!urls.empty()) {
            hint += ", published at " + urls.front();
        }
        return hint;
    }

    void times(const Certificate& c, const std::string& name) {
        if (c.not_before() > settings_.now) {
            problem(name + ": is not valid before " + format_time(c.not_before()),
                    "check the clock of this machine, or stage it when it is valid");
        }
        if (c.not_after() < settings_.now) {
            problem(name + ": expired at " + format_time(c.not_after()),
                    "give the CA's current certificate");
            return;
        }
        const UnixTime left = (c.not_after() - settings_.now) / kDay;
        if (c.not_after() - settings_.now < settings_.min_ca_days * kDay) {
            problem(name + ": ends in " + std::to_string(left) + " days, at " +
                        format_time(c.not_after()),
                    "give its successor, or lower --min-ca-days (now " +
                        std::to_string(settings_.min_ca_days) + ")");
        } else if (left < kWarnDays) {
            warning(name + ": ends in " + std::to_string(left) + " days, at " +
                        format_time(c.not_after()),
                    "plan its successor; AD Connector registers no CA with less than 90 days left");
        }
    }

    void strength(const Certificate& c, const CaFacts& facts, const std::string& name) {
        if (facts.weak_digest && !c.self_signed()) {
            problem(name + ": is signed with " + facts.signature_name,
                    "have it issued again with SHA-256: such signatures can be forged");
        }
        if (c.public_key() == nullptr) {
            problem(name + ": its public key cannot be used",
                    "RSA from 2048 bits, or P-256 upwards");
        } else if (facts.rsa_bits != 0 && facts.rsa_bits < 2048) {
            problem(name + ": has an RSA key of " + std::to_string(facts.rsa_bits) + " bits",
                    "RSA from 2048 bits, or P-256, P-384, P-521");
        }
        if (facts.pss) {
            warning(name + ": is signed with RSASSA-PSS",
                    "AD Connector does not register such CAs");
        }
        if (c.subject().find("CN=") == std::string::npos) {
            warning(name + ": its subject has no common name",
                    "Amazon's guide asks for one in every CA");
        }
    }

    void rollover_pairs() {
        std::map<Bytes, std::vector<const CaCertificate*>> by_subject;
        for (const LintedCa& ca : result_.certificates) {
            by_subject[ca.input.certificate.subject_der()].push_back(&ca.input);
        }
        for (const auto& [subject, cas] : by_subject) {
            for (std::size_t i = 1; i < cas.size(); ++i) {
                const Certificate& a = cas[0]->certificate;
                const Certificate& b = cas[i]->certificate;
                if (a.spki_sha256_hex() == b.spki_sha256_hex()) {
                    continue;
                }
                const std::string text = cas[0]->file + " and " + cas[i]->file +
                                         ": two different keys of one CA, " + display_name(a) +
                                         " (a rollover pair)";
                if (settings_.rollover) {
                    warning(text + " are staged together",
                            "retire the older one when its last certificate has ended");
                } else {
                    problem(text,
                            "leave out the wrong one; if the CA is changing its key and both "
                            "are meant, say --rollover");
                }
            }
        }
    }

    // A CA that ends while the image is in use needs a successor of its name in the image.
    void image_life() {
        const UnixTime end = settings_.now + settings_.image_lives * kDay;
        for (const LintedCa& ca : result_.certificates) {
            const Certificate& c = ca.input.certificate;
            if (settings_.image_lives == 0 || c.not_after() >= end) {
                continue;
            }
            const auto succeeds = [&](const Certificate& other) {
                return other.subject_der() == c.subject_der() && other.not_after() >= end;
            };
            const bool given = std::any_of(
                result_.certificates.begin(), result_.certificates.end(),
                [&](const LintedCa& other) { return succeeds(other.input.certificate); });
            if (!given &&
                std::none_of(settings_.installed.begin(), settings_.installed.end(), succeeds)) {
                problem(ca.input.file + ": " + display_name(c) + ": ends at " +
                            format_time(c.not_after()) + ", before the " +
                            std::to_string(settings_.image_lives) + " days of this image",
                        "also give its successor, with --rollover when that has another key, or "
                        "piv-trust add it to the image");
            }
        }
    }

    // Every CA needs its issuer, up to a root; by signature, not by name.
    void chains() {
        for (const LintedCa& ca : result_.certificates) {
            if (ca.anchor) {
                depth_[ca.input.certificate.sha256_hex()] = 0;
            }
        }
        bool grew = true;
        while (grew) {
            grew = false;
            for (const LintedCa& ca : result_.certificates) {
                const std::string& id = ca.input.certificate.sha256_hex();
                if (depth_.count(id) != 0) {
                    continue;
                }
                for (const LintedCa& issuer : result_.certificates) {
                    const auto up = depth_.find(issuer.input.certificate.sha256_hex());
                    if (up != depth_.end() &&
                        signed_by(ca.input.certificate, issuer.input.certificate)) {
                        depth_[id] = up->second + 1;
                        grew = true;
                        break;
                    }
                }
            }
        }
        for (const LintedCa& ca : result_.certificates) {
            if (depth_.count(ca.input.certificate.sha256_hex()) == 0) {
                broken_chain(ca.input);
            }
        }
    }

    void broken_chain(const CaCertificate& input) {
        const Certificate& c = input.certificate;
        const std::string name = input.file + ": " + display_name(c);
        for (const LintedCa& other : result_.certificates) {
            const Certificate& o = other.input.certificate;
            if (o.subject_der() != c.issuer_der() || o.sha256_hex() == c.sha256_hex()) {
                continue;
            }
            if (signed_by(c, o)) {
                return;  // its issuer is there; what is missing is above, and named there
            }
            problem(name + ": its signature does not verify with the key of " + other.input.file +
                        " (" + display_name(o) + ")",
                    "one of the two is damaged, or of another generation of this CA");
            return;
        }
        for (const CaCertificate* refused : rejected_) {
            if (refused->certificate.subject_der() == c.issuer_der()) {
                return;  // named already
            }
        }
        problem(name + ": its issuer is missing: " + c.issuer(),
                "also give the certificate of " + issuer_hint(c));
    }

    void whole() {
        int deepest = 0;
        bool intermediate = false;
        for (const LintedCa& ca : result_.certificates) {
            const auto it = depth_.find(ca.input.certificate.sha256_hex());
            if (it != depth_.end()) {
                deepest = std::max(deepest, it->second);
            }
            intermediate = intermediate || !ca.anchor;
        }
        if (!result_.problems.empty()) {
            return;
        }
        if (!intermediate) {
            warning("only roots were given: cards issued by an intermediate CA will be refused",
                    "give every CA between the root and the cards; --verify-with LEAF proves it");
        }
        // The chain that the guide counts has the card's certificate in it.
        if (settings_.al2 && deepest + 2 > kAl2ChainMax) {
            warning("the chain has " + std::to_string(deepest + 2) +
                        " certificates with the card's; Amazon Linux 2 takes 4",
                    "piv-login itself takes 10; this concerns the directory's side");
        }
        if (result_.certificates.size() > kDirectoryMax) {
            warning(std::to_string(result_.certificates.size()) +
                        " CA certificates; a directory registers at most 100",
                    "register only those that issue cards");
        }
    }

    void order() {
        std::stable_sort(result_.certificates.begin(), result_.certificates.end(),
                         [this](const LintedCa& a, const LintedCa& b) {
                             const Certificate& x = a.input.certificate;
                             const Certificate& y = b.input.certificate;
                             const int dx = depth_of(x);
                             const int dy = depth_of(y);
                             return dx != dy ? dx < dy : x.sha256_hex() < y.sha256_hex();
                         });
    }
    int depth_of(const Certificate& c) const {
        const auto it = depth_.find(c.sha256_hex());
        return it == depth_.end() ? 1000 : it->second;
    }

    const CaInputs& inputs_;
    const LintSettings& settings_;
    LintResult result_;
    std::vector<const CaCertificate*> rejected_;
    std::map<std::string, int> depth_;  // from the root, by SHA-256
};

}  // namespace

LintResult lint_cas(const CaInputs& inputs, const LintSettings& settings) {
    return Linter(inputs, settings).run();
}

CaFacts ca_facts(const Certificate& certificate) {
    CaFacts facts;
    X509* native = certificate.native();
    const std::uint32_t usage = X509_get_key_usage(native);
    facts.has_key_usage = usage != UINT32_MAX;
    facts.key_cert_sign = facts.has_key_usage && (usage & KU_KEY_CERT_SIGN) != 0;
    const int signature = X509_get_signature_nid(native);
    facts.pss = signature == NID_rsassaPss;
    int digest = NID_undef;
    if (OBJ_find_sigid_algs(signature, &digest, nullptr) == 1) {
        facts.weak_digest = digest == NID_md5 || digest == NID_sha1 || digest == NID_md4 ||
                            digest == NID_md2 || digest == NID_md5_sha1;
    }
    const char* name = OBJ_nid2ln(signature);
    facts.signature_name = name != nullptr ? name : "an unknown algorithm";
    EVP_PKEY* key = certificate.public_key();
    if (key != nullptr && EVP_PKEY_base_id(key) == EVP_PKEY_RSA) {
        facts.rsa_bits = EVP_PKEY_bits(key);
    }
    return facts;
}

bool signed_by(const Certificate& child, const Certificate& issuer) {
    if (child.issuer_der() != issuer.subject_der() &&
        X509_NAME_cmp(X509_get_issuer_name(child.native()),
                      X509_get_subject_name(issuer.native())) != 0) {
        return false;
    }
    EVP_PKEY* key = issuer.public_key();
    return key != nullptr && X509_verify(child.native(), key) == 1;
}

}  // namespace piv
