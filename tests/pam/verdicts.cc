// What the module answers for every verdict, to one attempt after the other. Stacks: matrix.cc.
#include <catch2/catch.hpp>
#include <string>

#include "pam_module/glue/outcome.h"
#include "tests/pam/causes.h"
#include "tests/pam/stack.h"

using namespace piv;
using namespace piv::test;

TEST_CASE("After a failed authentication setcred fails and no token is left behind") {
    for (const Cause& cause : causes()) {
        INFO(cause.order);
        Stack stack(whole("required", cause.order));
        CHECK(stack.authenticate() == cause.code);
        CHECK(stack.setcred() == PAM_CRED_UNAVAIL);
        CHECK(stack.acct_mgmt() == PAM_PERM_DENIED);  // libpam's answer to "ignore" alone
        const void* token = nullptr;
        CHECK(pam_get_item(stack.handle(), PAM_AUTHTOK, &token) ==
              PAM_BAD_ITEM);  // not for programs
    }
}

TEST_CASE("A grant is success for the user who was asked for, and for nobody else") {
    Stack stack(whole("required", "verdict/0"));
    CHECK(stack.setcred() == PAM_CRED_UNAVAIL);
    CHECK(stack.acct_mgmt() == PAM_PERM_DENIED);
    CHECK(stack.authenticate() == PAM_SUCCESS);
    CHECK(stack.setcred() == PAM_SUCCESS);
    CHECK(stack.acct_mgmt() == PAM_SUCCESS);
    REQUIRE(pam_set_item(stack.handle(), PAM_USER, "root") == PAM_SUCCESS);
    CHECK(stack.setcred() != PAM_SUCCESS);
    CHECK(stack.acct_mgmt() != PAM_SUCCESS);
}

TEST_CASE("Out of scope is ignored, and alone in a stack that is a denial") {
    CHECK(Stack(line("auth", "required", "verdict/10")).authenticate() == PAM_PERM_DENIED);
    CHECK(Stack(line("auth", "required", "verdict/10") + "auth required pam_deny.so\n")
              .authenticate() == PAM_AUTH_ERR);
    CHECK(Stack(line("auth", "required", "verdict/10") + "auth required pam_permit.so\n")
              .authenticate() == PAM_SUCCESS);
}

TEST_CASE("An unset user becomes the card's, and only on success") {
    Stack good(line("auth", "required", "verdict/0"), nullptr);
    CHECK(good.authenticate() == PAM_SUCCESS);
    CHECK(good.user() == "alice");
    Stack bad(line("auth", "required", "verdict/1"), nullptr);
    CHECK(bad.authenticate() == PAM_AUTH_ERR);
    CHECK(bad.user().empty());
}

TEST_CASE("A failed attempt takes back what an earlier one proved") {
    Stack stack(line("auth", "required", "pin/123456") + line("account", "required", "pin/123456"));
    CHECK(stack.authenticate() == PAM_SUCCESS);
    CHECK(stack.setcred() == PAM_SUCCESS);
    stack.conversation.answer = "wrong!";
    CHECK(stack.authenticate() == PAM_AUTH_ERR);
    CHECK(stack.setcred() == PAM_CRED_UNAVAIL);
    CHECK(stack.acct_mgmt() != PAM_SUCCESS);
}

TEST_CASE("A helper that is not there, or is no program, is a system error") {
    for (const char* module : {PIV_TEST_MODULE_MISSING, PIV_TEST_MODULE_FOLDER}) {
        Stack stack("auth required " + std::string(module) + "\n");
        CHECK(stack.authenticate() == PAM_SYSTEM_ERR);
        Stack ignoring("auth [success=ok default=ignore] " + std::string(module) +
                       "\nauth required pam_deny.so\n");
        CHECK(ignoring.authenticate() == PAM_AUTH_ERR);
    }
}

TEST_CASE("Every PAM code of the contract, and nothing for numbers that are no outcome") {
    CHECK(to_pam(AuthOutcome::Granted) == PAM_SUCCESS);
    CHECK(to_pam(AuthOutcome::OutOfScope) == PAM_IGNORE);
    for (int number = 0; number < 300; ++number) {
        const int code = to_pam(static_cast<AuthOutcome>(number));
        CHECK((code == PAM_SUCCESS) == (number == 0));
        CHECK((code == PAM_IGNORE) == (number == static_cast<int>(AuthOutcome::OutOfScope)));
    }
}
