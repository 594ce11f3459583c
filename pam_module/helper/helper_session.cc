#include "pam_module/helper/helper_session.h"

#include <unistd.h>

#include <algorithm>

#include "pam_module/account/name_service.h"
#include "pam_module/decide/card_client.h"
#include "pam_module/decide/pin_change.h"
#include "pam_module/decide/user_text.h"
#include "pam_module/helper/card_role.h"
#include "pam_module/helper/fetch_process.h"
#include "pam_module/helper/process.h"
#include "pam_module/helper/recent_attempt.h"
#include "pam_module/helper/typed_name.h"
#include "pam_module/helper/watch_process.h"
#include "pki/base/text.h"
#include "pki/x509/libcrypto_start.h"

namespace piv {

namespace {

std::string this_host() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// An X display: PAM_TTY of greeters, as ":0".
bool on_display(const BeginMessage& begin) {
    return begin.tty.size() > 1 && begin.tty[0] == ':' && begin.tty[1] >= '0' &&
           begin.tty[1] <= '9';
}

}  // namespace

HelperSession::Ending HelperSession::refused(Error error) {
    Ending ending;
    ending.outcome = info(error.code).outcome;
    if (ending.outcome == AuthOutcome::Granted) {
        ending.outcome = AuthOutcome::SystemError;
    }
    ending.error = std::move(error);
    return ending;
}

Result<LoginPolicy> HelperSession::prepare() {
    Result<Settings> settings =
        load_settings(begin_.config.empty() ? kDefaultConfigFile : begin_.config, begin_.service,
                      ConfigTrust::RootOwned);
    if (!settings) {
        return std::move(settings).error();
    }
    Result<LoginPolicy> policy = login_policy(*settings);
    if (!policy) {
        return policy;
    }
    if ((begin_.flags & kBeginWaitGiven) != 0) {
        policy->card.wait_seconds = static_cast<int>(begin_.wait_seconds);
    }
    if ((begin_.flags & kBeginCardOnly) != 0) {
        policy->mapping.user_from_card = true;
    }
    return policy;
}

// The only way to OutOfScope: the configuration says so, before anything has been tried.
Status HelperSession::check_scope(const LoginPolicy& policy) {
    if (!service_in_scope(policy, begin_.service, begin_.remote_host, this_host())) {
        return Error(ErrorCode::OutOfScope, "service " + begin_.service);
    }
    if (!policy.mapping.exempt_group.empty() && !begin_.user.empty()) {
        Result<bool> member = is_group_member(begin_.user, policy.mapping.exempt_group);
        if (!member && member.code() != ErrorCode::UserUnknown) {
            return std::move(member).error();
        }
        if (member && *member) {
            return Error(ErrorCode::OutOfScope,
                         begin_.user + " is in group " + policy.mapping.exempt_group);
        }
    }
    if (begin_.user.empty() && !policy.mapping.user_from_card) {
        return ErrorCode::NoUserName;
    }
    return {};
}

HelperSession::Ending HelperSession::authenticate(const LoginPolicy& policy) {
    const Deadline deadline = Deadline::after_ms(policy.deadline_ms);
    prepare_role_folder(policy.card.cache_dir);
    Result<CardRoleProcess> role = CardRoleProcess::start();
    if (!role) {
        return refused(std::move(role).error());
    }
    CardClient cards(role->take_socket());
    start_libcrypto_small();  // the role, where modules of others may use it, has begun
    // Read only now: the role has no copy of what comes from here on.
    Result<TrustStore> store = TrustStore::open(
        policy.trust_anchors, policy.trust_intermediates, true,
        policy.revocation.cache_dir.empty() ? std::string()
                                            : policy.revocation.cache_dir + "/trust-index");
    if (!store) {
        record_.fail(StepName::Path, store.error());
        return refused(std::move(store).error());
    }
    const LoginTools tools{
        policy, *store, system_name_service(), []() { return make_fetch_process(); }, now_, {}};
    const PromptText prompt_text = !on_display(begin_) ? PromptText::Shown
                                   : follows_wrong_pin(kAttemptsFile, begin_, now_)
                                       ? PromptText::HiddenAfterWrongPin
                                       : PromptText::Hidden;
    LoginAttempt attempt(tools, {begin_.user, begin_.first_pass, prompt_text}, deadline, record_);
    const AuthDecision decision = attempt.run(cards, channel_);
    if (cards.lost() || (!decision.granted() && decision.error().code == ErrorCode::DeadlineOver)) {
        role->kill_now();
    }
    if (decision.granted()) {
        tell_expiry(policy.expiry_notice_days);
        Ending ending;
        ending.outcome = decision.outcome();
        ending.user = decision.user();
        if (policy.on_card_removal != OnCardRemoval::Ignore && record_.certificate) {
            ending.watched.reader =
                record_.reader.empty() ? "?" : record_.reader.substr(0, kMaxReaderName);
            ending.watched.certificate = record_.certificate->sha256_hex();
        }
        return ending;
    }
    Ending ending = refused(decision.error());
    if (decision.error().code == ErrorCode::PinWrong && attempt.tries_left()) {
        ending.text = wrong_pin_text(*attempt.tries_left());
    }
    return ending;
}

void HelperSession::tell_expiry(int days) {
    constexpr UnixTime kDay = 86400;
    if (!record_.certificate || (begin_.flags & kBeginSilent) != 0) {
        return;
    }
    const UnixTime end = record_.certificate->not_after();
    const UnixTime left = (end - now_) / kDay;
    if (end >= now_ && left < days) {
        channel_.info(expiry_text(static_cast<int>(left), format_time(end).substr(0, 10)));
    }
}

HelperSession::Ending HelperSession::change_pin(const LoginPolicy& policy) {
    Result<CardRoleProcess> role = CardRoleProcess::start();
    if (!role) {
        return refused(std::move(role).error());
    }
    CardClient cards(role->take_socket());
    Status changed =
        change_card_pin(policy, Deadline::after_ms(policy.deadline_ms), cards, channel_, record_);
    if (!changed) {
        if (cards.lost() || changed.code() == ErrorCode::DeadlineOver) {
            role->kill_now();
        }
        return refused(std::move(changed).error());
    }
    channel_.info(translated("The PIN of the smart card is changed."));
    Ending ending;
    ending.outcome = AuthOutcome::Granted;
    ending.user = begin_.user;
    return ending;
}

HelperSession::Ending HelperSession::open_session(const LoginPolicy& policy) {
    if (policy.on_card_removal == OnCardRemoval::Ignore) {
        return refused(Error(ErrorCode::OutOfScope, "session.on_card_removal = ignore"));
    }
    record_.reader = begin_.reader;
    const std::optional<NamedAccount> account = system_name_service()(begin_.user);
    if (!account) {
        return refused(Error(ErrorCode::UserUnknown, begin_.user));
    }
    WatchRequest request;
    request.action = policy.on_card_removal;
    request.debounce_ms = policy.removal_debounce_ms;
    request.session_id = begin_.session_id;
    request.uid = account->uid;
    request.user = begin_.user;
    request.service = begin_.service;
    request.reader = begin_.reader;
    request.certificate = begin_.certificate;
    request.card = policy.card;
    request.card.cache_dir.clear();  // it would know a card by its number alone
    request.card.wait_seconds = 0;
    Status watched = start_session_watch(request, Deadline::after_ms(policy.deadline_ms));
    if (!watched) {
        return refused(std::move(watched).error());
    }
    Ending ending;
    ending.outcome = AuthOutcome::Granted;
    ending.user = begin_.user;
    return ending;
}

void HelperSession::finish(const Ending& ending) {
    LoginEvent event;
    event.time = now_;
    event.begin = begin_;
    event.outcome = ending.outcome;
    event.error = ending.error;
    event.user = ending.user.empty() ? begin_.user : ending.user;
    if (event.user.empty()) {
        event.user = record_.user;  // nobody typed a name: the card's account, if it came to one
    }
    // The watcher writes of itself; that there is nothing to watch is nothing to write about.
    const bool session_good =
        begin_.facility == Facility::OpenSession &&
        (ending.outcome == AuthOutcome::Granted || ending.outcome == AuthOutcome::OutOfScope);
    if (!session_good && (ending.outcome == AuthOutcome::Granted || ending.error)) {
        hide_typed_pin(event, record_, system_name_service());
        log_attempt(event, record_);
    }
    const bool quiet = ending.outcome == AuthOutcome::OutOfScope ||
                       ending.outcome == AuthOutcome::ConversationError ||
                       (begin_.flags & kBeginSilent) != 0;
    if (ending.error && !quiet) {
        const std::string text = ending.text.empty()
                                     ? translated(info(ending.error->code).user_text.data())
                                     : ending.text;
        // Greeters write "incorrect password" over an error, and leave information on the screen.
        if (on_display(begin_)) {
            channel_.info(text);
        } else {
            channel_.problem(text);
        }
    }
    (void)channel_.send_verdict(ending.outcome, ending.user,
                                ending.error ? info(ending.error->code).name : "ok",
                                ending.watched);
}

void HelperSession::run() {
    Result<BeginMessage> begin = channel_.receive_begin();
    if (!begin) {
        return;
    }
    begin_ = std::move(*begin);
    use_language(begin_.language);
    Result<LoginPolicy> policy = prepare();
    const int wait_ms = policy ? policy->card.wait_seconds * 1000 : 0;
    const int deadline_ms = policy ? policy->deadline_ms : 0;
    if (!channel_.send_ready(static_cast<std::uint32_t>(deadline_ms),
                             static_cast<std::uint32_t>(std::max(wait_ms, 0)))) {
        return;
    }
    if (!policy) {
        finish(refused(std::move(policy).error()));
        return;
    }
    if (begin_.facility == Facility::OpenSession) {
        finish(open_session(*policy));
        return;
    }
    Status in_scope = check_scope(*policy);
    if (!in_scope) {
        finish(refused(std::move(in_scope).error()));
    } else if (begin_.facility == Facility::ChangePin) {
        finish(change_pin(*policy));
    } else {
        finish(authenticate(*policy));
    }
}

}  // namespace piv
