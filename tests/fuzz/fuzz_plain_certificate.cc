// is_plain_certificate against libcrypto: what it calls a certificate, d2i_X509 and from_der take too,
// and to PEM come the same octets. Changes are made to the tree as well, so that lengths stay right.
#include <cstdlib>

#include "pki/x509/certificate_reader.h"
#include "pki/x509/openssl_ptr.h"
#include "pki/x509/plain_certificate.h"
#include "tests/fuzz/der_tree.h"

using namespace piv;

namespace {

void check(ByteView der) {
    if (!is_plain_certificate(der)) {
        return;
    }
    const std::uint8_t* p = der.data();
    const OpenSslPtr<X509> native(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
    if (native == nullptr || p != der.end()) {
        std::abort();
    }
    const Result<ReadCertificates> read = read_certificates(der, "input");
    if (!read || read->certificates.size() != 1 || read->form != FileForm::Der ||
        read->certificates[0].der() != der || to_pem(read->certificates[0]) != to_pem(der)) {
        std::abort();
    }
}

void change(test::DerNode& node, std::uint64_t how) {
    const auto octet = static_cast<std::uint8_t>(how >> 8U);
    const auto child = [&] {
        return node.children.begin() + octet % static_cast<std::ptrdiff_t>(node.children.size());
    };
    switch (how % 6) {
        case 0:
            node.tag = octet;
            break;
        case 1:
            if (!node.value.empty()) {
                node.value[octet % node.value.size()] ^= 0x80U;
            }
            break;
        case 2:
            node.value.push_back(octet);
            break;
        case 3:
            node.value.clear();
            node.children.clear();
            break;
        case 4:
            if (!node.children.empty()) {
                node.children.erase(child());
            }
            break;
        default:
            if (!node.children.empty()) {
                node.children.insert(node.children.end(), *child());
            }
            break;
    }
}

// What to change follows from the input (FNV-1a), so that one input always does the same.
void check_changed_trees(ByteView input) {
    constexpr int kChanges = 4;
    test::DerNode tree;
    if (!test::parse_tree(input, tree)) {
        return;
    }
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const std::uint8_t c : input) {
        hash = (hash ^ c) * 0x100000001b3U;
    }
    for (int i = 0; i < kChanges; ++i) {
        test::DerNode changed = tree;
        std::vector<test::DerNode*> nodes;
        test::collect(changed, nodes);
        hash = hash * 6364136223846793005U + 1442695040888963407U;
        change(*nodes[(hash >> 48U) % nodes.size()], hash >> 32U);
        check(changed.encode());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    check({data, size});
    check_changed_trees({data, size});
    return 0;
}
