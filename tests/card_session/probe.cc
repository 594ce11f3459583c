// card-session-probe: what open_cards() makes of the cards that are there, one line for each thing
// found, and a signature that is verified with the certificate's key. For tests and benchmarks; the
// product has piv-check.
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "pam_module/card/card_session.h"
#include "pki/base/text.h"
#include "pki/cli/command_line.h"

namespace {

using namespace piv;

struct Options {
    CardSettings settings;
    std::string backend = "auto";
    std::string pin;
    std::string new_pin;
    std::string puk;
    bool pad = false;
    bool card_id = false;
    bool pause = false;
    int attempts = 1;
    int deadline_ms = 15000;
};

void say_error(const char* what, const Error& error) {
    std::printf("%s: %.*s %s\n", what, static_cast<int>(info(error.code).name.size()),
                info(error.code).name.data(), escape_for_display(error.detail).c_str());
}

template <typename T, void (*kFree)(T*)>
struct Freer {
    void operator()(T* p) const noexcept { kFree(p); }
};
using X509Ptr = std::unique_ptr<X509, Freer<X509, X509_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;

struct Question {
    X509Ptr certificate;
    CardKey key = CardKey::Rsa2048;
    const EVP_MD* digest = nullptr;
    Bytes hash;
    Bytes input;
};

bool find_key(Question& q) {
    EVP_PKEY* key = X509_get0_pubkey(q.certificate.get());
    const int bits = key != nullptr ? EVP_PKEY_bits(key) : 0;
    q.digest = EVP_sha256();
    if (key != nullptr && EVP_PKEY_base_id(key) == EVP_PKEY_RSA) {
        q.key = bits <= 2048   ? CardKey::Rsa2048
                : bits <= 3072 ? CardKey::Rsa3072
                               : CardKey::Rsa4096;
        return bits == 2048 || bits == 3072 || bits == 4096;
    }
    switch (bits) {
        case 256:
            q.key = CardKey::EcP256;
            return true;
        case 384:
            q.key = CardKey::EcP384;
            q.digest = EVP_sha384();
            return true;
        case 521:
            q.key = CardKey::EcP521;
            q.digest = EVP_sha512();
            return true;
        default:
            return false;
    }
}

// A fresh challenge, hashed, and for RSA put into a PKCS#1 v1.5 block of the modulus' length.
bool ask(const CardCertificate& certificate, Question& q) {
    const unsigned char* der = certificate.der.data();
    q.certificate.reset(d2i_X509(nullptr, &der, static_cast<long>(certificate.der.size())));
    Bytes challenge(32);
    if (!q.certificate || !find_key(q) || RAND_bytes(challenge.data(), 32) != 1) {
        return false;
    }
    q.hash.resize(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_Digest(challenge.data(), challenge.size(), q.hash.data(), &size, q.digest, nullptr);
    q.hash.resize(size);
    q.input = q.hash;
    EVP_PKEY* key = X509_get0_pubkey(q.certificate.get());
    if (EVP_PKEY_base_id(key) == EVP_PKEY_RSA) {
        const Bytes prefix{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                           0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
        const auto modulus = static_cast<std::size_t>(EVP_PKEY_size(key));
        const std::size_t at = modulus - prefix.size() - q.hash.size();
        Bytes block{0x00, 0x01};
        block.resize(at - 1, 0xFF);
        block.push_back(0x00);
        block.insert(block.end(), prefix.begin(), prefix.end());
        block.insert(block.end(), q.hash.begin(), q.hash.end());
        q.input = block;
    }
    return true;
}

bool verifies(const Question& q, const Bytes& signature) {
    EVP_PKEY* key = X509_get0_pubkey(q.certificate.get());
    const ContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
    return context && EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context.get(), q.digest) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), q.hash.data(),
                           q.hash.size()) == 1;
}

void say_tries(CardSession& session, Deadline deadline) {
    auto tries = session.pin_tries_left(deadline);
    if (!tries) {
        say_error("tries", tries.error());
    } else if (tries->has_value()) {
        std::printf("tries: %d\n", **tries);
    } else {
        std::printf("tries: not told\n");
    }
}

bool sign(CardSession& session, const CardCertificate& certificate, const Options& options) {
    Question question;
    if (!ask(certificate, question)) {
        std::printf("signature: no question for this key\n");
        return false;
    }
    SecretBuffer pin;
    if (!options.pad && !pin.assign(options.pin.data(), options.pin.size())) {
        return false;
    }
    const Deadline deadline = Deadline::after_ms(options.deadline_ms);
    auto signature =
        session.verify_pin_and_sign(pin, certificate, question.key, question.input, deadline);
    if (!signature) {
        say_error("signature", signature.error());
        return false;
    }
    const bool good = verifies(question, *signature);
    std::printf("signature: %s\n", good ? "good" : "does not verify");
    if (!good) {
        session.distrust_cache();
    }
    return good;
}

bool change(CardSession& session, const Options& options) {
    SecretBuffer old_value;
    SecretBuffer new_value;
    const std::string& old_text = options.puk.empty() ? options.pin : options.puk;
    if (!old_value.assign(old_text.data(), old_text.size()) ||
        !new_value.assign(options.new_pin.data(), options.new_pin.size())) {
        return false;
    }
    const Deadline deadline = Deadline::after_ms(options.deadline_ms);
    const Status done = options.puk.empty() ? session.change_pin(old_value, new_value, deadline)
                                            : session.unblock_pin(old_value, new_value, deadline);
    if (!done) {
        say_error("change", done.error());
        return false;
    }
    std::printf("change: done\n");
    return true;
}

bool use(CardSession& session, const Options& options) {
    const Deadline deadline = Deadline::after_ms(options.deadline_ms);
    const CardInfo& card = session.card();
    std::printf("card: %s, %s%s\n", card.backend == CardBackend::Piv ? "piv" : "pkcs11",
                escape_for_display(card.reader).c_str(), card.pin_pad ? ", PIN pad" : "");
    if (options.card_id) {
        auto id = session.read_card_id(deadline);
        if (id) {
            std::printf("id: %s\n", escape_for_display(*id).c_str());
        } else {
            say_error("id", id.error());
        }
    }
    auto certificates = session.certificates(deadline);
    if (!certificates) {
        say_error("certificates", certificates.error());
        return false;
    }
    for (const CardCertificate& c : *certificates) {
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        EVP_Digest(c.der.data(), c.der.size(), hash, &size, EVP_sha256(), nullptr);
        std::printf("certificate: %s %s\n", c.slot.c_str(), to_hex(ByteView(hash, size)).c_str());
    }
    say_tries(session, deadline);
    if (options.pause) {
        std::printf("pause\n");
        std::fflush(stdout);
        std::string line;
        std::getline(std::cin, line);
    }
    if (!options.new_pin.empty()) {
        return change(session, options);
    }
    bool good = true;
    for (int i = 0; i < options.attempts && (options.pad || !options.pin.empty()); ++i) {
        good = sign(session, certificates->front(), options);
        if (!good) {
            say_tries(session, deadline);
        }
    }
    const CardTraffic traffic = session.traffic();
    std::printf("traffic: %u apdus, %zu sent, %zu received\n", traffic.apdus, traffic.bytes_sent,
                traffic.bytes_received);
    return good;
}

}  // namespace

int main(int argc, char** argv) {
    CommandLine app("Opens the cards that are there and uses them", "card-session-probe");
    Options o;
    CardSettings& s = o.settings;
    app.add_option("--backend", o.backend, "")->one_of({"auto", "piv", "pkcs11"});
    app.add_option("--module", s.module, "");
    app.add_option("--reader", s.reader, "");
    app.add_option("--slots", s.slots, "")->delimiter(',');
    app.add_option("--floor", s.tries_floor, "");
    app.add_option("--wait", s.wait_seconds, "");
    app.add_option("--cache", s.cache_dir, "");
    app.add_option("--pin", o.pin, "");
    app.add_option("--new-pin", o.new_pin, "change the PIN (with --puk: unblock it)");
    app.add_option("--puk", o.puk, "");
    app.add_option("--attempts", o.attempts, "signatures in one session");
    app.add_option("--deadline-ms", o.deadline_ms, "");
    app.add_flag("--pad", o.pad, "PIN on the reader");
    app.add_flag("--card-id", o.card_id, "");
    app.add_flag("--pause", o.pause, "waits for a line on stdin where the person would type");
    if (const std::optional<int> end = app.parse(argc, argv)) {
        return *end;
    }
    s.backend = o.backend == "piv"      ? CardBackend::Piv
                : o.backend == "pkcs11" ? CardBackend::Pkcs11
                                        : CardBackend::Auto;
    const std::int64_t began = monotonic_ms();
    auto sessions = open_cards(s, Deadline::after_ms(o.deadline_ms));
    if (!sessions) {
        say_error("open", sessions.error());
        std::printf("elapsed: %lld ms\n", static_cast<long long>(monotonic_ms() - began));
        return 2;
    }
    bool good = true;
    for (auto& session : *sessions) {
        good = use(*session, o) && good;
    }
    sessions->clear();
    std::printf("elapsed: %lld ms\n", static_cast<long long>(monotonic_ms() - began));
    return good ? 0 : 1;
}
