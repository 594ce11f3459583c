// State changes of the chain, and what depends on a CA.
#include "pki/trust/trust_changes.h"

#include "tests/unit/trust_maker.h"

namespace {

using namespace piv;
using namespace piv::test;

TrustState state_of(const TrustInventory& inventory, const Certificate& c) {
    return inventory.entries[*find_entry(inventory, c.sha256_hex())].state;
}

std::vector<std::string> needs(const TrustInventory& inventory, const Certificate& c,
                               const TrustEvidence& evidence, UnixTime now = kNow) {
    return dependents_of(inventory, *find_entry(inventory, c.sha256_hex()), evidence, now,
                         keep_unless_retired);
}

}  // namespace

TEST_CASE("a card needs the CA that signed it, not the other one of its name") {
    const Chain chain;
    const TrustInventory both = chain.inventory(TrustState::Active, TrustState::Active);
    TrustEvidence evidence;
    evidence.cards = {chain.old_user};
    CHECK(needs(both, chain.old_ca, evidence).size() == 1);
    CHECK(needs(both, chain.new_ca, evidence).empty());
    evidence.cards = {chain.old_user, chain.new_user};
    CHECK(needs(both, chain.new_ca, evidence).size() == 1);
    CHECK(needs(both, chain.old_ca, evidence, kNow + 91 * kDay).empty());  // the card has ended
    CHECK(needs(both, chain.root, {}).size() == 2);                        // the intermediates
}

TEST_CASE("a retired CA does not make others needed") {
    const Chain chain;
    TrustEvidence evidence;
    evidence.cards = {chain.old_user};
    const TrustInventory inventory = chain.inventory(TrustState::Retired, TrustState::Active);
    CHECK(needs(inventory, chain.old_ca, evidence).size() == 1);
    CHECK(needs(inventory, chain.new_ca, evidence).empty());
    CHECK(retire(inventory, short_id(chain.new_ca), evidence, kNow, false).ok());
}

TEST_CASE("a CA with the same key and name stands in") {
    const Chain chain;
    TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Active);
    const Certificate renewed = chain.make_ca(chain.pki.ca_key.get(), kNow + 900 * kDay, 9);
    inventory.entries.push_back(
        {renewed, TrustRole::Intermediate, TrustState::Active, kNow, "", "renewed.pem"});
    TrustEvidence evidence;
    evidence.cards = {chain.old_user};
    evidence.ocsp.answers = {{"a.der", {}, {issuer_key_sha1(chain.old_ca)}, kNow + kDay}};
    CHECK(needs(inventory, chain.old_ca, evidence).empty());
    inventory.entries.pop_back();
    CHECK(needs(inventory, chain.old_ca, evidence).size() == 2);
    CHECK(needs(inventory, chain.old_ca, evidence, kNow + 2 * kDay).size() == 1);  // answer over
}

TEST_CASE("people who logged in, by issuer and by anchor") {
    const Chain chain;
    TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Active);
    TrustEvidence evidence;
    evidence.logins = {{"alice", "CN=CA", "CN=Root", "00", kNow + kDay}};
    CHECK(needs(inventory, chain.old_ca, evidence).empty());  // the other one of that name
    inventory.entries.pop_back();
    CHECK(needs(inventory, chain.old_ca, evidence).size() == 1);
    CHECK(needs(inventory, chain.root, evidence).size() == 2);
    CHECK(needs(inventory, chain.old_ca, evidence, kNow + 2 * kDay).empty());
}

TEST_CASE("comparable names") {
    CHECK(comparable_name("CN=a, O = b c") == "CN=a,O=b c");
    CHECK(comparable_name("CN=a,O=b c") == "CN=a,O=b c");
}

TEST_CASE("retire and remove refuse, and by force say what needs it") {
    const Chain chain;
    const TrustInventory both = chain.inventory(TrustState::Active, TrustState::Active);
    TrustEvidence evidence;
    evidence.cards = {chain.old_user};
    const std::string id = short_id(chain.old_ca);
    CHECK(retire(both, id, evidence, kNow, false).code() == ErrorCode::TrustNeeded);
    CHECK(remove_entry(both, id, evidence, kNow, false).code() == ErrorCode::TrustNeeded);
    const auto retired = retire(both, id, evidence, kNow, true);
    REQUIRE(retired.ok());
    CHECK(state_of(retired->after, chain.old_ca) == TrustState::Retired);
    CHECK(retired->done.front().find("though needed by 1 card") != std::string::npos);
    const auto removed = remove_entry(both, id, evidence, kNow, true);
    REQUIRE(removed.ok());
    CHECK(removed->after.entries.size() == 2);
    CHECK(removed->done.front().find("though needed by 1 card") != std::string::npos);
    for (const bool force : {false, true}) {
        CHECK(retire(both, short_id(chain.root), {}, kNow, force).ok() == force);
    }
}

TEST_CASE("promotion by date") {
    const Chain chain;
    TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Next);
    TrustEvidence evidence;
    evidence.cards = {chain.old_user};
    CHECK(roll_over(inventory, evidence, kNow + 5 * kDay - 1).done.empty());
    const Change change = roll_over(inventory, evidence, kNow + 5 * kDay);
    CHECK(state_of(change.after, chain.new_ca) == TrustState::Active);
    CHECK(state_of(change.after, chain.old_ca) == TrustState::Active);  // a card needs it
    evidence.cards = {chain.new_user};
    CHECK(state_of(roll_over(inventory, evidence, kNow + 5 * kDay).after, chain.old_ca) ==
          TrustState::Retired);
    SECTION("a next one that is over or not yet valid stays") {
        CHECK(state_of(roll_over(inventory, {}, kNow + 1001 * kDay).after, chain.new_ca) ==
              TrustState::Next);
        CHECK(promote(inventory, short_id(chain.new_ca), kNow - 2 * kDay).code() ==
              ErrorCode::TrustRefused);
    }
    SECTION("without a date, or with one from a wrong clock, the wait begins now") {
        for (const std::optional<UnixTime> since :
             {std::optional<UnixTime>(), std::optional<UnixTime>(kNow + 2000 * kDay)}) {
            inventory.entries[2].since = since;
            const Change first = roll_over(inventory, {}, kNow + kDay);
            CHECK(state_of(first.after, chain.new_ca) == TrustState::Next);
            CHECK(first.after.entries[2].since == kNow + kDay);
            CHECK(state_of(roll_over(first.after, {}, kNow + 6 * kDay).after, chain.new_ca) ==
                  TrustState::Active);
        }
    }
    SECTION("a second run changes nothing") {
        CHECK(roll_over(change.after, evidence, kNow + 5 * kDay + 1).done.size() == 1);
        const Change again = roll_over(roll_over(change.after, evidence, kNow + 5 * kDay + 1).after,
                                       evidence, kNow + 6 * kDay);
        CHECK(again.done.empty());
    }
}

TEST_CASE("an ended CA without a successor stays active, to be complained about") {
    const Chain chain;
    TrustInventory inventory = chain.inventory(TrustState::Active, TrustState::Active);
    inventory.entries.pop_back();
    CHECK(roll_over(inventory, {}, kNow + 200 * kDay).done.empty());
}
