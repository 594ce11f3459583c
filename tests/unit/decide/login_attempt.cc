// The steps of a login in their order, with a card and a person in memory: what reaches the card,
// and when, and that no step can be left out.
#include "pam_module/decide/login_attempt.h"

#include <openssl/rsa.h>
#include <unistd.h>

#include <map>

#include "tests/unit/temp_dir.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

namespace {

// Answers with the key it is given; says what was asked of it.
class MemoryCards : public Cards {
  public:
    std::vector<SeenCard> cards{SeenCard{}};
    EVP_PKEY* key = nullptr;
    std::string pin = "123456";
    std::optional<int> tries = 3;
    std::optional<Error> open_error;
    std::optional<Error> sign_error;
    std::string log;

    Result<std::vector<SeenCard>> open(const CardSettings& settings, Deadline) override {
        log += settings.wait_seconds > 0 ? "wait " : "open ";
        if (open_error && settings.wait_seconds == 0) {
            return *open_error;
        }
        return cards;
    }
    Result<std::optional<int>> pin_tries_left(std::size_t, Deadline) override {
        log += "tries ";
        return tries;
    }
    Result<Bytes> sign(const SignRequest& request, const SecretBuffer& given, Deadline) override {
        log += "sign ";
        if (sign_error) {
            return *sign_error;
        }
        if (given.view().text() != pin) {
            return ErrorCode::PinWrong;
        }
        OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new(key, nullptr));
        REQUIRE(EVP_PKEY_sign_init(ctx.get()) == 1);
        REQUIRE(EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_NO_PADDING) == 1);
        Bytes out(512);
        std::size_t size = out.size();
        REQUIRE(EVP_PKEY_sign(ctx.get(), out.data(), &size, request.input.data(),
                              request.input.size()) == 1);
        out.resize(size);
        return out;
    }
    void distrust(std::size_t, Deadline) override { log += "distrust "; }
    Status change_pin(std::size_t, PinChangeBy, const SecretBuffer&, const SecretBuffer&,
                      Deadline) override {
        return ErrorCode::Internal;
    }
    [[nodiscard]] unsigned commands() const noexcept override { return 7; }
};

class Person : public Dialogue {
  public:
    std::map<SecretSource, std::string> answers{{SecretSource::Person, "123456"}};
    std::string shown;
    int asked = 0;
    void info(const std::string& text) override { shown += text + "\n"; }
    Result<SecretBuffer> ask(SecretSource source, const std::string& prompt) override {
        ++asked;
        shown += prompt + "\n";
        const auto at = answers.find(source);
        if (at == answers.end()) {
            return source == SecretSource::FirstPass ? ErrorCode::NoFirstPass
                                                     : ErrorCode::ConversationFailed;
        }
        SecretBuffer pin;
        REQUIRE(pin.assign(at->second.data(), at->second.size()));
        return pin;
    }
};

// A network on which nothing ever comes back.
class SilentNetwork : public Transport {
  public:
    SilentNetwork() { REQUIRE(pipe(ends_) == 0); }
    ~SilentNetwork() override {
        close(ends_[0]);
        close(ends_[1]);
    }
    Result<std::size_t> start(HttpRequest) override { return std::size_t{1}; }
    Result<Completion> wait(Deadline) override { return ErrorCode::OcspUnavailable; }
    [[nodiscard]] int poll_fd() const override { return ends_[0]; }

  private:
    int ends_[2] = {-1, -1};
};

// Making keys takes longer than everything else here.
const Pki& shared_pki(int number = 0) {
    static const Pki pkis[2];
    return pkis[number];
}

struct Login {
    const Pki& pki;
    TempDir dir;
    TrustStore store;
    LoginPolicy policy;
    MemoryCards cards;
    Person person;
    AttemptRecord record;
    std::string user = "alice";
    FirstPass first_pass = FirstPass::Never;
    PromptText prompt_text = PromptText::Shown;
    TransportFactory transport;
    int deadline_ms = 15000;
    std::optional<int> tries_left;
    std::string granted_user;

    explicit Login(const Pki& made = shared_pki()) : pki(made) {
        store.add_anchor(make(pki.root_spec()));
        store.add_intermediate(make(pki.ca_spec()));
        policy.mapping.domains = {{"corp.example.com", "CORP"}};
        policy.mapping.accounts_file = dir.write("accounts", "");
        policy.mapping.uid_min = 1000;
        policy.revocation.ocsp = OcspMode::Off;
        policy.revocation.staged_dir.clear();
        cards.key = pki.user_key.get();
        cards.cards[0].certificates.push_back({make_der(pki.user_spec()), "9A"});
    }
    LoginTools tools() const {
        return {policy,
                store,
                [](const std::string& name) -> std::optional<NamedAccount> {
                    if (name == "alice" || name == "alice@corp.example.com") {
                        return NamedAccount{"alice", 1000};
                    }
                    return name == "bob" ? std::optional(NamedAccount{"bob", 1001}) : std::nullopt;
                },
                transport,
                kNow,
                {}};
    }
    // "ok", or the name of the error.
    std::string run() {
        const LoginTools t = tools();
        LoginAttempt attempt(t, {user, first_pass, prompt_text}, Deadline::after_ms(deadline_ms),
                             record);
        const AuthDecision decision = attempt.run(cards, person);
        tries_left = attempt.tries_left();
        granted_user = decision.user();
        CHECK(decision.granted() == (decision.outcome() == AuthOutcome::Granted));
        return decision.granted() ? "ok" : std::string(info(decision.error().code).name);
    }
};

}  // namespace

TEST_CASE("a login: card, tries, PIN, signature, and nothing else") {
    Login login;
    CHECK(login.run() == "ok");
    CHECK(login.granted_user == "alice");
    CHECK(login.cards.log == "open tries sign ");
    CHECK(login.person.asked == 1);
    CHECK(login.person.shown == "PIN for Alice (3 tries left): \n");
    CHECK(login.record.rule == "upn");
    CHECK(login.record.card_commands == 7);
}

TEST_CASE("what is wrong with the card is found before the person is asked") {
    SECTION("another user's") {
        Login login;
        login.user = "bob";
        CHECK(login.run() == "wrong-user");
        CHECK(login.cards.log == "open ");
        CHECK(login.person.asked == 0);
    }
    SECTION("a user that nobody knows") {
        Login login;
        login.user = "mallory";
        CHECK(login.run() == "user-unknown");
        CHECK(login.person.asked == 0);
    }
    SECTION("another CA") {
        Login login;
        login.store = TrustStore();
        login.store.add_anchor(make(shared_pki(1).root_spec()));
        CHECK(login.run() != "ok");
        CHECK(login.cards.log == "open ");
        CHECK(login.person.asked == 0);
    }
    SECTION("junk instead of a certificate") {
        Login login;
        login.cards.cards[0].certificates[0].der.resize(100);
        CHECK(login.run() == "certificate-malformed");
        CHECK(login.person.asked == 0);
    }
    SECTION("no certificate, no card") {
        Login login;
        login.cards.cards[0].certificates.clear();
        CHECK(login.run() == "card-not-usable");
        login.cards.cards.clear();
        CHECK(login.run() == "no-card");
        CHECK(login.person.asked == 0);
    }
    SECTION("blocked, or at the floor") {
        Login login;
        login.cards.tries = 0;
        CHECK(login.run() == "pin-blocked");
        login.cards.tries = 2;
        login.policy.card.tries_floor = 2;
        CHECK(login.run() == "pin-tries-floor");
        CHECK(login.person.asked == 0);
        login.cards.tries = std::nullopt;  // a card that does not say
        CHECK(login.run() == "ok");
    }
}

TEST_CASE("the PIN is not sent before revocation is settled") {
    Login login;
    login.policy.revocation.ocsp = OcspMode::Require;
    login.policy.revocation.urls = {"http://ocsp.example.com/"};
    login.policy.revocation.timeout_ms = 50;
    login.transport = []() { return std::make_unique<SilentNetwork>(); };
    CHECK(login.run() != "ok");
    CHECK(login.person.asked == 1);
    CHECK(login.cards.log == "open tries ");
}

TEST_CASE("revocation that is settled without waiting is settled before the person is asked") {
    Login login;
    login.policy.revocation.ocsp = OcspMode::Require;  // and nobody to ask
    CHECK(login.run() == "ocsp-unavailable");
    CHECK(login.person.asked == 0);
    CHECK(login.cards.log == "open ");
}

TEST_CASE("a greeter that shows no prompts is told beforehand what the prompt says") {
    Login login;
    login.prompt_text = PromptText::Hidden;
    CHECK(login.run() == "ok");
    CHECK(login.person.shown == "PIN for Alice (3 tries left)\nPIN for Alice (3 tries left): \n");
    Login again;
    again.prompt_text = PromptText::HiddenAfterWrongPin;
    again.cards.tries = 1;
    CHECK(again.run() == "ok");
    CHECK(again.person.shown == "Wrong PIN. 1 try left.\nPIN for Alice (1 try left): \n");
    Login silent;  // a card that does not say how many are left
    silent.prompt_text = PromptText::HiddenAfterWrongPin;
    silent.cards.tries = std::nullopt;
    CHECK(silent.run() == "ok");
    CHECK(silent.person.shown == "PIN for Alice\nPIN for Alice: \n");
}

TEST_CASE("a PIN that cannot be one is not sent") {
    for (const char* pin : {"", "12345", "123456789", "1234567890123"}) {
        Login login;
        login.person.answers[SecretSource::Person] = pin;
        INFO(pin);
        CHECK(login.run() == "pin-format");
        CHECK(login.cards.log == "open tries ");
    }
    Login login;  // whatever a card says about lengths, an empty PIN is none
    login.cards.cards[0].info.pin_min = 0;
    login.person.answers[SecretSource::Person] = "";
    CHECK(login.run() == "pin-format");
    Login silent;
    silent.person.answers.clear();
    CHECK(silent.run() == "conversation-failed");
    CHECK(silent.cards.log == "open tries ");
}

TEST_CASE("a wrong PIN spends one try and is not tried again") {
    Login login;
    login.person.answers[SecretSource::Person] = "654321";
    CHECK(login.run() == "pin-wrong");
    CHECK(login.cards.log == "open tries sign ");
    CHECK(login.tries_left == 2);
}

TEST_CASE("the token of an earlier module") {
    Login login;
    login.first_pass = FirstPass::Try;
    login.person.answers = {{SecretSource::FirstPass, "123456"}};
    CHECK(login.run() == "ok");
    CHECK(login.person.asked == 1);
    SECTION("a wrong one is not followed by a question") {
        login.person.answers = {{SecretSource::FirstPass, "999999"},
                                {SecretSource::Person, "123456"}};
        login.person.asked = 0;
        CHECK(login.run() == "pin-wrong");
        CHECK(login.person.asked == 1);
    }
    SECTION("one that cannot be a PIN is followed by a question, or not") {
        login.person.answers = {{SecretSource::FirstPass, "correct horse battery"},
                                {SecretSource::Person, "123456"}};
        CHECK(login.run() == "ok");
        login.first_pass = FirstPass::Only;
        CHECK(login.run() == "pin-format");
        login.person.answers = {{SecretSource::Person, "123456"}};
        CHECK(login.run() == "no-first-pass");
    }
}

TEST_CASE("a signature by another key grants nothing and distrusts the card") {
    Login login;
    login.cards.key = shared_pki(1).user_key.get();
    CHECK(login.run() == "key-mismatch");
    CHECK(login.cards.log == "open tries sign distrust ");
}

TEST_CASE("nobody waits for a card that nobody may wait for; else it is asked for once") {
    Login login;
    login.cards.open_error = Error(ErrorCode::NoCard);
    CHECK(login.run() == "no-card");
    CHECK(login.cards.log == "open ");
    login.policy.card.wait_seconds = 5;
    login.cards.log.clear();
    CHECK(login.run() == "ok");
    CHECK(login.cards.log == "open wait tries sign ");
    CHECK(login.person.shown.find("Insert your smart card.") == 0);
    login.cards.open_error = Error(ErrorCode::PcscDown);
    CHECK(login.run() == "pcscd-down");
}

TEST_CASE("an account nobody named: the card says, unless it may not") {
    Login login;
    login.user.clear();
    CHECK(login.run() == "ok");
    CHECK(login.granted_user == "alice");
    login.policy.mapping.user_from_card = false;
    CHECK(login.run() == "no-user-name");
}

TEST_CASE("several cards: the one that is this user's is taken") {
    Login login;
    SeenCard foreign;
    foreign.info.reader = "first";
    Spec bob = login.pki.user_spec();
    bob.extensions.back().value = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:bob@corp.example.com";
    foreign.certificates.push_back({make_der(bob), "9A"});
    login.cards.cards[0].info.reader = "second";
    login.cards.cards.insert(login.cards.cards.begin(), foreign);
    CHECK(login.run() == "ok");
    CHECK(login.record.reader == "second");
}

TEST_CASE("a deadline that is over refuses, even after a good signature") {
    Login login;
    login.deadline_ms = 0;
    CHECK(login.run() != "ok");
}

TEST_CASE("no step can be left out") {
    Login login;
    const LoginTools tools = login.tools();
    const auto fresh = [&] {
        return LoginAttempt(tools, {"alice", FirstPass::Never}, Deadline::after_ms(5000),
                            login.record);
    };
    SECTION("no step at all") {
        LoginAttempt a = fresh();
        CHECK_FALSE(a.decide().granted());
        CHECK_FALSE(a.settle_revocation().ok());
        CHECK_FALSE(a.ask_pin(login.cards, login.person).ok());
        CHECK_FALSE(a.prove(login.cards).ok());
        CHECK_FALSE(a.decide().granted());
    }
    SECTION("without revocation") {
        LoginAttempt a = fresh();
        REQUIRE(a.identify(login.cards, login.person).ok());
        REQUIRE(a.ask_pin(login.cards, login.person).ok());
        CHECK(a.prove(login.cards).code() == ErrorCode::Internal);
        CHECK_FALSE(a.decide().granted());
        CHECK(login.cards.log == "open tries ");
    }
    SECTION("without the PIN") {
        LoginAttempt a = fresh();
        REQUIRE(a.identify(login.cards, login.person).ok());
        a.ask_revocation();
        REQUIRE(a.settle_revocation().ok());
        CHECK(a.prove(login.cards).code() == ErrorCode::Internal);
        CHECK_FALSE(a.decide().granted());
    }
    SECTION("without the signature") {
        LoginAttempt a = fresh();
        REQUIRE(a.identify(login.cards, login.person).ok());
        a.ask_revocation();
        REQUIRE(a.ask_pin(login.cards, login.person).ok());
        REQUIRE(a.settle_revocation().ok());
        CHECK_FALSE(a.decide().granted());
    }
    SECTION("a second decision from the same proofs") {
        LoginAttempt a = fresh();
        CHECK(a.run(login.cards, login.person).granted());
        CHECK_FALSE(a.decide().granted());
    }
}

TEST_CASE("proofs about different certificates grant nothing") {
    Login login;
    Login other(shared_pki(1));
    const auto leaf_of = [](const Login& l) {
        auto leaf = Certificate::from_der(l.cards.cards[0].certificates[0].der);
        REQUIRE(leaf.ok());
        return std::move(leaf).value();
    };
    const auto path_of = [&](const Login& l) {
        auto path = validate_path(leaf_of(l), l.store, {}, {}, kNow);
        REQUIRE(path.ok());
        return std::move(path).value();
    };
    const auto checked_of = [&](const Login& l) {
        RevocationCheck check(path_of(l), l.policy.revocation, nullptr, kNow);
        check.start();
        auto checked = check.finish(Deadline::after_ms(1000));
        REQUIRE(checked.ok());
        return std::move(checked).value();
    };
    const auto binding_of = [&](const Login& l) {
        const LoginTools t = l.tools();
        auto binding = bind_account(path_of(l), "alice", l.policy.mapping, t.names, kNow);
        REQUIRE(binding.ok());
        return std::move(binding).value();
    };
    const auto possession_of = [&](Login& l) {
        const Certificate certificate = leaf_of(l);
        auto challenge = Challenge::make();
        REQUIRE(challenge.ok());
        Cards::SignRequest request;
        request.input = *card_input(certificate, *challenge);
        SecretBuffer pin;
        REQUIRE(pin.assign("123456", 6));
        const auto signature = l.cards.sign(request, pin, Deadline::after_ms(1000));
        REQUIRE(signature.ok());
        auto proof = verify_possession(certificate, std::move(challenge).value(), *signature);
        REQUIRE(proof.ok());
        return std::move(proof).value();
    };
    CHECK(
        AuthDecision::grant(checked_of(login), binding_of(login), possession_of(login)).granted());
    CHECK_FALSE(
        AuthDecision::grant(checked_of(other), binding_of(login), possession_of(login)).granted());
    CHECK_FALSE(
        AuthDecision::grant(checked_of(login), binding_of(other), possession_of(login)).granted());
    CHECK_FALSE(
        AuthDecision::grant(checked_of(login), binding_of(login), possession_of(other)).granted());
}
