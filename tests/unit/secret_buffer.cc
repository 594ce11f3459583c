#include "pki/base/secret_buffer.h"

#include <catch2/catch.hpp>
#include <utility>

using namespace piv;

TEST_CASE("a secret is copied in, moved on and refused when too long") {
    SecretBuffer a;
    REQUIRE(a.assign("123456", 6));
    CHECK(a.view() == ByteView(std::string_view("123456")));
    SecretBuffer b(std::move(a));
    CHECK(b.size() == 6);
    CHECK(a.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the point
    CHECK(a.data() == nullptr);
    const Bytes big(SecretBuffer::kCapacity + 1, 'x');
    CHECK_FALSE(b.assign(big.data(), big.size()));
    CHECK(b.empty());
    const Bytes full(SecretBuffer::kCapacity, 'x');
    CHECK(b.assign(full.data(), full.size()));
    b.set_size(SecretBuffer::kCapacity + 1);
    CHECK(b.empty());
}

TEST_CASE("wiping overwrites") {
    char text[] = "654321";
    secure_wipe(text, sizeof text);
    for (const char c : text) {
        CHECK(c == '\0');
    }
}
