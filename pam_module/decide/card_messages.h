// Payloads of the card protocol, for both of its ends.
#pragma once

#include "pam_module/card/card_session.h"
#include "pam_module/protocol/payload.h"

namespace piv {

// Open:            u8 backend, text module, text reader, u8 n, n texts slot, u32 tries floor,
//                  u32 wait seconds, text cache folder, u32 ms left
// CardSeen:        text reader, text card id, u8 PIN pad, u32 PIN min, u32 PIN max,
//                  u8 PIN change due
// CertificateSeen: text slot, bytes DER; belongs to the last CardSeen
// AskTries:        u32 card, u32 ms left
// Tries:           u8 known, u32 tries
// Sign:            u32 card, u32 certificate, u8 CardKey, u32 ms left, bytes input
// Signature:       u32 commands sent to the card so far, bytes signature
// Distrust:        u32 card
// ChangePin:       u32 card, u32 ms left, u8 PinChangeBy; then CardSecret with the old PIN or the
//                  PUK, NewSecret with the new PIN
// Failed:          u32 ErrorCode, text detail

inline constexpr std::size_t kMaxCards = 16;
inline constexpr std::size_t kMaxCertificatesPerCard = 32;

inline void write_card_settings(PayloadWriter& out, const CardSettings& settings, int left_ms) {
    out.put_u8(static_cast<std::uint8_t>(settings.backend));
    out.put_bytes(ByteView(std::string_view(settings.module)));
    out.put_bytes(ByteView(std::string_view(settings.reader)));
    out.put_u8(static_cast<std::uint8_t>(settings.slots.size()));
    for (const std::string& slot : settings.slots) {
        out.put_bytes(ByteView(std::string_view(slot)));
    }
    out.put_u32(static_cast<std::uint32_t>(settings.tries_floor));
    out.put_u32(static_cast<std::uint32_t>(settings.wait_seconds));
    out.put_bytes(ByteView(std::string_view(settings.cache_dir)));
    out.put_u32(static_cast<std::uint32_t>(left_ms));
}

inline bool read_card_settings(PayloadReader& in, CardSettings& settings, int& left_ms) {
    const std::uint8_t backend = in.get_u8();
    settings.backend = static_cast<CardBackend>(backend);
    settings.module = std::string(in.get_bytes().text());
    settings.reader = std::string(in.get_bytes().text());
    settings.slots.clear();
    for (unsigned n = in.get_u8(); n > 0 && in.good(); --n) {
        settings.slots.emplace_back(in.get_bytes().text());
    }
    settings.tries_floor = static_cast<int>(in.get_u32());
    settings.wait_seconds = static_cast<int>(in.get_u32());
    settings.cache_dir = std::string(in.get_bytes().text());
    left_ms = static_cast<int>(in.get_u32());
    return in.complete() && backend <= static_cast<std::uint8_t>(CardBackend::Pkcs11);
}

}  // namespace piv
