// Which services are meant, and what is written down about an attempt.
#include <catch2/catch.hpp>

#include "pam_module/decide/attempt_record.h"
#include "pam_module/decide/login_policy.h"
#include "pam_module/decide/record_json.h"

using namespace piv;

TEST_CASE("without policy.services every service counts, from this machine alone") {
    const LoginPolicy policy;
    for (const char* host : {"", "localhost", "127.0.0.1", "::1", "box", "BOX", ":0", ":10.0"}) {
        INFO(host);
        CHECK(service_in_scope(policy, "login", host, "box"));
    }
    for (const char* host : {"192.0.2.1", "box.example.com", "other", ":", ":x", "localhost.evil",
                             "127.0.0.11", " localhost"}) {
        INFO(host);
        CHECK_FALSE(service_in_scope(policy, "sshd", host, "box"));
    }
}

TEST_CASE("policy.services names the services, whatever the host") {
    LoginPolicy policy;
    policy.services = {"login", "sudo"};
    CHECK(service_in_scope(policy, "login", "", "box"));
    CHECK(service_in_scope(policy, "sudo", "192.0.2.1", "box"));
    CHECK_FALSE(service_in_scope(policy, "sshd", "", "box"));
    CHECK_FALSE(service_in_scope(policy, "Login", "", "box"));
    CHECK_FALSE(service_in_scope(policy, "", "", "box"));
    policy.services = {"all"};
    CHECK(service_in_scope(policy, "anything", "192.0.2.1", "box"));
}

TEST_CASE("a policy that is configured needs an explicit policy tree") {
    Settings settings;
    auto policy = login_policy(settings);
    REQUIRE(policy.ok());
    CHECK_FALSE(policy->path.require_explicit_policy);
    settings.policy.policies = {"2.16.840.1.101.3.2.1.3.13"};
    policy = login_policy(settings);
    REQUIRE(policy.ok());
    CHECK(policy->path.require_explicit_policy);
}

TEST_CASE("defaults are the contract's") {
    const auto policy = login_policy(Settings());
    REQUIRE(policy.ok());
    CHECK(policy->revocation.ocsp == OcspMode::Require);
    CHECK(policy->revocation.skew == 300);
    CHECK(policy->revocation.max_age == 86400);
    CHECK(policy->revocation.timeout_ms == 5000);
    CHECK(policy->deadline_ms == 15000);
    CHECK(policy->card.tries_floor == 0);
    CHECK(policy->mapping.user_from_card);
    CHECK_FALSE(policy->mapping.allow_weak);
}

TEST_CASE("paths are taken from the image root") {
    const auto policy = login_policy(Settings(), "/image");
    REQUIRE(policy.ok());
    CHECK(policy->trust_anchors == "/image" PIV_SYSCONFDIR "/trust/anchors");
    CHECK(policy->mapping.accounts_file == "/image" PIV_SYSCONFDIR "/accounts");
    CHECK(policy->revocation.cache_dir == "/image" PIV_STATEDIR "/cache");
}

TEST_CASE("a record is one line of JSON, whatever a card put into it") {
    AttemptRecord record;
    record.fail(StepName::Card, {ErrorCode::CardMalformed, "a\nb\x1b[31m\xff\"\\"});
    record.pass(StepName::Reader, "r");
    record.add_time("card", 3);
    record.add_time("card", 4);
    const std::string text = dump_json(steps_json(record));
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    const auto steps = nlohmann::json::parse(text);
    REQUIRE(steps.size() == 2);
    CHECK(steps[0]["step"] == "reader");  // in the contract's order
    CHECK(steps[1]["code"] == "card-malformed");
    CHECK_FALSE(steps[1]["hint"].get<std::string>().empty());
    CHECK(elapsed_json(record)["card"] == 7);
}
