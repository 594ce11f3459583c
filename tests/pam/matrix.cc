// Every failing cause, in every stack shape, in every facility: what libpam makes of it, exactly.
#include <catch2/catch.hpp>
#include <string>

#include "tests/pam/causes.h"
#include "tests/pam/stack.h"

using namespace piv::test;

namespace {

// What comes out of a stack when the module in it fails.
enum class Out {
    Module,  // its own code
    Deny,    // the code of the pam_deny.so behind it
    Nobody,  // PAM_PERM_DENIED: nobody said yes
};

struct Shape {
    const char* name;
    std::string (*lines)(const std::string& type, const std::string& order);
    Out out;
};

const Shape shapes[] = {
    {"required", [](const std::string& t, const std::string& o) { return line(t, "required", o); },
     Out::Module},
    {"requisite",
     [](const std::string& t, const std::string& o) { return line(t, "requisite", o); },
     Out::Module},
    {"sufficient, then deny",
     [](const std::string& t, const std::string& o) {
         return line(t, "sufficient", o) + t + " required pam_deny.so\n";
     },
     Out::Deny},
    {"success=ok default=bad",
     [](const std::string& t, const std::string& o) {
         return line(t, "[success=ok default=bad]", o);
     },
     Out::Module},
    {"success=done default=ignore, then deny",
     [](const std::string& t, const std::string& o) {
         return line(t, "[success=done default=ignore]", o) + t + " required pam_deny.so\n";
     },
     Out::Deny},
    {"optional alone",
     [](const std::string& t, const std::string& o) { return line(t, "optional", o); },
     Out::Nobody},
    {"required, then optional permit",
     [](const std::string& t, const std::string& o) {
         return line(t, "required", o) + t + " optional pam_permit.so\n";
     },
     Out::Module},
    {"in a substack",
     [](const std::string& t, const std::string& o) {
         return t + " substack SUBFILE\n" + t + " required pam_permit.so\nSUBSTACK\n" +
                line(t, "required", o);
     },
     Out::Module},
    {"requisite, then required permit",
     [](const std::string& t, const std::string& o) {
         return line(t, "requisite", o) + t + " required pam_permit.so\n";
     },
     Out::Module},
};

const char* const facilities[] = {"auth", "account", "password", "session"};

// The codes of pam_deny.so, from Linux-PAM's pam_deny.c.
int deny_code(const std::string& type) {
    if (type == "session") {
        return PAM_SESSION_ERR;
    }
    return type == "password" ? PAM_AUTHTOK_ERR : PAM_AUTH_ERR;
}

int expected(const Shape& shape, const std::string& type, int code) {
    switch (shape.out) {
        case Out::Module:
            return code;
        case Out::Deny:
            return deny_code(type);
        case Out::Nobody:
            break;
    }
    return PAM_PERM_DENIED;
}

// The last call of a facility, after an authentication that fails or succeeds by `order`.
int result_of(const std::string& type, const std::string& order, const std::string& lines) {
    Stack stack(type == "auth" ? lines : line("auth", "required", order) + lines);
    if (type == "password") {
        return stack.chauthtok();
    }
    const int first = stack.authenticate();
    if (type == "auth") {
        return first;
    }
    return type == "account" ? stack.acct_mgmt() : pam_open_session(stack.handle(), 0);
}

// The shape without the module: what the other lines give by themselves.
std::string without_module(const std::string& lines) {
    std::string out;
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = lines.find('\n', at) + 1;
        if (lines.compare(at, end - at, "SUBSTACK\n") != 0 && lines.find("MODULE", at) >= end) {
            out += lines.substr(at, end - at);
        } else if (lines.compare(at, end - at, "SUBSTACK\n") == 0) {
            out += "SUBSTACK\n";
        }
        at = end;
    }
    return out;
}

}  // namespace

TEST_CASE("At least 40 failing causes, 8 stack shapes, 4 facilities") {
    CHECK(causes().size() >= 40);
    CHECK(sizeof shapes / sizeof shapes[0] >= 8);
    CHECK(sizeof facilities / sizeof facilities[0] == 4);
}

TEST_CASE("A failing authentication or PIN change gives its code in every stack shape") {
    for (const std::string type : {"auth", "password"}) {
        for (const Shape& shape : shapes) {
            for (const Cause& cause : causes()) {
                INFO(type << ", " << shape.name << ", " << cause.order);
                Stack stack(shape.lines(type, cause.order));
                const int code = type == "auth" ? stack.authenticate() : stack.chauthtok();
                CHECK(code == expected(shape, type, cause.code));
                CHECK(stack.setcred() != PAM_SUCCESS);
                CHECK(stack.user() == "alice");
            }
        }
    }
}

TEST_CASE("After a failure the account and session lines give what the stack gives without us") {
    for (const std::string type : {"account", "session"}) {
        for (const Shape& shape : shapes) {
            const std::string lines = shape.lines(type, "verdict/0");
            const int alone = result_of(type, "verdict/1", without_module(lines));
            for (const Cause& cause : causes()) {
                INFO(type << ", " << shape.name << ", " << cause.order);
                const int code = result_of(type, cause.order, shape.lines(type, cause.order));
                CHECK((code == PAM_SUCCESS) <= (alone == PAM_SUCCESS));
                CHECK(code != PAM_IGNORE);
                CHECK((code == alone || code == PAM_PERM_DENIED));
            }
        }
    }
}

TEST_CASE("A line with an unknown argument fails in every shape of every facility") {
    for (const std::string type : facilities) {
        for (const Shape& shape : shapes) {
            INFO(type << ", " << shape.name);
            std::string lines = shape.lines(type, "verdict/0");
            lines.insert(lines.find("config="), "nonsense ");
            const int code = result_of(type, "verdict/0", lines);
            CHECK(code == expected(shape, type, PAM_SERVICE_ERR));
        }
    }
}

TEST_CASE("Success in every stack shape") {
    for (const Shape& shape : shapes) {
        INFO(shape.name);
        CHECK(result_of("auth", "verdict/0", shape.lines("auth", "verdict/0")) == PAM_SUCCESS);
        CHECK(result_of("password", "verdict/0", shape.lines("password", "verdict/0")) ==
              PAM_SUCCESS);
        CHECK(result_of("account", "verdict/0", shape.lines("account", "verdict/0")) ==
              PAM_SUCCESS);
    }
}
