#include "image_builder/nss_modules.h"

namespace piv {

namespace {

// As modutil writes it. NSS takes the folder from the program that opens the database, and fills in
// what it needs when it opens it for writing.
constexpr char kInternalModule[] =
    "library=\n"
    "name=NSS Internal PKCS #11 Module\n"
    "parameters=configdir='' certPrefix='' keyPrefix='' secmod='secmod.db' flags= updatedir='' "
    "updateCertPrefix='' updateKeyPrefix='' updateid='' updateTokenDescription='' \n"
    "NSS=Flags=internal,critical trustOrder=75 cipherOrder=100 slotParams=(1={slotFlags=[ECC,RSA,"
    "DSA,DH,RC2,RC4,DES,RANDOM,SHA1,MD5,MD2,SSL,TLS,AES,Camellia,SEED,SHA256,SHA512] askpw=any "
    "timeout=30})\n\n";

Error not_understood(const char* what) {
    return {ErrorCode::ImageInput,
            std::string("is no list of modules that is understood: ") + what};
}

std::size_t big_16(ByteView bytes, std::size_t at) {
    return static_cast<std::size_t>(bytes[at]) << 8U | bytes[at + 1];
}

std::size_t big_32(ByteView bytes, std::size_t at) {
    return big_16(bytes, at) << 16U | big_16(bytes, at + 2);
}

// Pages are in the byte order of the machine that made the file.
std::size_t page_16(ByteView page, std::size_t at, bool little) {
    return little ? static_cast<std::size_t>(page[at + 1]) << 8U | page[at] : big_16(page, at);
}

// Two octets of length, most significant first, and the text.
bool counted_text(ByteView record, std::size_t& at, std::string& text) {
    if (at + 2 > record.size()) {
        return false;
    }
    const std::size_t size = big_16(record, at);
    at += 2;
    if (size > record.size() - at) {
        return false;
    }
    text.assign(record.begin() + at, record.begin() + at + size);
    at += size;
    return true;
}

// A module's record: version, where its texts begin, where its slots do, then flags.
Result<NssModule> module_of(ByteView record) {
    constexpr std::size_t kNameStart = 2;
    constexpr std::size_t kShortest = 8;
    NssModule module;
    if (record.size() < kShortest || record[0] != 0) {
        return not_understood("a record of another version");
    }
    std::size_t at = big_16(record, kNameStart);
    if (at < kShortest || !counted_text(record, at, module.name) ||
        !counted_text(record, at, module.library)) {
        return not_understood("a record that ends too early");
    }
    return module;
}

// Pairs of key and data; all of their offsets are at the beginning of the page. What does not fit
// into a page is marked by an offset below 4, and such a list is not understood.
Status read_page(ByteView page, bool little, std::vector<NssModule>& modules) {
    constexpr std::size_t kLeastOffset = 4;
    const std::size_t offsets = page_16(page, 0, little);
    if (offsets % 2 != 0 || (offsets + 3) * 2 > page.size()) {
        return not_understood("a page with offsets that do not fit");
    }
    std::size_t end = page.size();
    for (std::size_t i = 1; i <= offsets; i += 2) {
        const std::size_t key = page_16(page, i * 2, little);
        const std::size_t data = page_16(page, i * 2 + 2, little);
        if (key <= kLeastOffset || data <= kLeastOffset || key > end || data > key) {
            return not_understood("a page with records that overlap");
        }
        Result<NssModule> module = module_of(ByteView(page.data() + data, key - data));
        if (!module) {
            return std::move(module).error();
        }
        modules.push_back(std::move(*module));
        end = data;
    }
    return {};
}

}  // namespace

std::string add_nss_module(const std::string& text, const std::string& module) {
    if (text.find("library=" + module + "\n") != std::string::npos ||
        text.find("p11-kit-proxy.so\n") != std::string::npos) {
        return text;
    }
    std::string out = text.empty() ? kInternalModule : text;
    while (out.size() >= 2 && out.compare(out.size() - 2, 2, "\n\n") != 0) {
        out += '\n';
    }
    return out + "library=" + module + "\nname=" + kNssDevice + "\n\n";
}

Result<std::vector<NssModule>> read_secmod(ByteView file) {
    // The header, most significant octet first: magic, version, byte order, size of a page, ...
    constexpr std::size_t kMagic = 0x061561;
    constexpr std::size_t kVersion = 2;
    constexpr std::size_t kLittle = 1234;
    constexpr std::size_t kBig = 4321;
    constexpr std::size_t kHeader = 0x104;
    constexpr std::size_t kMaxBucketAt = 40;
    constexpr std::size_t kKeysAt = 56;
    constexpr std::size_t kHeaderPagesAt = 60;
    if (file.size() < kHeader || big_32(file, 0) != kMagic || big_32(file, 4) != kVersion) {
        return not_understood("no hash file");
    }
    const std::size_t order = big_32(file, 8);
    const std::size_t size = big_32(file, 12);
    const std::size_t buckets = big_32(file, kMaxBucketAt) + 1;
    const std::size_t first = big_32(file, kHeaderPagesAt);
    const bool whole = size >= 512 && size <= 65536 && file.size() % size == 0;
    if ((order != kLittle && order != kBig) || !whole || first == 0 || first > 4 ||
        buckets > file.size() / size) {
        return not_understood("a header of another kind");
    }
    // As long as no bucket was split and none has flowed over, the buckets are the pages after the
    // header; the page behind them says which pages are in use.
    constexpr std::size_t kMostBuckets = 2;
    if (buckets > kMostBuckets || file.size() / size < first + buckets) {
        return not_understood("it is longer than a list of modules is");
    }
    std::vector<NssModule> modules;
    for (std::size_t i = 0; i < buckets; ++i) {
        const ByteView page(file.data() + (first + i) * size, size);
        if (Status s = read_page(page, order == kLittle, modules); !s) {
            return std::move(s).error();
        }
    }
    if (modules.size() != big_32(file, kKeysAt)) {
        return not_understood("it has records elsewhere");
    }
    return modules;
}

}  // namespace piv
