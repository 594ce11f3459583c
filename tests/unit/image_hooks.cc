#include "image_builder/pam_hooks.h"

#include <catch2/catch.hpp>

using namespace piv;

TEST_CASE("nsswitch: after files, with its action, in passwd, group and initgroups only") {
    CHECK(add_to_nsswitch("passwd: files sss\n") == "passwd: files piv sss\n");
    CHECK(add_to_nsswitch("passwd:\tcompat\n") == "passwd:\tcompat piv\n");
    CHECK(add_to_nsswitch("group: files [SUCCESS=merge] systemd\n") ==
          "group: files [SUCCESS=merge] piv systemd\n");
    CHECK(add_to_nsswitch("group: files[NOTFOUND=return] sss\n").find("[NOTFOUND=return] piv") !=
          std::string::npos);
    CHECK(add_to_nsswitch("passwd: files # files sss\n") == "passwd: files piv # files sss\n");
    CHECK(add_to_nsswitch("initgroups: files sss\n") == "initgroups: files piv sss\n");
    for (const char* same : {"shadow: files\n", "passwd: files piv sss\n", "# passwd: files\n",
                             "passwd: sss\n", "hosts: files dns\n", "", "\n\n", "passwd\n"}) {
        CHECK(add_to_nsswitch(same) == same);
    }
}

TEST_CASE("nsswitch: twice is once") {
    const std::string once = add_to_nsswitch("passwd: files sss\ngroup: files\nshadow: files\n");
    CHECK(add_to_nsswitch(once) == once);
}

TEST_CASE("a marked section goes before the first line that decides anything") {
    const std::string text =
        "#%PAM-1.0\n# comment\naccount required pam_unix.so\nauth required pam_unix.so\n";
    const std::string made = add_marked_section(text, {"auth required pam_piv.so"});
    CHECK(made == std::string("#%PAM-1.0\n# comment\naccount required pam_unix.so\n") + kMarkBegin +
                      "\nauth required pam_piv.so\n" + kMarkEnd + "\nauth required pam_unix.so\n");
    CHECK(add_marked_section("@include common-auth\n", {"x"}).find(kMarkBegin) == 0);
    CHECK(add_marked_section("", {"auth required pam_piv.so"}) ==
          std::string(kMarkBegin) + "\nauth required pam_piv.so\n" + kMarkEnd + "\n");
}

TEST_CASE("the session line goes to the end of a file that is managed by no tool") {
    const std::string section =
        std::string(kMarkBegin) + "\nsession  optional   pam_piv.so\n" + kMarkEnd + "\n";
    const std::string text = "session required pam_unix.so\nsession optional pam_systemd.so";
    CHECK(add_marked_session(text) == text + "\n" + section);
    CHECK(add_marked_session(text + "\n") == text + "\n" + section);
    CHECK(add_marked_session("") == section);
}
