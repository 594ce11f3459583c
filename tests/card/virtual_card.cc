#include "tests/card/virtual_card.h"

#include <ctime>
#include <nlohmann/json.hpp>

namespace piv::vcard {

namespace {

constexpr std::uint8_t kGetResponse = 0xC0;

void sleep_us(unsigned long us) noexcept {
    timespec left{static_cast<time_t>(us / 1000000), static_cast<long>(us % 1000000) * 1000};
    while (us != 0 && nanosleep(&left, &left) != 0) {
    }
}

}  // namespace

VirtualCard::VirtualCard(CardProfile profile, std::vector<Fault> faults, Latency latency,
                         std::FILE* log)
    : applet_(std::move(profile)), faults_(std::move(faults)), latency_(latency), log_(log) {}

void VirtualCard::reset() {
    endless_ = false;
    applet_.reset();
    if (log_ != nullptr) {
        (void)std::fputs("reset\n", log_);
    }
}

void VirtualCard::inserted() {
    index_ = 0;
    reset();
}

void VirtualCard::clear_counters() {
    applet_.counters().clear();
    index_ = 0;
}

Exchange VirtualCard::exchange(ByteView command) {
    ++index_;
    std::vector<Fault*> due;
    for (Fault& fault : faults_) {
        if (fault_is_due(fault, index_, command)) {
            due.push_back(&fault);
        }
    }
    Exchange out;
    out.answer = carry_out(command, due, out);
    sleep_us(latency_.apdu_ms * 1000UL +
             static_cast<unsigned long>(latency_.byte_us) * (command.size() + out.answer.size()));
    write_log(command, out);
    return out;
}

Bytes VirtualCard::carry_out(ByteView command, const std::vector<Fault*>& due, Exchange& out) {
    for (Fault* const fault : due) {
        switch (fault->what) {
            case Fault::What::Remove:
                out.answered = false;
                out.removed = true;
                out.back_after_ms = static_cast<int>(fault->number);
                return {};
            case Fault::What::Status:
                return Response(static_cast<std::uint16_t>(fault->number)).encode();
            case Fault::What::Forget:
                reset();
                break;
            case Fault::What::Delay:
                sleep_us(fault->number * 1000UL);
                break;
            default:
                break;
        }
    }
    Bytes answer = applet_.transmit(command);
    const bool more_wanted = command.size() > 1 && command[1] == kGetResponse;
    endless_ = endless_ && more_wanted;
    for (Fault* const fault : due) {
        spoil(*fault, answer);
        endless_ = endless_ || fault->what == Fault::What::Endless;
        if (fault->what == Fault::What::RemoveAfter) {
            out.removed = true;
            out.back_after_ms = static_cast<int>(fault->number);
        }
    }
    if (endless_) {
        Fault more;
        more.what = Fault::What::Endless;
        spoil(more, answer);
    }
    return answer;
}

// Header, lengths and status word: nothing of what a command carries, since that may be a PIN.
void VirtualCard::write_log(ByteView command, const Exchange& exchange) const {
    if (log_ == nullptr) {
        return;
    }
    const ByteView answer(exchange.answer);
    const std::string header = to_hex(command.sub(0, 4));
    const std::string status = answer.size() < 2 ? "none" : to_hex(answer.sub(answer.size() - 2));
    (void)std::fprintf(log_, "%u %s in=%zu out=%zu sw=%s%s\n", index_, header.c_str(),
                       command.size(), answer.size(), status.c_str(),
                       exchange.removed ? " removed" : "");
    (void)std::fflush(log_);
}

std::string VirtualCard::statistics() {
    const Counters& c = applet_.counters();
    const nlohmann::ordered_json json{{"apdus", c.apdus},
                                      {"selects", c.selects},
                                      {"get_data", c.get_data},
                                      {"get_response", c.get_response},
                                      {"verify", c.verify},
                                      {"verify_wrong", c.verify_wrong},
                                      {"wrong_ever", c.wrong_ever},
                                      {"tries_queries", c.tries_queries},
                                      {"pin_changes", c.pin_changes},
                                      {"signatures", c.signatures},
                                      {"resets", c.resets},
                                      {"bytes_in", c.bytes_in},
                                      {"bytes_out", c.bytes_out},
                                      {"tries_left", applet_.tries_left()}};
    return json.dump();
}

}  // namespace piv::vcard
