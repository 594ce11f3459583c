// A PIN that was typed as a name is in no record.
#include "pam_module/helper/typed_name.h"

#include <catch2/catch.hpp>

using namespace piv;

namespace {

const NameService nobody = [](const std::string&) { return std::optional<NamedAccount>(); };

LoginEvent event_for(const std::string& name) {
    LoginEvent event;
    event.begin.user = name;
    event.user = name;
    event.outcome = AuthOutcome::UserUnknown;
    event.error = Error(ErrorCode::UserUnknown, "account '" + name + "' is not known");
    return event;
}

std::string everything(const LoginEvent& event, const AttemptRecord& record) {
    std::string out = event.begin.user + "|" + event.user + "|" + event.error->detail + "|" +
                      attempt_message(event, record);
    for (const Step& step : record.steps) {
        out += "|" + step.detail;
    }
    return out;
}

}  // namespace

TEST_CASE("what looks like a PIN") {
    for (const char* name : {"1234", "123456", "12345678", "000000", "123456789"}) {
        CHECK(looks_like_pin(name));
    }
    for (const char* name : {"", "123", "1234567890", "12345a", "alice", " 123456", "123456 "}) {
        CHECK_FALSE(looks_like_pin(name));
    }
}

TEST_CASE("a number that is no account is hidden everywhere") {
    LoginEvent event = event_for("864209");
    AttemptRecord record;
    record.fail(StepName::Mapping, Error(ErrorCode::UserUnknown, "864209: no such account"));
    hide_typed_pin(event, record, nobody);
    const std::string text = everything(event, record);
    CHECK(text.find("864209") == std::string::npos);
    CHECK(text.find(kHiddenName) != std::string::npos);
    CHECK(text.find("user-unknown") != std::string::npos);
}

TEST_CASE("accounts, and names that are no number, are kept") {
    const NameService known = [](const std::string& name) {
        return std::optional<NamedAccount>(NamedAccount{name, 1000});
    };
    AttemptRecord record;
    LoginEvent account = event_for("864209");
    hide_typed_pin(account, record, known);
    CHECK(account.user == "864209");
    LoginEvent mallory = event_for("mallory");
    hide_typed_pin(mallory, record, nobody);
    CHECK(mallory.user == "mallory");
}
