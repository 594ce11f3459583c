// piv-trust bundle create and apply.
#include <openssl/pem.h>

#include "pki/base/file.h"
#include "pki/config/rooted_file.h"
#include "pki/trust/piv_trust_output.h"
#include "pki/trust/trust_bundle.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

namespace {

constexpr std::size_t kMaxKey = 1U << 20U;

Result<Certificate> one_certificate(const std::string& file) {
    auto read = read_certificate_file(file);
    if (!read) {
        return std::move(read).error();
    }
    if (read->certificates.size() != 1) {
        return Error(ErrorCode::NoCertificateInFile,
                     file + ": give the signer's certificate alone");
    }
    return read->certificates.front();
}

// The certificate that stands beside a key in PEM, where no other is given.
Result<Certificate> certificate_beside(ByteView key, const std::string& file) {
    const OpenSslPtr<BIO> text(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
    const OpenSslPtr<X509> x(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    unsigned char* der = nullptr;
    const int size = x ? i2d_X509(x.get(), &der) : -1;
    if (size <= 0) {
        return Error(ErrorCode::BadUsage,
                     file + ": holds no certificate; name the signer's by --signer");
    }
    auto out = Certificate::from_der({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return out;
}

Result<std::optional<TrustBundle>> applied_last(const TrustTree& tree) {
    const auto content = read_rooted(tree.root, kLastBundle, kMaxBundle, Ownership::RootOnly);
    if (!content && content.code() == ErrorCode::FileNotFound) {
        return std::optional<TrustBundle>();
    }
    auto bundle = content ? read_applied(*content) : Result<TrustBundle>(content.error());
    if (!bundle) {
        return Error(bundle.code(), tree.root + kLastBundle + ": " + bundle.error().detail);
    }
    return std::optional<TrustBundle>(std::move(*bundle));
}

// First what was applied, then the chain: after a stop in between the same bundle goes on where it
// was, and an older one is refused.
int apply_and_keep(const TrustOptions& o, const TrustInventory& before, const Change& change,
                   const Bytes& content) {
    if (o.dry_run) {
        return finish(o, before, change);
    }
    const auto last = read_rooted(o.tree.root, kLastBundle, kMaxBundle);
    if (!last || *last != content) {
        if (Status s = write_rooted(o.tree.root, kLastBundle, content, 0644); !s) {
            return fail(kTrustTool, s.error(), o.json);
        }
    }
    const int status = finish(o, before, change);
    if (status != 0) {
        const auto [folder, name] = split_path(kLastBundle);
        const auto opened = RootedFolder::open(o.tree.root, folder);
        const Status undone = last     ? write_rooted(o.tree.root, kLastBundle, *last, 0644)
                              : opened ? opened->remove(name)
                                       : Status(opened.error());
        if (!undone) {
            report_problem(kTrustTool, undone.error());
        }
    }
    return status;
}

}  // namespace

int run_bundle_create(const TrustOptions& o) {
    const auto inventory = load_inventory(o.tree);
    const auto key = read_file(o.key, kMaxKey);
    for (const Error* e :
         {inventory ? nullptr : &inventory.error(), key ? nullptr : &key.error()}) {
        if (e != nullptr) {
            return fail(kTrustTool, *e, o.json);
        }
    }
    const auto signer =
        o.signer.empty() ? certificate_beside(*key, o.key) : one_certificate(o.signer);
    if (!signer) {
        return fail(kTrustTool, signer.error(), o.json);
    }
    const long long sequence = o.sequence != 0 ? o.sequence : o.now;
    const auto bundle = create_bundle(*inventory, sequence, o.now, *signer, *key);
    if (!bundle) {
        return fail(kTrustTool, bundle.error(), o.json);
    }
    if (!o.dry_run) {
        if (Status s = write_file_atomically(o.output, *bundle, 0644); !s) {
            return fail(kTrustTool, s.error(), o.json);
        }
    }
    if (o.json) {
        print_json({{"file", o.output},
                    {"sequence", sequence},
                    {"certificates", inventory->entries.size()},
                    {"dry_run", o.dry_run}});
    } else {
        std::printf("%s%s: sequence %lld, %zu certificates\n", o.dry_run ? "would be: " : "",
                    o.output.c_str(), sequence, inventory->entries.size());
    }
    return 0;
}

int run_bundle_apply(const TrustOptions& o) {
    const auto before = load_inventory(o.tree);
    const auto signer = one_certificate(o.signer);
    const auto content = read_file(o.source, kMaxBundle);
    const auto applied = applied_last(o.tree);
    for (const Error* e :
         {before ? nullptr : &before.error(), signer ? nullptr : &signer.error(),
          content ? nullptr : &content.error(), applied ? nullptr : &applied.error()}) {
        if (e != nullptr) {
            return fail(kTrustTool, *e, o.json);
        }
    }
    const auto bundle = open_bundle(*content, *signer, o.now);
    const auto change =
        bundle ? apply_bundle(*before, *bundle, *applied, o.now) : Result<Change>(bundle.error());
    if (!change) {
        return fail(kTrustTool, {change.code(), o.source + ": " + change.error().detail}, o.json);
    }
    return apply_and_keep(o, *before, *change, *content);
}

}  // namespace piv
