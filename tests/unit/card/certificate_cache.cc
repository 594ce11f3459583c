#include "pam_module/card/certificate_cache.h"

#include <cstdlib>

#include "pam_module/card/tlv.h"
#include "pki/base/file.h"
#include "tests/unit/card/piv_script.h"

using namespace piv;
using namespace piv::test;

namespace {

struct Folder {
    Folder() { REQUIRE(mkdtemp(path) != nullptr); }
    ~Folder() {
        const std::string command = std::string("rm -rf ") + path;
        CHECK(std::system(command.c_str()) == 0);
    }
    char path[32] = "/tmp/piv-cache-XXXXXX";
};

Bytes large_object(std::uint8_t serial, std::size_t size = 700) {
    Bytes der;
    append_tlv(der, 0x30, Bytes(size, serial));
    Bytes inner;
    append_tlv(inner, 0x70, der);
    Bytes object;
    append_tlv(object, 0x53, inner);
    return object;
}

std::vector<Exchange> parts_of(const Bytes& object) {
    const std::string text = to_hex(object);
    std::vector<Exchange> parts;
    for (std::size_t at = 0; at < text.size(); at += 512) {
        const std::size_t left = (text.size() - at) / 2;
        std::string status = "9000";
        if (left > 256) {
            char more[8];
            std::snprintf(more, sizeof more, "61%02x",
                          left - 256 < 256 ? unsigned(left - 256) : 0U);
            status = more;
        }
        std::string command = kGet9a;
        if (at > 0) {
            char get[16];
            std::snprintf(get, sizeof get, "00c00000%02x", left < 256 ? unsigned(left) : 0U);
            command = get;
        }
        parts.push_back({command, text.substr(at, 512) + status});
    }
    return parts;
}

const std::vector<Exchange> kSelected{{kSelect, kApt}};
// The first time that a card of a known kind comes: is PIV there without SELECT?
const std::vector<Exchange> kAskedOnce{{kGet9a, "6d00"}, {kSelect, kApt}};

void log_in(const std::string& folder, const std::vector<Exchange>& read, const Bytes& expected,
            bool answer_is_good = true, const std::vector<Exchange>& start = kSelected) {
    const bool there_at_once = start.empty();  // then the PIN has a SELECT before it
    Setup s(start + read + std::vector<Exchange>{{kTries, "63c3"}} +
            (there_at_once ? kSelected : std::vector<Exchange>{}) +
            std::vector<Exchange>{{kPin, answer_is_good ? "9000" : "63c2"}} +
            (answer_is_good ? std::vector<Exchange>{{sign_command(), kSignature}}
                            : std::vector<Exchange>{}));
    s.settings.cache_dir = folder;
    auto card = s.open();
    REQUIRE(card.ok());
    auto certificates = (*card)->certificates(kSoon);
    REQUIRE(certificates.ok());
    CHECK(certificates->front().der == **certificate_from_object(expected));
    CHECK(sign(**card).ok() == answer_is_good);
}

}  // namespace

TEST_CASE("PIV cache: a known card is not read again, nor asked for its PIN policy") {
    const Folder folder;
    const Bytes object = large_object(0x11);
    const std::vector<Exchange> discovery{{kDiscovery, kAppPin}};
    const std::vector<Exchange> all = parts_of(object);
    const std::vector<Exchange> first{all.front()};
    log_in(folder.path, all + discovery, object);
    log_in(folder.path, first, object, true, kAskedOnce);
    log_in(folder.path, first, object);
    SECTION("another card of the kind is read, and kept too") {
        const Bytes other = large_object(0x22);
        const std::vector<Exchange> parts = parts_of(other);
        log_in(folder.path, std::vector<Exchange>{parts.front()} + parts + discovery, other);
        log_in(folder.path, {parts.front()}, other);
        log_in(folder.path, first, object);
    }
    SECTION("the same beginning with another length is another certificate") {
        const Bytes longer = large_object(0x11, 720);
        const std::vector<Exchange> parts = parts_of(longer);
        log_in(folder.path, std::vector<Exchange>{parts.front()} + parts + discovery, longer);
    }
    SECTION("after a wrong PIN everything is read again") {
        log_in(folder.path, first, object, false);
        log_in(folder.path, all + discovery, object);
    }
}

TEST_CASE(
    "PIV cache: cards that have PIV selected when they are reset are not sent SELECT to read") {
    const Folder folder;
    const Bytes object = large_object(0x11);
    const std::vector<Exchange> discovery{{kDiscovery, kAppPin}};
    const std::vector<Exchange> first{parts_of(object).front()};
    log_in(folder.path, parts_of(object) + discovery, object);
    log_in(folder.path, first, object, true, {});
    log_in(folder.path, first, object, true, {});
    SECTION("another card of the kind") {
        const Bytes other = large_object(0x22);
        const std::vector<Exchange> parts = parts_of(other);
        log_in(folder.path, std::vector<Exchange>{parts.front()} + parts + discovery, other, true,
               {});
    }
    SECTION("an answer that is no data object is not PIV's") {
        for (const char* answer : {"9000", "6f00 9000", "0011 610a"}) {
            INFO(answer);
            log_in(folder.path, first, object, true, {{kGet9a, answer}, {kSelect, kApt}});
        }
        log_in(folder.path, first, object, true, {});
    }
    SECTION("a refusal is remembered") {
        for (const char* answer : {"6d00", "6e00", "6985", "6a82"}) {
            INFO(answer);
            const CertificateCache cache(folder.path);
            CHECK_FALSE(cache.needs_select({}));
            log_in(folder.path, first, object, true, {{kGet9a, answer}, {kSelect, kApt}});
            CHECK(cache.needs_select({}));
            CHECK_FALSE(cache.needs_select(hex("3b00")));
            log_in(folder.path, first, object);
            const std::string forget = std::string("rm ") + folder.path + "/*.select";
            REQUIRE(std::system(forget.c_str()) == 0);
        }
    }
    SECTION("a card that is gone, is gone") {
        Setup s({{kGet9a, "", ErrorCode::CardRemoved}});
        s.settings.cache_dir = folder.path;
        CHECK(s.open().code() == ErrorCode::CardRemoved);
    }
}

TEST_CASE("PIV cache: nothing is kept of a card that did not sign") {
    const Folder folder;
    const Bytes object = large_object(0x11);
    const std::vector<Exchange> all =
        parts_of(object) + std::vector<Exchange>{{kDiscovery, kAppPin}};
    log_in(folder.path, all, object, false);
    log_in(folder.path, all, object);
}

TEST_CASE("PIV cache: damaged entries are as good as none") {
    const Folder folder;
    const CertificateCache cache(folder.path);
    const Bytes object = large_object(0x11);
    const Bytes atr = hex("3b00");
    REQUIRE(cache.keep(atr, object, PinReference::Global));
    CHECK(cache.knows_kind(atr));
    CHECK_FALSE(cache.knows_kind(hex("3b01")));
    auto entry = cache.find(atr, ByteView(object).sub(0, 256));
    REQUIRE(entry.has_value());
    CHECK(entry->object == object);
    CHECK(entry->pin_reference == PinReference::Global);
    CHECK_FALSE(cache.find(atr, ByteView(object).sub(0, 100)).has_value());
    const std::string file = std::string(folder.path) + "/" + entry->name;
    auto content = read_file(file, 4096);
    REQUIRE(content.ok());
    for (const std::size_t cut :
         {std::size_t{0}, std::size_t{5}, std::size_t{9}, content->size() - 1}) {
        REQUIRE(write_file_atomically(file, ByteView(*content).sub(0, cut), 0600).ok());
        CHECK_FALSE(cache.find(atr, ByteView(object).sub(0, 256)).has_value());
    }
    Bytes wrong_reference = *content;
    wrong_reference[8] = 0x81;
    REQUIRE(write_file_atomically(file, wrong_reference, 0600).ok());
    CHECK_FALSE(cache.find(atr, ByteView(object).sub(0, 256)).has_value());
    cache.forget("../" + entry->name);
    CHECK(cache.knows_kind(atr));
    cache.forget(entry->name);
    CHECK_FALSE(cache.knows_kind(atr));
}

TEST_CASE("PIV cache: no folder, no cache") {
    const CertificateCache none("");
    CHECK_FALSE(none.keep({}, large_object(1), PinReference::Application));
    const CertificateCache missing("/nonexistent/piv");
    CHECK_FALSE(missing.keep({}, large_object(1), PinReference::Application));
    CHECK_FALSE(missing.knows_kind({}));
}
