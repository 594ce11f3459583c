#include "image_builder/pam_file.h"

#include <catch2/catch.hpp>
#include <random>

using namespace piv;

TEST_CASE("a PAM file is parsed and printed without loss") {
    for (const char* text : {
             "",
             "\n",
             "#%PAM-1.0\nauth required pam_unix.so nullok\n",
             "auth [success=1 default=ignore] pam_unix.so a b\t c # why\n",
             "auth required \\\n  pam_unix.so \\\n  nullok\naccount required pam_unix.so\n",
             "@include common-auth\n-session optional pam_systemd.so\n",
             "auth\tsufficient\tpam_x.so [user=a b]\n",
             "broken line\n\\\n\\\n",
         }) {
        const PamFile file = parse_pam_file(text);
        CHECK(print_pam_file(file) == text);
    }
}

TEST_CASE("random bytes are parsed and printed without loss") {
    std::mt19937 random(7);
    const std::string letters = "auth acount pasword sesion [=]\\\n\t #@include-0123456789.so";
    for (int i = 0; i < 20000; ++i) {
        std::string text;
        const std::size_t size = random() % 60;
        for (std::size_t k = 0; k < size; ++k) {
            text += letters[random() % letters.size()];
        }
        text += '\n';
        const PamFile once = parse_pam_file(text);
        CHECK(print_pam_file(once) == text);
        CHECK(print_pam_file(parse_pam_file(print_pam_file(once))) == text);
    }
}

TEST_CASE("the parts of a rule") {
    const PamFile file =
        parse_pam_file("-Session\t[success=ok\tdefault=1] /lib/pam_x.so a [b c] d # e\n");
    REQUIRE(file.lines.size() == 1);
    const PamLine& line = file.lines[0];
    CHECK(line.kind == PamLine::Kind::Rule);
    CHECK(line.if_present);
    CHECK(line.type == PamType::Session);
    CHECK(line.control == "[success=ok\tdefault=1]");
    CHECK(line.module == "/lib/pam_x.so");
    CHECK(line.arguments == std::vector<std::string>{"a", "[b c]", "d"});
}

TEST_CASE("controls") {
    const auto step = [](const char* control, const char* value) {
        const Result<PamControl> parsed = parse_pam_control(control);
        REQUIRE(parsed.ok());
        return parsed->step(value);
    };
    CHECK(step("required", "success").action == PamAction::Ok);
    CHECK(step("required", "auth_err").action == PamAction::Bad);
    CHECK(step("requisite", "auth_err").action == PamAction::Die);
    CHECK(step("sufficient", "success").action == PamAction::Done);
    CHECK(step("sufficient", "auth_err").action == PamAction::Ignore);
    CHECK(step("optional", "auth_err").action == PamAction::Ignore);
    CHECK(step("[success=2 default=die]", "success").jump == 2);
    CHECK(step("[success = 2   default = die]", "success").jump == 2);
    CHECK(step("[success=2]", "auth_err").action == PamAction::Bad);  // without a default
    for (const char* bad : {"", "maybe", "[success=what]", "[luck=ok]", "[success]",
                            "[success=99999]", "[success=0]"}) {
        CHECK_FALSE(parse_pam_control(bad).ok());
    }
}
