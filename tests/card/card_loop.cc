#include "tests/card/card_loop.h"

#include <poll.h>

#include "pki/base/time.h"

namespace piv::vcard {

namespace {

enum ReaderOrder : std::uint8_t { kPowerOff = 0, kPowerOn = 1, kReset = 2, kGetAtr = 4 };
constexpr int kRetryMs = 20;  // how soon an absent reader is tried again
constexpr int kIdleMs = 60000;

const char kDone[] = R"({"ok":true})";

std::string refused(const std::string& why) {
    return R"({"ok":false,"error":")" + why + "\"}";
}

}  // namespace

void CardLoop::run(const volatile std::sig_atomic_t& stop) {
    while (stop == 0 && !quit_) {
        tick();
    }
}

void CardLoop::tick() {
    if (!inserted_ && back_at_ms_ != 0 && monotonic_ms() >= back_at_ms_) {
        inserted_ = true;
        back_at_ms_ = 0;
    }
    if (inserted_ && !link_.connected() && link_.connect()) {
        card_.inserted();
    }
    pollfd watched[2] = {{link_.fd(), POLLIN, 0}, {control_ ? control_->fd() : -1, POLLIN, 0}};
    const bool waiting = (inserted_ && !link_.connected()) || back_at_ms_ != 0;
    if (::poll(watched, 2, waiting ? kRetryMs : kIdleMs) <= 0) {
        return;
    }
    if (watched[0].revents != 0) {
        serve_reader();
    }
    if (watched[1].revents != 0) {
        serve_control();
    }
}

void CardLoop::remove(int back_after_ms) {
    inserted_ = false;
    back_at_ms_ = back_after_ms == 0 ? 0 : monotonic_ms() + back_after_ms;
    link_.disconnect();
}

void CardLoop::serve_reader() {
    Bytes frame;
    if (!link_.receive(frame)) {
        link_.disconnect();  // the reader is gone; run() tries to find it again
        return;
    }
    if (frame.size() != 1) {
        const Exchange exchange = card_.exchange(frame);
        if (exchange.answered) {
            (void)link_.send(exchange.answer);
        }
        if (exchange.removed) {
            remove(exchange.back_after_ms);
        }
        return;
    }
    switch (frame[0]) {
        case kGetAtr:
            (void)link_.send(card_.atr());
            break;
        case kPowerOff:
        case kPowerOn:
        case kReset:
            card_.reset();
            break;
        default:
            break;
    }
}

void CardLoop::serve_control() {
    std::string line;
    UniqueFd client;
    if (control_->accept(line, client)) {
        (void)send_line(client.get(), obey(line));
    }
}

std::string CardLoop::set_tries(const std::string& argument) {
    if (argument.size() != 1 || argument[0] < '0' || argument[0] > '9') {
        return refused("tries: one digit");
    }
    card_.applet().set_tries_left(argument[0] - '0');
    return kDone;
}

std::string CardLoop::obey(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string order = line.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
    if (order == "remove") {
        remove(0);
    } else if (order == "insert") {
        inserted_ = true;
    } else if (order == "reset") {
        card_.reset();  // behind the reader's back: as the next user finds it after a power cycle
    } else if (order == "stats") {
        return card_.statistics();
    } else if (order == "clear") {
        card_.clear_counters();
    } else if (order == "tries") {
        return set_tries(argument);
    } else if (order == "fault") {
        Result<Fault> fault = parse_fault(argument);
        if (!fault) {
            return refused("not a fault");
        }
        card_.add_fault(std::move(fault).value());
    } else if (order == "clear-faults") {
        card_.clear_faults();
    } else if (order == "quit") {
        quit_ = true;
    } else {
        return refused(
            "remove, insert, reset, stats, clear, tries N, fault SPEC, clear-faults, quit");
    }
    return kDone;
}

}  // namespace piv::vcard
