#include "pki/base/text.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace piv;

TEST_CASE("what is shown is one printable line") {
    CHECK(escape_for_display("plain text") == "plain text");
    CHECK(escape_for_display("M\xc3\xbcller") == "M\xc3\xbcller");
    CHECK(escape_for_display(std::string_view("a\nb\0c", 5)) == "a\\x0ab\\x00c");
    CHECK(escape_for_display("\x1b[31m") == "\\x1b[31m");
    CHECK(escape_for_display("\x9b") == "\\x9b");
    CHECK(escape_for_display("\xc2\x9b") == "\\x9b");                // C1 as UTF-8
    CHECK(escape_for_display("\xc0\x80") == "\\xc0\\x80");           // overlong
    CHECK(escape_for_display("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // surrogate
    CHECK(escape_for_display("a\xe2\x80\xae"
                             "b") == "a\\u{202e}b");  // right-to-left override
    CHECK(escape_for_display("a\\b") == "a\\\\b");
    CHECK(escape_for_display("\xe2\x82") == "\\xe2\\x82");  // cut off
    CHECK(escape_for_display("aaaaaaaa", 4) == "aaaa...");
}

TEST_CASE("did you mean finds slips and nothing else") {
    const std::vector<std::string> words{"ocsp", "ocsp_url", "nonce"};
    CHECK(did_you_mean("oscp", words) == "ocsp");
    CHECK(did_you_mean("ocsp_ulr", words) == "ocsp_url");
    CHECK(did_you_mean("banana", words).empty());
}
