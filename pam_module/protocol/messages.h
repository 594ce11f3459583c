// Every message of the two protocols, once: who may send it, in which state, how large it may be,
// and which state follows. What is not in the table is refused, whoever sends it.
//
// Login protocol: the PAM module ("host") and the helper. Card protocol: the helper's decider and
// its card role. A frame is an 8-octet header (magic "PL", version, message, payload size as 32 bits
// big-endian) and the payload.
#pragma once

#include <cstddef>
#include <cstdint>

namespace piv {

enum class Message : std::uint8_t {
    // Login protocol
    Begin = 1,      // host: what is asked for, by whom
    Ready = 2,      // helper: the limits that the host has to enforce
    Info = 3,       // helper: text for the person
    Problem = 4,    // helper: text for the person, about a failure
    AskSecret = 5,  // helper: prompt for a PIN
    Secret = 6,     // host: the PIN
    NoSecret = 7,   // host: why there is none
    Verdict = 8,    // helper: the one answer
    // Card protocol
    Open = 16,             // decider: find cards and read their certificates
    CardSeen = 17,         // role: a card; its certificates follow
    CertificateSeen = 18,  // role
    OpenDone = 19,         // role: no more cards
    AskTries = 20,         // decider: PIN tries left on a card
    Tries = 21,            // role
    Sign = 22,             // decider: what to sign; the PIN follows
    CardSecret = 23,       // decider: the PIN
    Signature = 24,        // role
    ChangePin = 25,        // decider: old PIN and new PIN follow
    NewSecret = 26,        // decider: the new PIN
    PinChanged = 27,       // role
    Failed = 28,           // role: the request came to nothing
    Distrust = 29,         // decider: the signature did not verify; forget what is cached of a card
};

enum class Side : std::uint8_t { Client, Server };  // host or decider; helper or role

enum class State : std::uint8_t {
    // Login protocol
    Start,
    Begun,
    Working,
    Asking,
    Over,
    // Card protocol
    Idle,
    Opening,
    Counting,
    SignNeedsPin,
    Signing,
    ChangeNeedsOld,
    ChangeNeedsNew,
    Changing,
};

struct MessageRule {
    Message message;
    Side sender;
    State from;
    State to;
    std::uint32_t max_payload;
};

inline constexpr std::uint32_t kMaxText = 2048;
inline constexpr std::uint32_t kMaxBegin = 8192;
inline constexpr std::uint32_t kMaxSecret = 512;  // SecretBuffer::kCapacity
inline constexpr std::uint32_t kMaxCertificate = 16384;

inline constexpr MessageRule kMessageRules[] = {
    {Message::Begin, Side::Client, State::Start, State::Begun, kMaxBegin},
    {Message::Ready, Side::Server, State::Begun, State::Working, 16},
    {Message::Info, Side::Server, State::Working, State::Working, kMaxText},
    {Message::Problem, Side::Server, State::Working, State::Working, kMaxText},
    {Message::AskSecret, Side::Server, State::Working, State::Asking, kMaxText},
    {Message::Secret, Side::Client, State::Asking, State::Working, kMaxSecret},
    {Message::NoSecret, Side::Client, State::Asking, State::Working, 1},
    {Message::Verdict, Side::Server, State::Working, State::Over, 1024},

    {Message::Open, Side::Client, State::Idle, State::Opening, 8192},
    {Message::CardSeen, Side::Server, State::Opening, State::Opening, 4096},
    {Message::CertificateSeen, Side::Server, State::Opening, State::Opening, kMaxCertificate + 256},
    {Message::OpenDone, Side::Server, State::Opening, State::Idle, 0},
    {Message::AskTries, Side::Client, State::Idle, State::Counting, 16},
    {Message::Tries, Side::Server, State::Counting, State::Idle, 16},
    {Message::Sign, Side::Client, State::Idle, State::SignNeedsPin, 4096},
    {Message::CardSecret, Side::Client, State::SignNeedsPin, State::Signing, kMaxSecret},
    {Message::Signature, Side::Server, State::Signing, State::Idle, 2048},
    {Message::Distrust, Side::Client, State::Idle, State::Idle, 4},
    {Message::ChangePin, Side::Client, State::Idle, State::ChangeNeedsOld, 16},
    {Message::CardSecret, Side::Client, State::ChangeNeedsOld, State::ChangeNeedsNew, kMaxSecret},
    {Message::NewSecret, Side::Client, State::ChangeNeedsNew, State::Changing, kMaxSecret},
    {Message::PinChanged, Side::Server, State::Changing, State::Idle, 0},
    {Message::Failed, Side::Server, State::Opening, State::Idle, kMaxText + 16},
    {Message::Failed, Side::Server, State::Counting, State::Idle, kMaxText + 16},
    {Message::Failed, Side::Server, State::Signing, State::Idle, kMaxText + 16},
    {Message::Failed, Side::Server, State::Changing, State::Idle, kMaxText + 16},
};

/// The rule for `message` from `sender` in `state`, or nullptr: then it is refused.
constexpr const MessageRule* find_rule(Message message, Side sender, State state) noexcept {
    for (const MessageRule& rule : kMessageRules) {
        if (rule.message == message && rule.sender == sender && rule.from == state) {
            return &rule;
        }
    }
    return nullptr;
}

}  // namespace piv
