// Runs a virtual card: commands from the reader, orders from the control socket, until told to end.
#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "tests/card/control.h"
#include "tests/card/virtual_card.h"
#include "tests/card/vpcd_link.h"

namespace piv::vcard {

class CardLoop {
  public:
    CardLoop(VirtualCard card, VpcdLink link, std::optional<ControlSocket> control, bool inserted)
        : card_(std::move(card)),
          link_(std::move(link)),
          control_(std::move(control)),
          inserted_(inserted) {}

    /// Until `stop` becomes non-zero or `quit` is ordered. Keeps trying while no reader listens.
    void run(const volatile std::sig_atomic_t& stop);
    [[nodiscard]] VirtualCard& card() noexcept { return card_; }

  private:
    void tick();
    void serve_reader();
    void serve_control();
    std::string obey(const std::string& line);
    std::string set_tries(const std::string& argument);
    void remove(int back_after_ms);

    VirtualCard card_;
    VpcdLink link_;
    std::optional<ControlSocket> control_;
    bool inserted_;
    bool quit_ = false;
    long long back_at_ms_ = 0;  // CLOCK_MONOTONIC; 0: not by itself
};

}  // namespace piv::vcard
