// What the helper asks piv-login-watch for, and what it answers: one packet each.
#pragma once

#include <cstdint>
#include <string>

#include "pam_module/card/card_session.h"
#include "pam_module/decide/login_policy.h"

namespace piv {

struct WatchRequest {
    OnCardRemoval action = OnCardRemoval::Lock;
    int debounce_ms = 0;
    std::string session_id;  // of logind; may be empty
    std::uint32_t uid = 0;   // whose session it has to be
    std::string user;
    std::string service;
    std::string reader;       // that the login was at: for the journal
    std::string certificate;  // SHA-256, lower-case hexadecimal: by it the card is known again
    CardSettings card;
};

inline constexpr std::size_t kMaxWatchPacket = 8192;

// Request: u8 OnCardRemoval, u32 debounce ms, u32 uid, text session id, text user, text service,
//          text reader, text certificate; then the card settings as in the card protocol
// Answer:  u8 1 when the session is watched, else 0; u32 ErrorCode, text detail

/// Error: Internal (it does not fit).
Result<Bytes> encode_watch_request(const WatchRequest& request);
/// Error: HelperFailed.
Result<WatchRequest> decode_watch_request(ByteView packet);

Bytes encode_watch_answer(const Status& status);
/// The status; HelperFailed when the packet is none, or names a code that a watcher may not fail with.
Status decode_watch_answer(ByteView packet);

}  // namespace piv
