// Payloads of the login protocol. Field order is the order of the members. Glue-safe.
#pragma once

#include <cstdint>

namespace piv {

/// What the PAM module asks the helper for.
enum class Facility : std::uint8_t { Authenticate = 1, ChangePin = 2, OpenSession = 3 };

/// Where a PIN may come from (try_first_pass, use_first_pass).
enum class FirstPass : std::uint8_t { Never = 0, Try = 1, Only = 2 };

/// Bits of Begin's flags.
inline constexpr std::uint32_t kBeginSilent = 1U << 0U;        // PAM_SILENT
inline constexpr std::uint32_t kBeginDebug = 1U << 1U;         // debug
inline constexpr std::uint32_t kBeginCardOnly = 1U << 2U;      // card_only
inline constexpr std::uint32_t kBeginWaitGiven = 1U << 3U;     // wait_for_card was given
inline constexpr std::uint32_t kBeginHasFirstPass = 1U << 4U;  // an earlier module left a token

// Begin:     u8 facility, u8 first pass, u32 flags, u32 wait seconds,
//            text service, text user, text config file, text tty, text remote host,
//            text language: the locale of the program for messages; empty: English;
//            for OpenSession, else empty: text session id of logind, text reader, text certificate
// Ready:     u32 deadline ms, u32 additional ms to wait for a card
// Info, Problem: the text, UTF-8, already escaped
// AskSecret: u8 SecretSource, text prompt
// NoSecret:  u8 NoSecretReason
// Verdict:   u32 AuthOutcome, text user (when granted), text error name; when the session is to be
//            watched for the card's removal, else empty: text reader, text SHA-256 of the
//            certificate in lower-case hexadecimal

enum class SecretSource : std::uint8_t {
    FirstPass = 1,  // the token that an earlier module left
    Person = 2,     // the conversation
    NewPin = 3,     // the conversation, for a new PIN: never kept
};
enum class NoSecretReason : std::uint8_t {
    Conversation = 1,  // it failed, or gave no reply
    NoFirstPass = 2,
    TooLong = 3,  // longer than any PIN
    NoMemory = 4,
};

/// Longest name of a reader, longest session id, and the digits of a SHA-256.
inline constexpr unsigned kMaxReaderName = 255;
inline constexpr unsigned kMaxSessionId = 63;
inline constexpr unsigned kSha256Digits = 64;

/// The most the helper may ask for in Ready.
inline constexpr std::uint32_t kMaxDeadlineMs = 600000;
inline constexpr std::uint32_t kMaxWaitMs = 3600000;
/// How long the host waits for Ready.
inline constexpr int kReadyMs = 10000;
/// How much later than the helper's own deadline the host gives up.
inline constexpr int kGraceMs = 1000;
/// More texts than this in one attempt are a broken helper.
inline constexpr int kMaxTexts = 16;
inline constexpr int kMaxQuestions = 8;

}  // namespace piv
