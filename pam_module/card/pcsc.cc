#include "pam_module/card/pcsc.h"

#include <dlfcn.h>
#include <fnmatch.h>

#include <cstdio>

#include "pam_module/card/pcsc_link.h"

namespace piv {

namespace {

constexpr DWORD kMaxReaderNames = 16U * 1024;
constexpr std::size_t kMaxReaders = 64;
constexpr char kPlugAndPlay[] = "\\\\?PnP?\\Notification";

template <typename Function>
bool resolve(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
}

bool resolve_all(void* h, PcscLibrary& l) {
    return resolve(h, "SCardEstablishContext", l.establish_context) &&
           resolve(h, "SCardReleaseContext", l.release_context) &&
           resolve(h, "SCardListReaders", l.list_readers) &&
           resolve(h, "SCardGetStatusChange", l.get_status_change) &&
           resolve(h, "SCardConnect", l.connect) && resolve(h, "SCardReconnect", l.reconnect) &&
           resolve(h, "SCardDisconnect", l.disconnect) && resolve(h, "SCardStatus", l.status) &&
           resolve(h, "SCardBeginTransaction", l.begin_transaction) &&
           resolve(h, "SCardEndTransaction", l.end_transaction) &&
           resolve(h, "SCardTransmit", l.transmit) && resolve(h, "SCardControl", l.control);
}

ErrorCode code_of(LONG status) {
    switch (static_cast<unsigned long>(status) & 0xFFFFFFFFUL) {
        case SCARD_E_NO_SERVICE & 0xFFFFFFFFUL:
        case SCARD_E_SERVICE_STOPPED & 0xFFFFFFFFUL:
        case SCARD_E_INVALID_HANDLE & 0xFFFFFFFFUL:  // the daemon was restarted
        case SCARD_F_COMM_ERROR & 0xFFFFFFFFUL:
            return ErrorCode::PcscDown;
        case SCARD_W_SECURITY_VIOLATION & 0xFFFFFFFFUL:
            return ErrorCode::PcscDenied;
        case SCARD_E_NO_READERS_AVAILABLE & 0xFFFFFFFFUL:
            return ErrorCode::NoReader;
        case SCARD_E_NO_SMARTCARD & 0xFFFFFFFFUL:
            return ErrorCode::NoCard;
        case SCARD_W_REMOVED_CARD & 0xFFFFFFFFUL:
        case SCARD_E_READER_UNAVAILABLE & 0xFFFFFFFFUL:
        case SCARD_E_UNKNOWN_READER & 0xFFFFFFFFUL:
            return ErrorCode::CardRemoved;
        case SCARD_E_SHARING_VIOLATION & 0xFFFFFFFFUL:
            return ErrorCode::CardBusy;
        case SCARD_E_TIMEOUT & 0xFFFFFFFFUL:
            return ErrorCode::DeadlineOver;
        case SCARD_E_NO_MEMORY & 0xFFFFFFFFUL:
            return ErrorCode::OutOfMemory;
        default:
            return ErrorCode::CardFailure;
    }
}

}  // namespace

// The soname, found in the system's library folders: the role has no LD_LIBRARY_PATH.
Result<const PcscLibrary*> PcscLibrary::load() {
    static const Result<const PcscLibrary*> loaded = []() -> Result<const PcscLibrary*> {
        static PcscLibrary library;
        void* handle = dlopen("libpcsclite.so.1", RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            return Error(ErrorCode::PcscDown, "libpcsclite.so.1 is not installed");
        }
        if (!resolve_all(handle, library)) {
            return Error(ErrorCode::PcscDown, "libpcsclite.so.1 lacks a function");
        }
        return &library;
    }();
    return loaded;
}

Error pcsc_error(LONG status, const char* what) {
    char text[96];
    std::snprintf(text, sizeof text, "%s: PC/SC status %08lX", what,
                  static_cast<unsigned long>(status) & 0xFFFFFFFFUL);
    return {code_of(status), text};
}

bool reader_matches(const std::string& pattern, const std::string& name) {
    return pattern.empty() || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

Result<std::shared_ptr<PcscContext>> PcscContext::establish(const PcscLibrary& library) {
    SCARDCONTEXT context = 0;
    const LONG status = library.establish_context(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
    if (status != SCARD_S_SUCCESS) {
        return pcsc_error(status, "SCardEstablishContext");
    }
    return std::shared_ptr<PcscContext>(new PcscContext(library, context));
}

PcscContext::~PcscContext() {
    (void)library_.release_context(context_);
}

Result<std::vector<ReaderState>> PcscContext::readers(const std::string& pattern) const {
    std::vector<char> names(kMaxReaderNames);
    DWORD size = kMaxReaderNames;
    const LONG status = library_.list_readers(context_, nullptr, names.data(), &size);
    if (status == SCARD_E_NO_READERS_AVAILABLE) {
        return std::vector<ReaderState>();
    }
    if (status != SCARD_S_SUCCESS) {
        return pcsc_error(status, "SCardListReaders");
    }
    std::vector<ReaderState> readers;
    names.resize(size < kMaxReaderNames ? size : kMaxReaderNames);
    names.push_back('\0');
    names.push_back('\0');
    for (const char* name = names.data(); *name != '\0' && readers.size() < kMaxReaders;) {
        ReaderState reader;
        reader.name = name;
        name += reader.name.size() + 1;
        if (reader_matches(pattern, reader.name)) {
            readers.push_back(std::move(reader));
        }
    }
    if (!readers.empty()) {
        if (Status s = read_states(readers); !s) {
            return std::move(s).error();
        }
    }
    return readers;
}

Status PcscContext::read_states(std::vector<ReaderState>& readers) const {
    std::vector<SCARD_READERSTATE> states(readers.size());
    for (std::size_t i = 0; i < readers.size(); ++i) {
        states[i].szReader = readers[i].name.c_str();
        states[i].dwCurrentState = SCARD_STATE_UNAWARE;
    }
    const LONG status =
        library_.get_status_change(context_, 0, states.data(), static_cast<DWORD>(states.size()));
    if (status != SCARD_S_SUCCESS && status != SCARD_E_TIMEOUT) {
        return pcsc_error(status, "SCardGetStatusChange");
    }
    for (std::size_t i = 0; i < readers.size(); ++i) {
        const DWORD state = states[i].dwEventState;
        readers[i].event_state = state;
        readers[i].card = (state & SCARD_STATE_PRESENT) != 0;
        readers[i].mute = (state & SCARD_STATE_MUTE) != 0;
        readers[i].in_use = (state & (SCARD_STATE_INUSE | SCARD_STATE_EXCLUSIVE)) != 0;
    }
    return {};
}

Result<std::vector<ReaderState>> PcscContext::reader(const std::string& name) const {
    std::vector<ReaderState> one(1);
    one[0].name = name;
    if (Status s = read_states(one); !s) {
        if (s.code() == ErrorCode::CardRemoved) {  // unknown reader: it is gone
            return std::vector<ReaderState>();
        }
        return std::move(s).error();
    }
    return one;
}

Result<bool> PcscContext::wait_for_change(const std::vector<ReaderState>& seen,
                                          int timeout_ms) const {
    std::vector<SCARD_READERSTATE> states(seen.size() + 1);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        states[i].szReader = seen[i].name.c_str();
        states[i].dwCurrentState = seen[i].event_state;
    }
    states.back().szReader = kPlugAndPlay;
    states.back().dwCurrentState = SCARD_STATE_UNAWARE;
    const LONG status =
        library_.get_status_change(context_, static_cast<DWORD>(timeout_ms < 0 ? 0 : timeout_ms),
                                   states.data(), static_cast<DWORD>(states.size()));
    if (status == SCARD_E_TIMEOUT) {
        return false;
    }
    if (status != SCARD_S_SUCCESS && status != SCARD_E_UNKNOWN_READER) {
        return pcsc_error(status, "SCardGetStatusChange");
    }
    return true;
}

Result<std::unique_ptr<CardLink>> PcscContext::connect(std::shared_ptr<PcscContext> context,
                                                       const ReaderState& reader,
                                                       Deadline deadline) {
    const PcscLibrary& library = context->library_;
    for (;;) {
        SCARDHANDLE card = 0;
        DWORD protocol = 0;
        const LONG status =
            library.connect(context->context_, reader.name.c_str(), SCARD_SHARE_SHARED,
                            SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
        if (status == SCARD_S_SUCCESS) {
            return PcscLink::make(std::move(context), reader, card, protocol);
        }
        // Somebody has the card for itself, perhaps only for a moment: until something changes.
        // Not to the very end: who waits for us has the same deadline, and is to hear the reason.
        constexpr int kLookAgainMs = 250;
        constexpr int kToAnswerMs = 500;
        const int left = deadline.left_ms();
        if (status != SCARD_E_SHARING_VIOLATION || left <= kToAnswerMs) {
            return pcsc_error(status, "SCardConnect");
        }
        auto changed =
            context->wait_for_change({reader}, left < kLookAgainMs ? left : kLookAgainMs);
        if (!changed) {
            return std::move(changed).error();
        }
    }
}

}  // namespace piv
