#include "pam_module/account/account_index.h"

#include "tests/unit/nss_tree.h"

using namespace piv;
using piv::test::NssTree;
using piv::test::TempDir;

namespace {

Result<CompiledIndex> compile(const std::string& text, const LocalNames& local = {}) {
    const auto map = parse_account_map(text, "m");
    REQUIRE(map.ok());
    return compile_account_index(*map, local, {}, "m");
}

const char kAccount[] = "account zoe 2000 2000 Z /home/zoe /bin/sh\n";

}  // namespace

TEST_CASE("equal maps give equal bytes") {
    CHECK(ByteView(NssTree().content) == ByteView(NssTree().content));
}

TEST_CASE("names and ids that the machine has already are refused") {
    const auto collision = [](const LocalNames& local) {
        const auto r = compile(kAccount, local);
        CHECK(r.code() == ErrorCode::AccountCollision);
        return r.ok() ? "" : r.error().detail;
    };
    CHECK(collision({{{"zoe", 5000}}, {}}) == "m:1: the name 'zoe' is in /etc/passwd already");
    CHECK(collision({{{"yan", 2000}}, {}}) == "m:1: the id 2000 is in /etc/passwd already");
    CHECK(collision({{}, {{"zoe", 5000}}}) == "m:1: the name 'zoe' is in /etc/group already");
    CHECK(collision({{}, {{"staff", 2000}}}) == "m:1: the id 2000 is in /etc/group already");
    CHECK(compile(kAccount, {{{"yan", 2001}}, {{"staff", 2001}}}).ok());
}

TEST_CASE("what is probably a mistake is said") {
    const auto r =
        compile("account zoe 2000 3000 Z /home/zoe /bin/sh\nupn a@b -> yan\nupn c@d -> zoe\n");
    REQUIRE(r.ok());
    CHECK(r->warnings ==
          std::vector<std::string>{"m:1: no group has the id 3000",
                                   "m:2: 'yan' is neither in this map nor in /etc/passwd"});
    CHECK(r->accounts == 1);
    CHECK(r->aliases == 1);
}

TEST_CASE("local names are read from the tree") {
    const TempDir dir;
    (void)dir.folder("etc");
    (void)dir.write("etc/passwd", "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\njunk\n");
    const auto names = read_local_names(dir.path());
    REQUIRE(names.ok());
    REQUIRE(names->users.size() == 2);
    CHECK(names->users[1].id == 1000);
    CHECK(names->groups.empty());
}
