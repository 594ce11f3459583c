// The installed chain on disk: reading, writing, and what a failure leaves.
#include "pki/trust/trust_inventory.h"

#include <sys/stat.h>

#include <map>

#include "pki/config/rooted_file.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/trust_maker.h"

namespace {

using namespace piv;
using namespace piv::test;

struct Tree {
    TempDir dir;
    TrustInventory empty;
    Tree() {
        (void)dir.folder("etc/piv-login");
        empty = load();
    }
    [[nodiscard]] TrustInventory load() const {
        auto loaded = load_inventory({dir.path(), kDefaultConfigFile});
        REQUIRE(loaded.ok());
        return std::move(*loaded);
    }
    [[nodiscard]] TrustInventory with(const TrustInventory& chain) const {
        TrustInventory out = empty;
        out.entries = chain.entries;
        return out;
    }
};

std::map<std::string, TrustState> states(const TrustInventory& inventory) {
    std::map<std::string, TrustState> out;
    for (const TrustEntry& e : inventory.entries) {
        out[e.file] = e.state;
    }
    return out;
}

}  // namespace

TEST_CASE("an inventory is read as it was written") {
    const Tree tree;
    const Chain chain;
    TrustInventory wanted = tree.with(chain.inventory(TrustState::Retired, TrustState::Next));
    wanted.entries[2].succeeds = chain.old_ca.sha256_hex();
    REQUIRE(save_inventory(tree.empty, wanted).ok());
    const TrustInventory got = tree.load();
    CHECK(states(got) == states(wanted));
    REQUIRE(got.entries.size() == 3);
    CHECK(got.entries[0].role == TrustRole::Anchor);
    CHECK(got.entries[2].since == kNow);
    CHECK(got.entries[2].succeeds == chain.old_ca.sha256_hex());
    struct stat st {};
    REQUIRE(stat(tree.dir.file("etc/piv-login/trust/states").c_str(), &st) == 0);
    CHECK((st.st_mode & 07777U) == 0644);

    SECTION("and what is taken out is gone") {
        TrustInventory less = got;
        less.entries.erase(less.entries.begin() + 1);
        REQUIRE(save_inventory(got, less).ok());
        CHECK(states(tree.load()) == states(less));
        CHECK(stat(tree.dir.file("etc/piv-login/trust/intermediates/o.pem").c_str(), &st) != 0);
    }
}

TEST_CASE("a failed write leaves the chain as it was") {
    const Tree tree;
    const Chain chain;
    TrustInventory before = tree.with(chain.inventory(TrustState::Active, TrustState::Next));
    before.entries.pop_back();
    REQUIRE(save_inventory(tree.empty, before).ok());
    const auto states_before = read_rooted(tree.dir.path(), "/etc/piv-login/trust/states", 4096);
    // The new certificate goes where a folder of its name is in the way.
    (void)tree.dir.folder("etc/piv-login/trust/intermediates/n.pem/x");
    const TrustInventory after = tree.with(chain.inventory(TrustState::Retired, TrustState::Next));
    const Status saved = save_inventory(before, after);
    REQUIRE_FALSE(saved.ok());
    CHECK(saved.error().code == ErrorCode::WriteFailed);
    const auto states_after = read_rooted(tree.dir.path(), "/etc/piv-login/trust/states", 4096);
    if (states_before.ok()) {
        CHECK(*states_after == *states_before);
    } else {
        CHECK(ByteView(*states_after).text().find(chain.old_ca.sha256_hex()) ==
              std::string_view::npos);
    }
}

TEST_CASE("an id names one certificate or none") {
    const Chain chain;
    const TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Next);
    const std::string sha = chain.new_ca.sha256_hex();
    CHECK(*find_entry(inventory, sha) == 2);
    CHECK(*find_entry(inventory, sha.substr(0, 6)) == 2);
    CHECK(*find_entry(inventory, "n.pem") == 2);
    CHECK(*find_entry(inventory, "n") == 2);
    for (const std::string& id : {sha.substr(0, 5), std::string(), sha + "0", std::string("x")}) {
        INFO(id);
        REQUIRE_FALSE(find_entry(inventory, id).ok());
        CHECK(find_entry(inventory, id).code() == ErrorCode::TrustIdUnknown);
    }
    TrustInventory twice = inventory;
    twice.entries.push_back(twice.entries[2]);
    CHECK(find_entry(twice, sha).code() == ErrorCode::TrustIdUnknown);
}

TEST_CASE("file names come from the common name, in plain letters") {
    const Pki pki;
    Spec spec = pki.root_spec();
    const auto stem = [&spec](const std::string& cn) {
        spec.subject = spec.issuer = cn;
        const std::string name = trust_file_name_of(make(spec));
        REQUIRE(name.size() > 21);
        return name.substr(0, name.size() - 21);  // "-", 16 digits, ".pem"
    };
    CHECK(stem("Example Root CA 3") == "Example-Root-CA-3");
    CHECK(stem("../../etc/passwd") == "etc-passwd");
    CHECK(stem("\xC3\x9C\xC3\x9F") == "ca");
    CHECK(stem(std::string(64, 'a')) == std::string(48, 'a'));
}
