// PC/SC-Lite, loaded only in the card role and only by its soname: the process that decides never
// maps it. Contexts and connections as owners; every status turned into an ErrorCode.
#pragma once

#include <PCSC/winscard.h>

#include <memory>
#include <string>
#include <vector>

#include "pam_module/card/card_link.h"

namespace piv {

/// The functions used of libpcsclite.
struct PcscLibrary {
    decltype(&::SCardEstablishContext) establish_context = nullptr;
    decltype(&::SCardReleaseContext) release_context = nullptr;
    decltype(&::SCardListReaders) list_readers = nullptr;
    decltype(&::SCardGetStatusChange) get_status_change = nullptr;
    decltype(&::SCardConnect) connect = nullptr;
    decltype(&::SCardReconnect) reconnect = nullptr;
    decltype(&::SCardDisconnect) disconnect = nullptr;
    decltype(&::SCardStatus) status = nullptr;
    decltype(&::SCardBeginTransaction) begin_transaction = nullptr;
    decltype(&::SCardEndTransaction) end_transaction = nullptr;
    decltype(&::SCardTransmit) transmit = nullptr;
    decltype(&::SCardControl) control = nullptr;

    /// The library of the system; stays loaded. Error: PcscDown.
    static Result<const PcscLibrary*> load();
};

/// What a PC/SC status means to a login; `what` names the call for the diagnostic.
Error pcsc_error(LONG status, const char* what);

struct ReaderState {
    std::string name;
    bool card = false;
    bool mute = false;      // a card that does not answer to reset: wrong way round, dirty
    bool in_use = false;    // other programs are connected to the card
    DWORD event_state = 0;  // for the next wait
};

class PcscContext {
  public:
    /// Errors: PcscDown, PcscDenied.
    static Result<std::shared_ptr<PcscContext>> establish(const PcscLibrary& library);
    ~PcscContext();
    PcscContext(const PcscContext&) = delete;
    PcscContext& operator=(const PcscContext&) = delete;

    /// Readers whose name matches the glob (empty: all), in the daemon's order, with their state.
    Result<std::vector<ReaderState>> readers(const std::string& pattern) const;
    /// The reader of exactly this name; empty when it is gone.
    Result<std::vector<ReaderState>> reader(const std::string& name) const;
    /// Waits until something changes at a reader or a reader comes or goes; at most `timeout_ms`.
    /// False: nothing did.
    Result<bool> wait_for_change(const std::vector<ReaderState>& seen, int timeout_ms) const;
    /// Connects to the card in a reader, shared. Errors: CardBusy, NoCard, CardFailure, ...
    static Result<std::unique_ptr<CardLink>> connect(std::shared_ptr<PcscContext> context,
                                                     const ReaderState& reader, Deadline deadline);

    [[nodiscard]] const PcscLibrary& library() const noexcept { return library_; }

  private:
    PcscContext(const PcscLibrary& library, SCARDCONTEXT context) noexcept
        : library_(library), context_(context) {}
    Status read_states(std::vector<ReaderState>& readers) const;
    const PcscLibrary& library_;
    SCARDCONTEXT context_;
};

/// Whether a name matches the configured glob; an empty pattern matches every name.
bool reader_matches(const std::string& pattern, const std::string& name);

}  // namespace piv
