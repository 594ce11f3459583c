// pcsc-wait: waits until pcscd serves so many readers, or until a card is in (or out of) a reader.
// For test scripts: readiness instead of sleeps.
#include <winscard.h>

#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "pki/base/time.h"
#include "pki/cli/command_line.h"
#include "pki/cli/tool.h"

using namespace piv;

namespace {

struct Options {
    int readers = -1;
    bool present = false;
    bool absent = false;
    bool list = false;
    std::string reader;  // a part of the name; empty: any
    int timeout_ms = 10000;
};

class Context {
  public:
    Context() = default;
    ~Context() { close(); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    bool open() {
        open_ = open_ || SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context_) ==
                             SCARD_S_SUCCESS;
        return open_;
    }
    void close() {
        if (open_) {
            (void)SCardReleaseContext(context_);
            open_ = false;
        }
    }
    [[nodiscard]] SCARDCONTEXT get() const { return context_; }

  private:
    SCARDCONTEXT context_ = 0;
    bool open_ = false;
};

std::vector<std::string> reader_names(Context& context) {
    DWORD size = 0;
    std::vector<std::string> names;
    if (SCardListReaders(context.get(), nullptr, nullptr, &size) != SCARD_S_SUCCESS || size == 0) {
        return names;
    }
    std::string buffer(size, '\0');
    if (SCardListReaders(context.get(), nullptr, buffer.data(), &size) != SCARD_S_SUCCESS) {
        return names;
    }
    for (std::size_t at = 0; at < buffer.size() && buffer[at] != '\0';) {
        names.emplace_back(&buffer[at]);
        at += names.back().size() + 1;
    }
    return names;
}

bool card_in(Context& context, const std::string& reader) {
    SCARD_READERSTATE state{};
    state.szReader = reader.c_str();
    state.dwCurrentState = SCARD_STATE_UNAWARE;
    return SCardGetStatusChange(context.get(), 0, &state, 1) == SCARD_S_SUCCESS &&
           (state.dwEventState & SCARD_STATE_PRESENT) != 0 &&
           (state.dwEventState & SCARD_STATE_MUTE) == 0;
}

bool reached(Context& context, const Options& o) {
    if (!context.open()) {
        return false;
    }
    const std::vector<std::string> names = reader_names(context);
    if (names.empty()) {
        context.close();  // pcscd may have been started again: a context does not survive that
    }
    if (o.readers >= 0) {
        return static_cast<int>(names.size()) >= o.readers;
    }
    int matching = 0;
    int with_card = 0;
    for (const std::string& name : names) {
        if (o.reader.empty() || name.find(o.reader) != std::string::npos) {
            ++matching;
            with_card += card_in(context, name) ? 1 : 0;
        }
    }
    return o.present ? with_card > 0 : matching > 0 && with_card == 0;
}

int list(Context& context) {
    if (!context.open()) {
        return exit_status(Error(ErrorCode::PcscDown));
    }
    for (const std::string& name : reader_names(context)) {
        std::cout << (card_in(context, name) ? "card   " : "empty  ") << name << "\n";
    }
    return 0;
}

int wait_for_it(const Options& o) {
    Context context;
    if (o.list) {
        return list(context);
    }
    const Deadline deadline = Deadline::after_ms(o.timeout_ms);
    while (!reached(context, o)) {
        if (deadline.over()) {
            report_problem("pcsc-wait", "not reached in " + std::to_string(o.timeout_ms) + " ms",
                           "see pcscd's messages");
            return static_cast<int>(ExitStatus::No);
        }
        const timespec pause{0, 10000000};
        (void)nanosleep(&pause, nullptr);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        CommandLine app("Waits for readers or for a card", "pcsc-wait");
        Options o;
        app.add_option("--readers", o.readers, "until at least so many readers are there");
        app.add_flag("--present", o.present, "until a card is in the reader");
        app.add_flag("--absent", o.absent, "until there is no card in it");
        app.add_flag("--list", o.list, "show the readers now");
        app.add_option("--timeout-ms", o.timeout_ms, "give up after so long (10000)");
        app.add_option("reader", o.reader, "part of the reader's name");
        if (const std::optional<int> end = app.parse(argc, argv)) {
            return *end;
        }
        return wait_for_it(o);
    } catch (const std::exception& error) {
        report_problem("pcsc-wait", error.what(), "report this");
        return static_cast<int>(ExitStatus::CannotTell);
    }
}
