// What the module answers for every verdict and every way a helper can fail, in every stack shape.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "pam_module/glue/outcome.h"
#include "tests/pam/stack.h"

using namespace piv;
using namespace piv::test;

namespace {

struct Cause {
    std::string order;
    int code;
};

// Every cause but success.
std::vector<Cause> causes() {
    std::vector<Cause> all = {
        {"verdict/1", PAM_AUTH_ERR},          {"verdict/2", PAM_MAXTRIES},
        {"verdict/3", PAM_AUTHINFO_UNAVAIL},  {"verdict/4", PAM_CRED_INSUFFICIENT},
        {"verdict/5", PAM_USER_UNKNOWN},      {"verdict/6", PAM_CONV_ERR},
        {"verdict/7", PAM_SERVICE_ERR},       {"verdict/8", PAM_SYSTEM_ERR},
        {"verdict/9", PAM_BUF_ERR},           {"verdict/11", PAM_SYSTEM_ERR},
        {"verdict/255", PAM_SYSTEM_ERR},      {"verdict/4294967295", PAM_SYSTEM_ERR},
        {"grant-for/bob", PAM_SYSTEM_ERR},    {"grant-for/alic", PAM_SYSTEM_ERR},
        {"grant-for/alicex", PAM_SYSTEM_ERR}, {"grant-for/nobody", PAM_SYSTEM_ERR},
        {"grant-nul", PAM_SYSTEM_ERR},        {"exit/0", PAM_SYSTEM_ERR},
        {"exit/1", PAM_SYSTEM_ERR},           {"exit/255", PAM_SYSTEM_ERR},
        {"ready-exit/0", PAM_SYSTEM_ERR},     {"ready-exit/7", PAM_SYSTEM_ERR},
        {"ask-exit/0", PAM_SYSTEM_ERR},       {"signal/9", PAM_SYSTEM_ERR},
        {"signal/11", PAM_SYSTEM_ERR},        {"signal/6", PAM_SYSTEM_ERR},
        {"early-signal/11", PAM_SYSTEM_ERR},
    };
    for (const char* order :
         {"junk", "version", "huge", "early-verdict", "unknown-message", "clients-message",
          "short-verdict", "long-verdict", "empty-verdict", "half-header", "ready-twice",
          "ready-endless", "bad-question", "unknown-question", "texts", "questions", "empty-text",
          "no-such-order"}) {
        all.push_back({order, PAM_SYSTEM_ERR});
    }
    return all;
}

// A stack around the module, for one facility. What libpam makes of it: `passes_code` when the
// module's own code comes out.
struct Shape {
    const char* name;
    std::string (*lines)(const std::string& type, const std::string& order);
    bool passes_code;
};

const Shape shapes[] = {
    {"required", [](const std::string& t, const std::string& o) { return line(t, "required", o); },
     true},
    {"requisite",
     [](const std::string& t, const std::string& o) { return line(t, "requisite", o); }, true},
    {"sufficient, then deny",
     [](const std::string& t, const std::string& o) {
         return line(t, "sufficient", o) + t + " required pam_deny.so\n";
     },
     false},
    {"success=ok default=bad",
     [](const std::string& t, const std::string& o) {
         return line(t, "[success=ok default=bad]", o);
     },
     true},
    {"success=done default=ignore, then deny",
     [](const std::string& t, const std::string& o) {
         return line(t, "[success=done default=ignore]", o) + t + " required pam_deny.so\n";
     },
     false},
    {"optional alone",
     [](const std::string& t, const std::string& o) { return line(t, "optional", o); }, false},
    {"required, then optional permit",
     [](const std::string& t, const std::string& o) {
         return line(t, "required", o) + t + " optional pam_permit.so\n";
     },
     true},
    {"in a substack",
     [](const std::string& t, const std::string& o) {
         return t + " substack SUBFILE\n" + t + " required pam_permit.so\nSUBSTACK\n" +
                line(t, "required", o);
     },
     true},
    {"requisite, then required permit",
     [](const std::string& t, const std::string& o) {
         return line(t, "requisite", o) + t + " required pam_permit.so\n";
     },
     true},
};

}  // namespace

TEST_CASE("Every failing cause fails in every stack shape, with its own code where one comes out") {
    for (const Shape& shape : shapes) {
        for (const Cause& cause : causes()) {
            INFO(shape.name << ", " << cause.order);
            Stack stack(shape.lines("auth", cause.order));
            const int code = stack.authenticate();
            CHECK(code != PAM_SUCCESS);
            CHECK(code != PAM_IGNORE);
            if (shape.passes_code) {
                CHECK(code == cause.code);
            }
            CHECK(stack.user() == "alice");
        }
    }
}

TEST_CASE("A PIN change fails by every cause in every stack shape") {
    for (const Shape& shape : shapes) {
        for (const Cause& cause : causes()) {
            INFO(shape.name << ", " << cause.order);
            Stack stack(shape.lines("password", cause.order));
            const int code = stack.chauthtok();
            CHECK(code != PAM_SUCCESS);
            CHECK(code != PAM_IGNORE);
        }
    }
}

TEST_CASE("In every stack shape nothing follows from a failed authentication") {
    for (const Shape& shape : shapes) {
        for (const Cause& cause : causes()) {
            INFO(shape.name << ", " << cause.order);
            std::string lines = shape.lines("auth", cause.order);
            // Alone: what another module permits in the account stack is that module's affair.
            lines.insert(0, line("account", "required", cause.order));
            Stack stack(lines);
            CHECK(stack.authenticate() != PAM_SUCCESS);
            CHECK(stack.setcred() != PAM_SUCCESS);
            CHECK(stack.acct_mgmt() != PAM_SUCCESS);
        }
    }
}

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

TEST_CASE("Success in every stack shape") {
    for (const Shape& shape : shapes) {
        INFO(shape.name);
        CHECK(Stack(shape.lines("auth", "verdict/0")).authenticate() == PAM_SUCCESS);
    }
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
