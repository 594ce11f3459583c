// docs/reasons.md has every code with its PAM code, sentence and hint, and nothing else.
#include <security/pam_modules.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <string>

#include "pam_module/glue/outcome.h"
#include "pki/base/error_code.h"
#include "tests/places.h"

using namespace piv;

namespace {

std::string pam_name(AuthOutcome outcome) {
    switch (to_pam(outcome)) {
        case PAM_AUTH_ERR:
            return "PAM_AUTH_ERR";
        case PAM_MAXTRIES:
            return "PAM_MAXTRIES";
        case PAM_AUTHINFO_UNAVAIL:
            return "PAM_AUTHINFO_UNAVAIL";
        case PAM_CRED_INSUFFICIENT:
            return "PAM_CRED_INSUFFICIENT";
        case PAM_USER_UNKNOWN:
            return "PAM_USER_UNKNOWN";
        case PAM_CONV_ERR:
            return "PAM_CONV_ERR";
        case PAM_SERVICE_ERR:
            return "PAM_SERVICE_ERR";
        case PAM_SYSTEM_ERR:
            return "PAM_SYSTEM_ERR";
        case PAM_BUF_ERR:
            return "PAM_BUF_ERR";
        case PAM_IGNORE:
            return "PAM_IGNORE";
        default:
            return "none that a refusal may have";
    }
}

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? "\\|" : std::string(1, c);
    }
    return out;
}

}  // namespace

TEST_CASE("the page of reasons is the list of codes") {
    std::ifstream page(test::source_dir() + "/docs/reasons.md");
    REQUIRE(page.good());
    std::multiset<std::string> rows;
    for (std::string line; std::getline(page, line);) {
        if (line.compare(0, 3, "| `") == 0) {
            rows.insert(line);
        }
    }
    std::size_t count = 0;
    const ErrorInfo* const table = error_table(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::string row = "| `" + std::string(table[i].name) + "` | `" +
                                pam_name(table[i].outcome) + "` | " + cell(table[i].user_text) +
                                " | " + cell(table[i].hint) + " |";
        INFO("docs/reasons.md should have: " << row);
        CHECK(rows.count(row) == 1);
    }
    CHECK(rows.size() == count);
}
