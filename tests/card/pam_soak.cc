// pam-soak: many logins in one process, as a screen locker or greeter that runs for months does them.
// Mixed outcomes; afterwards memory, descriptors and children of this process must not have grown.
#include <dirent.h>
#include <security/pam_appl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "pki/cli/command_line.h"
#include "pki/cli/tool.h"
#include "tests/card/control.h"

using namespace piv;

namespace {

constexpr char kTool[] = "pam-soak";

struct Options {
    std::string service = "piv-test";
    std::string user = "alice";
    std::string other_user = "carol";
    std::string pin = "123456";
    std::string control;  // of the virtual card
    unsigned count = 1000;
    long allowed_growth_kb = 512;
};

// What the person at the prompt does this time.
struct Person {
    std::string pin;
    bool cancels = false;
};

struct Kind {
    const char* name;
    int wanted;
    unsigned good;  // counts
    unsigned bad;
};

int converse(int count, const pam_message** messages, pam_response** responses, void* data) {
    const auto* person = static_cast<const Person*>(data);
    if (person->cancels) {
        return PAM_CONV_ERR;
    }
    auto* out = static_cast<pam_response*>(
        std::calloc(static_cast<std::size_t>(count), sizeof **responses));
    if (out == nullptr) {
        return PAM_BUF_ERR;
    }
    for (int i = 0; i < count; ++i) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
            out[i].resp = ::strdup(person->pin.c_str());
        }
    }
    *responses = out;
    return PAM_SUCCESS;
}

int log_in(const Options& o, const std::string& user, const Person& person) {
    Person copy = person;
    const pam_conv conversation{converse, &copy};
    pam_handle_t* handle = nullptr;
    int result = pam_start(o.service.c_str(), user.c_str(), &conversation, &handle);
    if (result == PAM_SUCCESS) {
        result = pam_authenticate(handle, 0);
        (void)pam_end(handle, result);
    }
    return result;
}

long resident_kb() {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line)) {
        if (line.compare(0, 6, "VmRSS:") == 0) {
            return std::strtol(line.c_str() + 6, nullptr, 10);
        }
    }
    return -1;
}

int descriptors() {
    int count = 0;
    DIR* folder = ::opendir("/proc/self/fd");
    while (folder != nullptr && ::readdir(folder) != nullptr) {
        ++count;
    }
    if (folder != nullptr) {
        (void)::closedir(folder);
    }
    return count;
}

bool no_children() {
    return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

// One login of the kind that is its turn.
std::size_t turn(const Options& o, unsigned i, std::vector<Kind>& kinds, int& result) {
    const Person right{o.pin, false};
    if (i % 100 == 50 && !o.control.empty()) {
        // Pulled at one of the six commands of a known card, in turn; back in the reader soon.
        const std::string fault = "fault apdu=" + std::to_string(1 + i / 100 % 6) + ":remove=1";
        (void)vcard::ask(o.control, "clear");
        (void)vcard::ask(o.control, fault);
        result = log_in(o, o.user, right);
        (void)vcard::ask(o.control, "clear-faults");
        // Until the reader has seen that the card is back.
        for (int tries = 0; tries < 20 && log_in(o, o.user, right) != PAM_SUCCESS; ++tries) {
            (void)::usleep(200000);
        }
        return kinds.size() - 1;
    }
    switch (i % 10) {
        case 3:
            result = log_in(o, o.user, Person{"654321", false});
            return 1;
        case 5:
            result = log_in(o, o.other_user, right);
            return 2;
        case 7:
            result = log_in(o, o.user, Person{"", false});
            return 3;
        case 9:
            result = log_in(o, o.user, Person{"", true});
            return 4;
        default:
            result = log_in(o, o.user, right);
            return 0;
    }
}

int soak(const Options& o) {
    std::vector<Kind> kinds{{"right PIN", PAM_SUCCESS, 0, 0},
                            {"wrong PIN", PAM_AUTH_ERR, 0, 0},
                            {"another user's card", PAM_AUTH_ERR, 0, 0},
                            {"empty PIN", PAM_AUTH_ERR, 0, 0},
                            {"cancelled", PAM_CONV_ERR, 0, 0},
                            {"card pulled", PAM_AUTHINFO_UNAVAIL, 0, 0}};
    const unsigned warm = o.count / 10 + 10;
    long memory = 0;
    int open = 0;
    for (unsigned i = 0; i < o.count; ++i) {
        if (i == warm) {
            memory = resident_kb();
            open = descriptors();
        }
        int result = PAM_SYSTEM_ERR;
        Kind& kind = kinds[turn(o, i, kinds, result)];
        if (result == kind.wanted) {
            ++kind.good;
        } else {
            ++kind.bad;
            std::cerr << "login " << i << " (" << kind.name << "): " << result << "\n";
        }
    }
    bool good = no_children() && descriptors() == open;
    for (const Kind& kind : kinds) {
        std::printf("%-20s %6u as wanted, %u not\n", kind.name, kind.good, kind.bad);
        // A card that comes back fast enough may still serve: that is no fault.
        good = good && (kind.bad == 0 || kind.wanted == PAM_AUTHINFO_UNAVAIL);
    }
    const long growth = resident_kb() - memory;
    std::printf("memory %ld kB after %u logins, %+ld kB at the end; descriptors %d, then %d; %s\n",
                memory, warm, growth, open, descriptors(),
                no_children() ? "no children" : "children left");
    return good && growth <= o.allowed_growth_kb ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        CommandLine app("Many PAM logins with mixed outcomes in one process", kTool);
        Options o;
        app.add_option("--service", o.service, "PAM service");
        app.add_option("--user", o.user, "whose card is in the reader");
        app.add_option("--other-user", o.other_user, "whose it is not");
        app.add_option("--pin", o.pin, "the card's PIN");
        app.add_option("--control", o.control, "control socket of the virtual card: pulls it too");
        app.add_option("--count", o.count, "logins")->in_range(20, 10000000);
        app.add_option("--allowed-growth-kb", o.allowed_growth_kb, "of resident memory");
        if (const std::optional<int> end = app.parse(argc, argv)) {
            return *end;
        }
        return soak(o);
    } catch (const std::exception& error) {
        report_problem(kTool, error.what(), "report this");
        return static_cast<int>(ExitStatus::CannotTell);
    }
}
