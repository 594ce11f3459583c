#include "pki/base/bytes.h"

#include <catch2/catch.hpp>

using namespace piv;

TEST_CASE("hexadecimal goes both ways and refuses what is not") {
    Bytes out{1, 2};
    CHECK(from_hex("00fFa0", out));
    CHECK(out == Bytes{0x00, 0xff, 0xa0});
    CHECK(to_hex(out) == "00ffa0");
    CHECK_FALSE(from_hex("0", out));
    CHECK_FALSE(from_hex("0g", out));
    CHECK_FALSE(from_hex("00:1", out));
    CHECK(out == Bytes{0x00, 0xff, 0xa0});
}

TEST_CASE("a view never reaches past its end") {
    const Bytes bytes{1, 2, 3};
    const ByteView view(bytes);
    CHECK(view.sub(1) == ByteView(Bytes{2, 3}));
    CHECK(view.sub(1, 1).size() == 1);
    CHECK(view.sub(3).empty());
    CHECK(view.sub(SIZE_MAX).empty());
    CHECK(view.sub(2, SIZE_MAX).size() == 1);
}
