// A virtual card as a reader sees it: the applet, with latency, faults and a log around it.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tests/card/faults.h"
#include "tests/card/piv_applet.h"

namespace piv::vcard {

struct Latency {
    unsigned apdu_ms = 0;  // for each command
    unsigned byte_us = 0;  // for each byte in either direction
};

struct Exchange {
    Bytes answer;
    bool answered = true;   // false: the card was gone before it could answer
    bool removed = false;   // the card is out of the reader now
    int back_after_ms = 0;  // it comes back by itself after so long; 0: it does not
};

class VirtualCard {
  public:
    VirtualCard(CardProfile profile, std::vector<Fault> faults, Latency latency, std::FILE* log);

    /// One command. Sleeps for the latency.
    Exchange exchange(ByteView command);
    /// Power on, power off or warm reset.
    void reset();
    /// The card was put into the reader: the count for `apdu=N` faults starts again.
    void inserted();
    void clear_counters();
    void add_fault(Fault fault) { faults_.push_back(std::move(fault)); }
    void clear_faults() { faults_.clear(); }

    [[nodiscard]] Bytes atr() const { return answer_to_reset(applet_.profile()); }
    [[nodiscard]] PivApplet& applet() noexcept { return applet_; }
    /// One JSON object on one line.
    [[nodiscard]] std::string statistics();

  private:
    Bytes carry_out(ByteView command, const std::vector<Fault*>& due, Exchange& out);
    void write_log(ByteView command, const Exchange& exchange) const;

    PivApplet applet_;
    std::vector<Fault> faults_;
    Latency latency_;
    std::FILE* log_;
    unsigned index_ = 0;  // commands since insertion
    bool endless_ = false;
};

}  // namespace piv::vcard
