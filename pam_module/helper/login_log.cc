#include "pam_module/helper/login_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "pam_module/decide/record_json.h"
#include "pam_module/helper/journal.h"
#include "pam_module/helper/log_limit.h"
#include "pki/base/fd.h"
#include "pki/base/text.h"

#ifdef PIV_HAVE_AUDIT
#include <libaudit.h>
#endif

namespace piv {

namespace {

std::string code_of(const LoginEvent& event) {
    return event.error ? std::string(info(event.error->code).name) : "ok";
}

// Soft acceptance, denials and faults are notable; a login is information.
int priority_of(const LoginEvent& event, const AttemptRecord& record) {
    switch (event.outcome) {
        case AuthOutcome::Granted:
            return record.soft ? LOG_WARNING : LOG_INFO;
        case AuthOutcome::OutOfScope:
            return LOG_DEBUG;
        case AuthOutcome::ServiceError:
        case AuthOutcome::SystemError:
        case AuthOutcome::BufferError:
            return LOG_ERR;
        default:
            return LOG_NOTICE;
    }
}

std::string revocation_text(const LoginEvent& event, const AttemptRecord& record) {
    std::string out;
    for (const RevocationVerdict& verdict : record.verdicts) {
        out += (out.empty() ? "" : ", ") + std::string(to_text(verdict.state));
        if (verdict.state != RevocationState::Good) {
            out += " (" + std::string(info(verdict.why.code).name) + ")";
        }
        if (!verdict.source.empty()) {
            out += " from " + verdict.source;
        }
        if (verdict.this_update != 0) {
            out += " " + std::to_string(event.time - verdict.this_update) + " s old";
        }
    }
    return out;
}

std::vector<JournalField> fields_of(const LoginEvent& event, const AttemptRecord& record) {
    std::vector<JournalField> fields = {
        {"PIV_SERVICE", event.begin.service},
        {"PIV_USER", event.user},
        {"PIV_TTY", event.begin.tty},
        {"PIV_REMOTE_HOST", event.begin.remote_host},
        {"PIV_READER", record.reader},
        {"PIV_CARD", record.card_id},
        {"PIV_ANCHOR", record.anchor},
        {"PIV_RULE", record.rule},
        {"PIV_CODE", code_of(event)},
        {"PIV_DETAIL", event.error ? event.error->detail : ""},
        {"PIV_REVOCATION", revocation_text(event, record)},
        {"PIV_CARD_COMMANDS", std::to_string(record.card_commands)},
    };
    if (record.certificate) {
        fields.emplace_back("PIV_CERTIFICATE", record.certificate->subject());
        fields.emplace_back("PIV_CERTIFICATE_SERIAL", record.certificate->serial_hex());
        fields.emplace_back("PIV_CERTIFICATE_SHA256", record.certificate->sha256_hex());
    }
    for (const StageTime& time : record.times) {
        std::string name = "PIV_MS_" + time.stage;
        for (char& c : name) {
            c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        fields.emplace_back(std::move(name), std::to_string(time.ms));
    }
    return fields;
}

void to_attempts_file(const LoginEvent& event, const AttemptRecord& record) {
    nlohmann::ordered_json line;
    line["time"] = format_time(event.time);
    line["service"] = event.begin.service;
    line["user"] = event.user;
    line["account"] = record.user;
    line["code"] = code_of(event);
    line["detail"] = event.error ? event.error->detail : std::string();
    line["reader"] = record.reader;
    line["card"] = record.card_id;
    line["tty"] = event.begin.tty;
    line["remote_host"] = event.begin.remote_host;
    line["anchor"] = record.anchor;
    line["rule"] = record.rule;
    line["steps"] = steps_json(record);
    line["revocation"] = revocation_json(record);
    line["elapsed_ms"] = elapsed_json(record);
    if (record.certificate) {
        line["certificate"] = certificate_json(*record.certificate);
    }
    const std::string text = dump_json(line) + "\n";
    const UniqueFd file(
        open(kAttemptsFile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    struct stat st {};
    if (!file.valid() || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
        return;
    }
    if (write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        st.st_size > static_cast<off_t>(kMaxAttemptsFile)) {
        const std::string older = std::string(kAttemptsFile) + ".1";
        (void)rename(kAttemptsFile, older.c_str());
    }
}

// By what is in the file of attempts; a login that was granted is always written.
LogLimit limit_of(const LoginEvent& event) {
    if (event.outcome == AuthOutcome::Granted || geteuid() != 0) {
        return LogLimit::Write;
    }
    const UniqueFd file(open(kAttemptsFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat st {};
    if (!file.valid() || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_mtime + kLogWindow < event.time) {
        return LogLimit::Write;
    }
    const off_t start = std::max<off_t>(0, st.st_size - static_cast<off_t>(kMaxLogTail));
    std::string tail(kMaxLogTail, '\0');
    const ssize_t n = pread(file.get(), tail.data(), tail.size(), start);
    tail.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return log_limit(tail, start == 0, {event.begin.service, event.user, code_of(event)},
                     event.time);
}

void to_audit(const LoginEvent& event) {
#ifdef PIV_HAVE_AUDIT
    const UniqueFd audit(audit_open());
    if (audit.valid()) {
        const std::string user = escape_for_display(event.user, 256);
        const std::string operation = "PAM:piv-login code=" + code_of(event);
        // With an address given, the library does not ask the network for that of the host's name.
        const int written = audit_log_acct_message(
            audit.get(), AUDIT_USER_AUTH, nullptr, operation.c_str(), user.c_str(), -1,
            event.begin.remote_host.empty() ? nullptr : event.begin.remote_host.c_str(), "?",
            event.begin.tty.empty() ? nullptr : event.begin.tty.c_str(),
            event.outcome == AuthOutcome::Granted ? 1 : 0);
        static_cast<void>(written);  // a login does not fail for its record
    }
#else
    (void)event;
#endif
}

}  // namespace

std::string attempt_message(const LoginEvent& event, const AttemptRecord& record) {
    const std::string user = event.user.empty() ? "nobody yet known" : event.user;
    std::string text = "service " + event.begin.service + ": ";
    if (event.outcome == AuthOutcome::Granted) {
        text +=
            (event.begin.facility == Facility::ChangePin ? "PIN changed by " : "login of ") + user;
    } else {
        text += (event.begin.facility == Facility::OpenSession
                     ? "removing the card will do nothing to the session of "
                     : "no login for ") +
                user + ": " + code_of(event);
        if (event.error && !event.error->detail.empty()) {
            text += ": " + event.error->detail;
        }
    }
    if (record.certificate) {
        text += "; certificate " + record.certificate->subject() + ", serial " +
                record.certificate->serial_hex();
    }
    if (!record.rule.empty()) {
        text += "; by " + record.rule;
    }
    const std::string revocation = revocation_text(event, record);
    if (!revocation.empty()) {
        text += "; revocation " + revocation + (record.soft ? " (accepted: soft)" : "");
    }
    return escape_for_display(text, 2000);
}

void log_attempt(const LoginEvent& event, const AttemptRecord& record) {
    const bool kept = event.outcome != AuthOutcome::OutOfScope;
    if (kept && event.begin.facility != Facility::OpenSession) {
        to_audit(event);  // of every one: auditd has its own limits
    }
    const LogLimit limit = kept ? limit_of(event) : LogLimit::Write;
    if (limit == LogLimit::LeaveOut) {
        return;
    }
    std::string message = attempt_message(event, record);
    if (limit == LogLimit::WriteLast) {
        message += " (the next ones of this kind are left out for a minute)";
    }
    const int priority = priority_of(event, record);
    write_journal(message, priority, fields_of(event, record));
    if (kept && geteuid() == 0) {
        to_attempts_file(event, record);
    }
}

}  // namespace piv
