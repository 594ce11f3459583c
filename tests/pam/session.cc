// The session line: what the login knew of the card comes to the helper again, or nothing happens.
#include <catch2/catch.hpp>
#include <string>

#include "tests/pam/stack.h"

using namespace piv::test;

namespace {

int opened(const std::string& order, bool with_id = true) {
    Stack stack(line("auth", "required", order) + line("session", "required", order) +
                "session required pam_permit.so\n");
    if (with_id) {
        REQUIRE(pam_putenv(stack.handle(), "XDG_SESSION_ID=c7") == PAM_SUCCESS);
    }
    REQUIRE(stack.authenticate() == PAM_SUCCESS);
    return pam_open_session(stack.handle(), 0);
}

}  // namespace

TEST_CASE("a session whose card is to be watched is opened by the helper's verdict alone") {
    CHECK(opened("watch/0") == PAM_SUCCESS);
    CHECK(opened("watch/10") == PAM_SUCCESS);  // out of scope: ignored, and pam_permit permits
    for (int outcome = 1; outcome < 10; ++outcome) {
        CHECK(opened("watch/" + std::to_string(outcome)) == PAM_SESSION_ERR);
    }
    CHECK(opened("watch/11") == PAM_SESSION_ERR);
    // The id is PAM's: without it the helper is asked with none.
    CHECK(setenv("XDG_SESSION_ID", "c7", 1) == 0);
    CHECK(opened("watch/0", false) == PAM_SESSION_ERR);
    CHECK(unsetenv("XDG_SESSION_ID") == 0);
}

TEST_CASE("other sessions are none of ours") {
    CHECK(opened("verdict/0") == PAM_SUCCESS);
    Stack never(line("session", "required", "watch/1") + "session required pam_permit.so\n");
    CHECK(pam_open_session(never.handle(), 0) == PAM_SUCCESS);
    // Another user than the one who was authenticated.
    Stack other(line("auth", "required", "watch/1") + line("session", "required", "watch/1") +
                "session required pam_permit.so\n");
    REQUIRE(other.authenticate() == PAM_SUCCESS);
    REQUIRE(pam_set_item(other.handle(), PAM_USER, "root") == PAM_SUCCESS);
    CHECK(pam_open_session(other.handle(), 0) == PAM_SUCCESS);
    CHECK(pam_close_session(other.handle(), 0) == PAM_SUCCESS);
}

TEST_CASE("half a card in a verdict is a broken helper") {
    for (const char* order : {"half-a-card", "long-reader", "no-digits"}) {
        Stack stack(line("auth", "required", order));
        CHECK(stack.authenticate() == PAM_SYSTEM_ERR);
    }
}
