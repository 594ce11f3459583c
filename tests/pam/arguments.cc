// Arguments of the PAM line: one table, and nothing beside it.
#include <catch2/catch.hpp>

#include "tests/pam/stack.h"

using namespace piv::test;

namespace {

int with(const std::string& arguments) {
    return Stack("auth required MODULE config=/verdict/0 " + arguments + "\n").authenticate();
}

}  // namespace

TEST_CASE("Known arguments") {
    CHECK(with("") == PAM_SUCCESS);
    CHECK(with("debug card_only try_first_pass use_first_pass no_forward_pass") == PAM_SUCCESS);
    CHECK(with("wait_for_card=0") == PAM_SUCCESS);
    CHECK(with("wait_for_card=3600") == PAM_SUCCESS);
}

TEST_CASE("Anything else refuses, in every facility") {
    for (const char* wrong :
         {"nullok", "debugg", "Debug", "debug=1", "card_only=yes", "wait_for_card",
          "wait_for_card=", "wait_for_card=-1", "wait_for_card=3601",
          "wait_for_card=99999999999999999999", "wait_for_card=5s", "config=", "config=etc/x",
          "use_first_pass2", "try-first-pass"}) {
        INFO(wrong);
        CHECK(with(wrong) == PAM_SERVICE_ERR);
        const std::string rest = std::string(" required MODULE config=/verdict/0 ") + wrong + "\n";
        Stack stack("auth" + rest + "account" + rest + "password" + rest + "session" + rest);
        CHECK(stack.setcred() == PAM_SERVICE_ERR);
        CHECK(stack.acct_mgmt() == PAM_SERVICE_ERR);
        CHECK(stack.chauthtok() == PAM_SERVICE_ERR);
        CHECK(pam_open_session(stack.handle(), 0) == PAM_SERVICE_ERR);
        CHECK(pam_close_session(stack.handle(), 0) == PAM_SERVICE_ERR);
    }
}
