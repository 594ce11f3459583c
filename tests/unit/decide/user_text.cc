// What the person reads, in English.
#include "pam_module/decide/user_text.h"

#include <catch2/catch.hpp>
#include <clocale>
#include <cstring>

using namespace piv;

TEST_CASE("Placeholders take what they are given, and are not looked for in it") {
    CHECK(filled("%1 and %2", "a", "b") == "a and b");
    CHECK(filled("%2, %1, %2", "a", "b") == "b, a, b");
    CHECK(filled("%1", "%2%1", "x") == "%2%1");
    CHECK(filled("100 % of %s %3 %", "a", "b") == "100 % of %s %3 %");
    CHECK(filled("", "a").empty());
}

TEST_CASE("One try, several, and none") {
    CHECK(pin_statement("Alice", 1) == "PIN for Alice (1 try left)");
    CHECK(pin_statement("Alice", 15) == "PIN for Alice (15 tries left)");
    CHECK(pin_statement("Alice", std::nullopt) == "PIN for Alice");
    CHECK(pin_statement("%2", 3) == "PIN for %2 (3 tries left)");
    CHECK(wrong_pin_text(2) == "Wrong PIN. 2 tries left.");
    CHECK(wrong_pin_text(1) == "Wrong PIN. 1 try left.");
    CHECK(wrong_pin_text(0) == "Wrong PIN. The PIN is now blocked.");
    CHECK(expiry_text(3, "2026-12-01") ==
          "Your smart card certificate ends in 3 days, on 2026-12-01 (UTC): have it renewed.");
    CHECK(expiry_text(1, "2026-12-01") ==
          "Your smart card certificate ends in 1 day, on 2026-12-01 (UTC): have it renewed.");
    CHECK(expiry_text(0, "2026-12-01") ==
          "Your smart card certificate ends today, on 2026-12-01 (UTC): have it renewed.");
}

TEST_CASE("A name that is no locale of this machine is English, and this process stays as it is") {
    const std::string before = setlocale(LC_ALL, nullptr);
    for (const std::string name :
         {"", "C", "POSIX", "xx_XX.UTF-8", "../../tmp/de", "/tmp/de_DE.UTF-8", "de_DE/LC_MESSAGES",
          "de_DE.UTF-8\n", "%n%s"}) {
        INFO(name);
        use_language(name);
        CHECK(translated("New PIN") == "New PIN");
        CHECK(wrong_pin_text(1) == "Wrong PIN. 1 try left.");
    }
    use_language(std::string(100000, 'd'));
    CHECK(translated("New PIN") == "New PIN");
    CHECK(setlocale(LC_ALL, nullptr) == before);
}
