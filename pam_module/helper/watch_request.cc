#include "pam_module/helper/watch_request.h"

#include <algorithm>

#include "pam_module/decide/card_messages.h"
#include "pam_module/protocol/login_messages.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::uint32_t kMaxDebounceMs = 600000;

bool is_sha256(const std::string& text) {
    return text.size() == kSha256Digits &&
           text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Ids are letters and digits; anything else could not be a file name or object path of logind.
bool is_session_id(const std::string& text) {
    return text.size() <= kMaxSessionId && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
           });
}

std::string text_of(ByteView bytes) {
    return std::string(bytes.text());
}

void put(PayloadWriter& out, const std::string& text) {
    out.put_bytes(ByteView(std::string_view(text)));
}

Error no_packet() {
    return {ErrorCode::HelperFailed, "piv-login-watch and the helper do not understand each other"};
}

}  // namespace

Result<Bytes> encode_watch_request(const WatchRequest& request) {
    std::uint8_t buffer[kMaxWatchPacket];
    PayloadWriter out(buffer, sizeof buffer);
    out.put_u8(static_cast<std::uint8_t>(request.action));
    out.put_u32(static_cast<std::uint32_t>(request.debounce_ms));
    out.put_u32(request.uid);
    put(out, request.session_id);
    put(out, request.user);
    put(out, request.service);
    put(out, request.reader);
    put(out, request.certificate);
    write_card_settings(out, request.card, 0);
    if (!out.good()) {
        return Error(ErrorCode::Internal, "the request does not fit its packet");
    }
    return out.view().copy();
}

Result<WatchRequest> decode_watch_request(ByteView packet) {
    PayloadReader in(packet);
    WatchRequest request;
    request.action = static_cast<OnCardRemoval>(in.get_u8());
    const std::uint32_t debounce_ms = in.get_u32();
    request.debounce_ms = static_cast<int>(debounce_ms);
    request.uid = in.get_u32();
    request.session_id = text_of(in.get_bytes());
    request.user = text_of(in.get_bytes());
    request.service = text_of(in.get_bytes());
    request.reader = text_of(in.get_bytes());
    request.certificate = text_of(in.get_bytes());
    int left_ms = 0;
    const bool good = read_card_settings(in, request.card, left_ms);
    const bool known_action =
        request.action == OnCardRemoval::Lock || request.action == OnCardRemoval::Logout;
    if (!good || !known_action || debounce_ms > kMaxDebounceMs ||
        !is_session_id(request.session_id) || !is_sha256(request.certificate)) {
        return no_packet();
    }
    return request;
}

Bytes encode_watch_answer(const Status& status) {
    std::uint8_t buffer[kMaxWatchPacket];
    PayloadWriter out(buffer, sizeof buffer);
    out.put_u8(status ? 1 : 0);
    out.put_u32(status ? 0 : static_cast<std::uint32_t>(status.error().code));
    put(out, status ? std::string() : escape_for_display(status.error().detail, 1024));
    return out.view().copy();
}

Status decode_watch_answer(ByteView packet) {
    PayloadReader in(packet);
    const std::uint8_t watched = in.get_u8();
    const std::uint32_t number = in.get_u32();
    const std::string detail = text_of(in.get_bytes());
    if (!in.complete() || watched > 1) {
        return no_packet();
    }
    if (watched == 1) {
        return {};
    }
    for (const ErrorCode code : {ErrorCode::BadConfig, ErrorCode::HelperFailed,
                                 ErrorCode::OutOfScope, ErrorCode::PcscDown}) {
        if (number == static_cast<std::uint32_t>(code)) {
            return Error(code, detail);
        }
    }
    return no_packet();
}

}  // namespace piv
