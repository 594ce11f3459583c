// piv-virtual-card: a PIV card for the reader driver vpcd. For tests and demonstrations only.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>

#include "pki/base/file.h"
#include "pki/cli/command_line.h"
#include "pki/cli/tool.h"
#include "tests/card/card_loop.h"

using namespace piv;
using namespace piv::vcard;

namespace {

constexpr char kTool[] = "piv-virtual-card";
constexpr std::size_t kMaxObject = 64 * 1024;

volatile std::sig_atomic_t g_stop = 0;
extern "C" void stop_on_signal(int) {
    g_stop = 1;
}

struct Options {
    std::uint16_t port = 35963;
    CardProfile profile;
    std::vector<std::string> slots;
    std::vector<std::string> objects;
    std::vector<std::string> gated;
    std::vector<std::string> faults;
    std::string guid;
    std::string log;
    std::string control;
    std::string tell;
    std::vector<std::string> order;
    int tries_left = -1;
    Latency latency;
    bool short_apdus = false;
    bool extended_apdus = false;
    bool no_discovery = false;
    bool absent = false;
    bool stats = false;
};

void declare_card(CommandLine& app, Options& o) {
    app.add_option("--slot", o.slots,
                   "SLOT=CERT[,KEY[,FORM]]: 9a, 9c, 9d, 9e, 82 to 95; '-' leaves one out; FORM is "
                   "plain, gzip, no-edc, info-first, mscuid, long-length or gzip-unsaid");
    app.add_option("--object", o.objects, "TAG=FILE: a whole data object; TAG=- takes it away");
    app.add_option("--pin-gated", o.gated, "TAG: this object is read only after the PIN");
    app.add_option("--guid", o.guid, "32 hexadecimal digits for the CHUID");
    app.add_option("--pin", o.profile.pin, "PIN (123456)");
    app.add_option("--puk", o.profile.puk, "PUK (12345678)");
    app.add_option("--global-pin", o.profile.global_pin, "the card has a global PIN too");
    app.add_flag("--global-preferred", o.profile.global_preferred, "and prefers it");
    app.add_option("--tries", o.profile.tries, "PIN retry counter (3)")->in_range(1, 15);
    app.add_option("--puk-tries", o.profile.puk_tries, "PUK retry counter (3)")->in_range(1, 15);
    app.add_option("--tries-left", o.tries_left, "PIN tries left at the start")->in_range(0, 15);
    app.add_flag("--no-discovery", o.no_discovery, "without the discovery object");
    app.add_flag("--default-selected", o.profile.default_selected, "needs no SELECT");
    app.add_flag("--contactless-atr", o.profile.contactless_atr, "an ATR with T=0 and T=1");
    app.add_flag("--yubikey", o.profile.yubikey, "answers Yubico's version and serial commands");
    app.add_flag("--extended", o.extended_apdus, "extended APDUs work, the ATR says so (default)");
    app.add_flag("--short", o.short_apdus, "short APDUs only")->excludes("--extended");
}

void declare_rest(CommandLine& app, Options& o) {
    app.add_option("--port", o.port, "TCP port where vpcd listens on 127.0.0.1 (35963)");
    app.add_flag("--absent", o.absent, "not in the reader until the order 'insert'");
    app.add_option("--latency-apdu-ms", o.latency.apdu_ms, "each command takes so long");
    app.add_option("--latency-byte-us", o.latency.byte_us, "each byte takes so long");
    app.add_option(
        "--fault", o.faults,
        "WHEN:WHAT. WHEN: apdu=N, ins=XX, object=TAG, always. WHAT: remove[=MS], "
        "remove-after[=MS], sw=XXXX, truncate=N, empty, replace=HEX, append=HEX, flip=N, "
        "garbage=N, endless, constant, lie=XXXX, forget, delay=MS");
    app.add_option("--log", o.log, "one line for each command: header, lengths, status word");
    app.add_flag("--stats", o.stats, "counts as JSON on stdout at the end");
    app.add_option("--control", o.control, "listen for orders on this UNIX socket");
    app.add_option("--tell", o.tell, "send an order to the card at this socket and end");
    app.add_option(
        "order", o.order,
        "for --tell: remove, insert, reset, stats, clear, tries N, fault SPEC, clear-faults, quit");
}

bool split_at_equals(const std::string& text, std::string& left, std::string& right) {
    const std::size_t at = text.find('=');
    if (at == std::string::npos) {
        return false;
    }
    left = text.substr(0, at);
    right = text.substr(at + 1);
    return true;
}

Result<std::uint32_t> tag_from(const std::string& text) {
    Bytes bytes;
    if (!from_hex(text, bytes) || bytes.empty() || bytes.size() > 3) {
        return Error(ErrorCode::BadUsage, "not a tag: " + text);
    }
    std::uint32_t tag = 0;
    for (const std::uint8_t byte : bytes) {
        tag = tag << 8 | byte;
    }
    return tag;
}

Status put_object(CardProfile& profile, const std::string& spec) {
    std::string name;
    std::string path;
    if (!split_at_equals(spec, name, path)) {
        return Error(ErrorCode::BadUsage, "TAG=FILE is wanted, not " + spec);
    }
    const Result<std::uint32_t> tag = tag_from(name);
    if (!tag) {
        return tag.error();
    }
    profile.objects.erase(*tag);
    if (path != "-") {
        Result<Bytes> content = read_file(path, kMaxObject);
        if (!content) {
            return std::move(content).error();
        }
        profile.objects[*tag] = std::move(content).value();
    }
    return {};
}

Status build_profile(Options& o) {
    o.profile.extended = !o.short_apdus;
    o.profile.discovery = !o.no_discovery;
    for (const std::string& spec : o.slots) {
        std::string name;
        std::string content;
        if (!split_at_equals(spec, name, content)) {
            return Error(ErrorCode::BadUsage, "SLOT=CERT,KEY is wanted, not " + spec);
        }
        const Result<std::uint32_t> slot = tag_from(name);
        if (!slot || *slot > 0xFF) {
            return Error(ErrorCode::BadUsage, "not a slot: " + name);
        }
        Status added = add_slot(o.profile, static_cast<std::uint8_t>(*slot), content);
        if (!added) {
            return added;
        }
    }
    Bytes guid;
    if (!o.guid.empty() && (!from_hex(o.guid, guid) || guid.size() != 16)) {
        return Error(ErrorCode::BadUsage, "--guid wants 32 hexadecimal digits");
    }
    add_standard_objects(o.profile, guid);
    for (const std::string& spec : o.objects) {
        Status put = put_object(o.profile, spec);
        if (!put) {
            return put;
        }
    }
    for (const std::string& name : o.gated) {
        const Result<std::uint32_t> tag = tag_from(name);
        if (!tag) {
            return tag.error();
        }
        o.profile.pin_gated.insert(*tag);
    }
    return {};
}

int fail(const Error& error) {
    report_problem(kTool, error);
    return exit_status(error);
}

int tell(const Options& o) {
    std::string line;
    for (const std::string& word : o.order) {
        line += (line.empty() ? "" : " ") + word;
    }
    const Result<std::string> answer = ask(o.tell, line);
    if (!answer) {
        return fail(answer.error());
    }
    std::cout << *answer << "\n";
    return answer->find("\"ok\":false") == std::string::npos ? 0 : 1;
}

int run_card(Options& o) {
    const Status built = build_profile(o);
    if (!built) {
        return fail(built.error());
    }
    std::vector<Fault> faults;
    for (const std::string& spec : o.faults) {
        Result<Fault> fault = parse_fault(spec);
        if (!fault) {
            return fail(fault.error());
        }
        faults.push_back(std::move(fault).value());
    }
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> log(nullptr, &std::fclose);
    if (!o.log.empty()) {
        log.reset(std::fopen(o.log.c_str(), "we"));
        if (!log) {
            return fail(Error(ErrorCode::WriteFailed, o.log));
        }
    }
    std::optional<ControlSocket> control;
    if (!o.control.empty()) {
        Result<ControlSocket> socket = ControlSocket::listen(o.control);
        if (!socket) {
            return fail(socket.error());
        }
        control.emplace(std::move(socket).value());
    }
    VirtualCard card(std::move(o.profile), std::move(faults), o.latency, log.get());
    if (o.tries_left >= 0) {
        card.applet().set_tries_left(o.tries_left);
    }
    CardLoop loop(std::move(card), VpcdLink(o.port), std::move(control), !o.absent);
    loop.run(g_stop);
    if (o.stats) {
        std::cout << loop.card().statistics() << std::endl;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        CommandLine app("A virtual PIV card (SP 800-73-4) for pcscd's reader driver vpcd", kTool);
        app.version(std::string(kTool) + " " + PIV_VERSION);
        Options options;
        declare_card(app, options);
        declare_rest(app, options);
        if (const std::optional<int> end = app.parse(argc, argv)) {
            return *end;
        }
        struct sigaction action {};
        action.sa_handler = stop_on_signal;
        (void)sigaction(SIGTERM, &action, nullptr);
        (void)sigaction(SIGINT, &action, nullptr);
        return options.tell.empty() ? run_card(options) : tell(options);
    } catch (const std::exception& error) {
        return fail(Error(ErrorCode::Internal, error.what()));
    }
}
