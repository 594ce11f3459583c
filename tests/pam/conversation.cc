// The person's side: PINs of all lengths, conversations that fail, tokens of other modules.
#include <security/pam_modules.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/pam/stack.h"

using namespace piv::test;

TEST_CASE("A conversation that fails in any way denies with PAM_CONV_ERR's path and no crash") {
    // The lying helper denies (1) what is not the PIN; the point is that no answer reaches it.
    for (const int result : {PAM_CONV_ERR, PAM_ABORT, PAM_BUF_ERR, PAM_CONV_AGAIN}) {
        Stack stack(line("auth", "required", "pin/-1"));
        stack.conversation.result = result;
        CHECK(stack.authenticate() == PAM_SUCCESS);  // the helper was told NoSecret(Conversation)
    }
    for (const bool array : {false, true}) {
        Stack stack(line("auth", "required", "pin/-1"));
        stack.conversation.null_array = array;
        stack.conversation.null_string = !array;
        CHECK(stack.authenticate() == PAM_SUCCESS);
    }
}

TEST_CASE("PINs of every length arrive whole or not at all") {
    for (const std::size_t size : {1U, 6U, 8U, 63U, 64U, 255U, 511U, 512U}) {
        Stack stack(line("auth", "required", "pin/" + std::string(size, '7')));
        stack.conversation.answer = std::string(size, '7');
        INFO(size);
        CHECK(stack.authenticate() == PAM_SUCCESS);
    }
    for (const std::size_t size : {513U, 4096U, 65536U, 1U << 20U}) {
        Stack stack(line("auth", "required", "pin/-3"));  // TooLong
        stack.conversation.answer = std::string(size, '7');
        INFO(size);
        CHECK(stack.authenticate() == PAM_SUCCESS);
    }
    Stack empty(line("auth", "required", "pin/"));
    empty.conversation.answer = "";
    CHECK(empty.authenticate() == PAM_SUCCESS);
}

TEST_CASE("The PIN is handed on after success only, and not with no_forward_pass") {
    const std::string behind = line("auth", "required", "first-pass/123456", "use_first_pass");
    Stack good(line("auth", "required", "pin/123456") + behind);
    CHECK(good.authenticate() == PAM_SUCCESS);
    CHECK(good.conversation.shown.size() == 1);
    Stack off(line("auth", "required", "pin/123456", "no_forward_pass") + behind);
    CHECK(off.authenticate() == PAM_AUTH_ERR);
    Stack failed(line("auth", "optional", "pin/other") + behind);
    CHECK(failed.authenticate() != PAM_SUCCESS);
}

TEST_CASE("A token of another module is given only where the line asks for it") {
    const std::string first = line("auth", "required", "pin/123456");
    Stack without(first + line("auth", "required", "first-pass/123456"));
    CHECK(without.authenticate() == PAM_AUTH_ERR);
    Stack with(first + line("auth", "required", "first-pass/123456", "try_first_pass"));
    CHECK(with.authenticate() == PAM_SUCCESS);
    Stack none(line("auth", "required", "first-pass/-2", "use_first_pass"));
    CHECK(none.authenticate() == PAM_SUCCESS);
    CHECK(none.conversation.shown.empty());
}

TEST_CASE("PAM_SILENT keeps texts from the program, not questions") {
    Stack stack(line("auth", "required", "texts"));
    CHECK(stack.authenticate(PAM_SILENT) == PAM_SYSTEM_ERR);
    CHECK(stack.conversation.shown.empty());
    Stack loud(line("auth", "required", "texts"));
    CHECK(loud.authenticate() == PAM_SYSTEM_ERR);
    CHECK(loud.conversation.shown.size() == 16);
    Stack asks(line("auth", "required", "pin/123456"));
    CHECK(asks.authenticate(PAM_SILENT) == PAM_SUCCESS);
    CHECK(asks.conversation.shown.size() == 1);
}
