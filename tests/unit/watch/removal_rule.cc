#include "pam_module/watch/removal_rule.h"

#include <catch2/catch.hpp>

using namespace piv;

namespace {

constexpr int kDebounce = 3000;

// What is due at `now`, as done at once.
OnCardRemoval take(RemovalRule& rule, std::int64_t now) {
    const OnCardRemoval due = rule.due(now);
    if (due != OnCardRemoval::Ignore) {
        rule.done();
    }
    return due;
}

}  // namespace

TEST_CASE("a card that is away for the debounce locks the session, once") {
    RemovalRule rule(OnCardRemoval::Lock, kDebounce);
    rule.see(CardView::Present, 0);
    CHECK_FALSE(rule.next_ms());
    rule.see(CardView::Removed, 1000);
    CHECK(rule.next_ms() == 4000);
    CHECK(take(rule, 3999) == OnCardRemoval::Ignore);
    CHECK(take(rule, 4000) == OnCardRemoval::Lock);
    CHECK_FALSE(rule.next_ms());
    rule.see(CardView::Removed, 5000);
    CHECK(take(rule, 100000) == OnCardRemoval::Ignore);
    rule.see(CardView::Present, 100000);
    rule.see(CardView::Removed, 100001);
    CHECK(take(rule, 103001) == OnCardRemoval::Lock);
}

TEST_CASE("a card that was never seen is a card that is away") {
    RemovalRule rule(OnCardRemoval::Lock, kDebounce);
    rule.see(CardView::Watching, 0);
    CHECK_FALSE(rule.next_ms());
    rule.see(CardView::Removed, 0);
    CHECK(take(rule, kDebounce) == OnCardRemoval::Lock);
}

TEST_CASE("back in time: nothing; each absence has its own time") {
    RemovalRule rule(OnCardRemoval::Logout, kDebounce);
    for (std::int64_t at = 0; at < 100000; at += 2 * kDebounce) {
        rule.see(CardView::Removed, at);
        CHECK(take(rule, at + kDebounce - 1) == OnCardRemoval::Ignore);
        rule.see(CardView::Present, at + kDebounce - 1);
        CHECK(take(rule, at + kDebounce) == OnCardRemoval::Ignore);
    }
}

TEST_CASE("another card in its place does not wait") {
    RemovalRule rule(OnCardRemoval::Lock, 600000);
    rule.see(CardView::Removed, 0);
    CHECK(rule.next_ms() == 600000);
    rule.see(CardView::OtherCard, 500);
    CHECK(take(rule, 500) == OnCardRemoval::Lock);
    rule.see(CardView::Removed, 600);
    CHECK_FALSE(rule.next_ms());
}

TEST_CASE("removed again does not begin the time anew") {
    RemovalRule rule(OnCardRemoval::Lock, kDebounce);
    rule.see(CardView::Removed, 0);
    rule.see(CardView::Removed, 2000);
    CHECK(rule.next_ms() == kDebounce);
}

TEST_CASE("a fault of pcscd has its grace, and then locks; it never ends a session") {
    RemovalRule rule(OnCardRemoval::Logout, kDebounce);
    rule.see(CardView::Present, 0);
    rule.see(CardView::Fault, 0);
    CHECK(take(rule, kFaultGraceMs - 1) == OnCardRemoval::Ignore);
    CHECK(take(rule, kFaultGraceMs) == OnCardRemoval::Lock);
    // pcscd is back and the card is not: now it is known to be away.
    rule.see(CardView::Removed, 20000);
    CHECK(take(rule, 20000 + kDebounce) == OnCardRemoval::Logout);
    rule.see(CardView::Fault, 40000);
    CHECK_FALSE(rule.next_ms());
}

TEST_CASE("a removal that is known stands while pcscd is away; a fault gives way to what is seen") {
    RemovalRule known(OnCardRemoval::Logout, kDebounce);
    known.see(CardView::Removed, 0);
    known.see(CardView::Fault, 1000);
    CHECK(take(known, kDebounce) == OnCardRemoval::Logout);
    RemovalRule feared(OnCardRemoval::Lock, kDebounce);
    feared.see(CardView::Fault, 0);
    feared.see(CardView::Removed, 9000);  // readers come up empty after a restart
    CHECK(feared.next_ms() == 9000 + kDebounce);
    feared.see(CardView::Present, 9500);
    CHECK_FALSE(feared.next_ms());
}

TEST_CASE("a call that failed is due again") {
    RemovalRule rule(OnCardRemoval::Lock, 0);
    rule.see(CardView::Removed, 0);
    CHECK(rule.due(0) == OnCardRemoval::Lock);
    rule.failed(0, 2000);
    CHECK(rule.due(1999) == OnCardRemoval::Ignore);
    CHECK(rule.due(2000) == OnCardRemoval::Lock);
}

TEST_CASE("what is said again counts from the first time") {
    RemovalRule rule(OnCardRemoval::Lock, kDebounce);
    for (std::int64_t at = 0; at < kDebounce; at += 500) {
        rule.see(CardView::Removed, at);
    }
    CHECK(take(rule, kDebounce) == OnCardRemoval::Lock);
    rule.see(CardView::Present, 10000);
    for (std::int64_t at = 20000; at < 20000 + kFaultGraceMs; at += 5000) {
        rule.see(CardView::Fault, at);
    }
    CHECK(take(rule, 20000 + kFaultGraceMs) == OnCardRemoval::Lock);
    rule.see(CardView::Fault, 40000);
    CHECK(take(rule, 80000) == OnCardRemoval::Ignore);
}
