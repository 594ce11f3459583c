#include <catch2/catch.hpp>
#include <random>

#include "image_builder/nss_listing.h"
#include "image_builder/nss_modules.h"

using namespace piv;

namespace {

constexpr std::size_t kPage = 4096;

void put(Bytes& file, std::size_t at, std::size_t value, int octets, bool little) {
    for (int i = 0; i < octets; ++i) {
        const int shift = 8 * (little ? i : octets - 1 - i);
        file[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> shift);
    }
}

Bytes record(const std::string& name, const std::string& library) {
    constexpr std::size_t kNames = 32;
    Bytes out(kNames, 0);
    out[1] = 6;
    out[3] = kNames;
    for (const std::string& text : {name, library, std::string()}) {
        out.push_back(static_cast<std::uint8_t>(text.size() >> 8U));
        out.push_back(static_cast<std::uint8_t>(text.size()));
        out.insert(out.end(), text.begin(), text.end());
    }
    return out;
}

// As modutil leaves it: a header, two buckets, the map of pages.
Bytes secmod(const std::vector<NssModule>& modules, bool little = true) {
    Bytes file(4 * kPage, 0);
    const std::vector<std::pair<std::size_t, std::size_t>> header{
        {0, 0x061561},        {4, 2}, {8, little ? 1234 : 4321}, {12, kPage}, {40, 1},
        {56, modules.size()}, {60, 1}};
    for (const auto& [at, value] : header) {
        put(file, at, value, 4, false);
    }
    std::size_t end[2] = {kPage, kPage};
    std::size_t count[2] = {0, 0};
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const std::size_t bucket = i % 2;
        const std::size_t page = (1 + bucket) * kPage;
        const Bytes data = record(modules[i].name, modules[i].library);
        const std::size_t key = end[bucket] - modules[i].name.size();
        end[bucket] = key - data.size();
        std::copy(modules[i].name.begin(), modules[i].name.end(),
                  file.begin() + static_cast<std::ptrdiff_t>(page + key));
        std::copy(data.begin(), data.end(),
                  file.begin() + static_cast<std::ptrdiff_t>(page + end[bucket]));
        put(file, page + 2 + count[bucket] * 2, key, 2, little);
        put(file, page + 4 + count[bucket] * 2, end[bucket], 2, little);
        count[bucket] += 2;
        put(file, page, count[bucket], 2, little);
    }
    return file;
}

const std::vector<NssModule>& three_modules() {
    static const std::vector<NssModule> modules{{"NSS Internal PKCS #11 Module", ""},
                                                {"OpenSC", "/usr/lib64/opensc-pkcs11.so"},
                                                {"Other", "/opt/other.so"}};
    return modules;
}

}  // namespace

TEST_CASE("a secmod.db of either byte order is read") {
    for (const bool little : {true, false}) {
        const auto read = read_secmod(secmod(three_modules(), little));
        REQUIRE(read.ok());
        REQUIRE(read->size() == 3);
        std::set<std::string> libraries;
        for (const NssModule& module : *read) {
            libraries.insert(module.name + "=" + module.library);
        }
        CHECK(libraries == std::set<std::string>{"NSS Internal PKCS #11 Module=",
                                                 "OpenSC=/usr/lib64/opensc-pkcs11.so",
                                                 "Other=/opt/other.so"});
    }
    CHECK(read_secmod(secmod({}))->empty());
}

TEST_CASE("a secmod.db that is not all understood is refused") {
    const Bytes whole = secmod(three_modules());
    for (std::size_t size = 0; size < whole.size(); size += 97) {
        CHECK_FALSE(read_secmod(ByteView(whole.data(), size)).ok());
    }
    const auto with = [&whole](std::size_t at, std::size_t value, int octets, bool little) {
        Bytes file = whole;
        put(file, at, value, octets, little);
        return read_secmod(file).ok();
    };
    CHECK(with(0, 0x061561, 4, false));
    CHECK_FALSE(with(0, 0x061562, 4, false));              // another kind of file
    CHECK_FALSE(with(40, 2, 4, false));                    // a bucket more: it was split
    CHECK_FALSE(with(56, 4, 4, false));                    // a record more, on a page of its own
    CHECK_FALSE(with(kPage, 3, 2, true));                  // an offset without its twin
    CHECK_FALSE(with(kPage + 2, 0, 2, true));              // a key that goes on elsewhere
    CHECK_FALSE(with(kPage + 4, kPage, 2, true));          // data behind its key
    CHECK_FALSE(with(kPage, 0xfffe, 2, true));             // more offsets than fit
    CHECK_FALSE(with(2 * kPage + 4, kPage - 7, 2, true));  // a record of one octet
}

TEST_CASE("octets of every kind in a secmod.db harm nobody") {
    std::mt19937 random(1);
    for (int run = 0; run < 20000; ++run) {
        Bytes file = secmod(three_modules(), run % 2 == 0);
        for (int n = 0; n < 4; ++n) {
            const std::size_t area = (random() % 3) * kPage;
            const std::size_t at = random() % 2 == 0 ? random() % 80 : kPage - 1 - random() % 120;
            file[area + at] = static_cast<std::uint8_t>(random());
        }
        const auto read = read_secmod(file);
        if (read.ok()) {
            CHECK(read->size() <= 3);
        }
    }
}

TEST_CASE("a module is added to pkcs11.txt once") {
    const std::string first = add_nss_module("", "/m.so");
    CHECK(first.find("name=NSS Internal PKCS #11 Module\n") != std::string::npos);
    CHECK(first.find("\n\nlibrary=/m.so\nname=OpenSC\n\n") != std::string::npos);
    CHECK(add_nss_module(first, "/m.so") == first);
    CHECK(add_nss_module("library=/x.so\nname=x", "/m.so") ==
          "library=/x.so\nname=x\n\nlibrary=/m.so\nname=OpenSC\n\n");
    const std::string proxy = "library=/usr/lib64/p11-kit-proxy.so\nname=p\n\n";
    CHECK(add_nss_module(proxy, "/m.so") == proxy);
}

TEST_CASE("trust for client certificates is added to the trust that is there") {
    CHECK(with_client_trust(",,") == "T,,");
    CHECK(with_client_trust("C,C,C") == "CT,C,C");
    CHECK(with_client_trust("CT,,") == "CT,,");
    CHECK(with_client_trust("Cu,u,u") == "CT,u,u");
    const NssSubject subject{{"a", "b"}, {"T,,", "C,T,"}, {"x", "x"}};
    CHECK(count_trust(subject, 'T') == 1);
    CHECK(count_trust(subject, 'C') == 1);
    CHECK(count_trust(subject, 'p') == 0);
    CHECK(find_certificate({subject}, "b") != nullptr);
    CHECK(find_certificate({subject}, "c") == nullptr);
}
