#include "pam_module/nss/local_files.h"

#include <string>

#include "tests/unit/temp_dir.h"

using namespace piv::nss;
using piv::test::TempDir;

namespace {

std::string find(const std::string& content, const std::string& name,
                 std::size_t size = 1U << 20U) {
    const TempDir dir;
    const std::string path = dir.write("f", content);
    std::string buffer(size, '\xee');
    std::size_t used = 0;
    switch (find_line(path.c_str(), name.data(), name.size(), buffer.data(), buffer.size(), used)) {
        case Line::Found:
            return buffer.substr(0, used - 1);
        case Line::Absent:
            return "absent";
        case Line::TooSmall:
            return "small";
        case Line::Failed:
            return "failed";
    }
    return "?";
}

}  // namespace

TEST_CASE("the line of a name is found wherever it stands") {
    CHECK(find("a:1\nb:2\nc:3\n", "a") == "a:1");
    CHECK(find("a:1\nb:2\nc:3\n", "c") == "c:3");
    CHECK(find("a:1\nb:2\nc:3", "c") == "c:3");
    CHECK(find("aa:1\na:2\n", "a") == "a:2");
    CHECK(find("a\n\n:\na:2\n", "a") == "a:2");
    CHECK(find("x:a:1\n", "a") == "absent");
    CHECK(find("", "a") == "absent");
    CHECK(find("ab", "ab") == "absent");
    CHECK(find("ab:", "ab") == "ab:");
    for (std::size_t before = 4080; before < 4110; ++before) {  // across the edge of a chunk
        CHECK(find(std::string(before, 'x') + "\nalice:1:2\nbob:3\n", "alice") == "alice:1:2");
    }
    const std::string longer(1U << 20U, 'y');
    CHECK(find(longer + "\nalice:1\n", "alice") == "alice:1");
    CHECK(find("alice:" + longer + "\n", "alice", 100) == "small");
    CHECK(find("alice:12\n", "alice", 8) == "small");
    CHECK(find("alice:12\n", "alice", 9) == "alice:12");
}

TEST_CASE("fields and numbers are taken whole or not at all") {
    char* f[3];
    char three[] = "a::c";
    REQUIRE(split_fields(three, f, 3));
    CHECK(std::string(f[1]).empty());
    CHECK(std::string(f[2]) == "c");
    char two[] = "a:b";
    CHECK_FALSE(split_fields(two, f, 3));
    char four[] = "a:b:c:d";
    CHECK_FALSE(split_fields(four, f, 3));
    unsigned long n = 0;
    CHECK((parse_number("4294967294", 0xFFFFFFFE, n) && n == 0xFFFFFFFE));
    for (const char* bad :
         {"", "-1", "+1", " 1", "1 ", "0x1", "4294967295", "99999999999999999999999"}) {
        CHECK_FALSE(parse_number(bad, 0xFFFFFFFE, n));
    }
}
