#include "pam_module/card/apdu.h"

#include <cstdio>

namespace piv {

namespace {

constexpr std::size_t kShortData = 255;
constexpr std::size_t kShortResponse = 256;
constexpr std::uint8_t kChained = 0x10;  // ISO/IEC 7816-4 section 5.4.1: not the last of a chain
constexpr std::uint8_t kGetResponse = 0xC0;
constexpr int kEmptyParts = 3;  // answers without data, but with the promise of more

// ISO/IEC 7816-4 section 5.2, short length fields.
Bytes encode_short(std::uint8_t cla, const CommandApdu& command, ByteView data, bool with_le,
                   std::uint8_t le) {
    Bytes raw{cla, command.ins, command.p1, command.p2};
    if (!data.empty()) {
        raw.push_back(static_cast<std::uint8_t>(data.size()));
        raw.insert(raw.end(), data.begin(), data.end());
    }
    if (with_le) {
        raw.push_back(le);
    }
    return raw;
}

// The same with extended length fields; Le 0000 asks for up to 65536 octets.
Bytes encode_extended(const CommandApdu& command) {
    Bytes raw{0x00, command.ins, command.p1, command.p2, 0x00};
    if (!command.data.empty()) {
        raw.push_back(static_cast<std::uint8_t>(command.data.size() >> 8));
        raw.push_back(static_cast<std::uint8_t>(command.data.size()));
        raw.insert(raw.end(), command.data.begin(), command.data.end());
    }
    if (command.wants_response) {
        raw.push_back(0x00);
        raw.push_back(0x00);
    }
    return raw;
}

Error too_long() {
    return {ErrorCode::CardMalformed, "the card's answer is longer than it may be"};
}

}  // namespace

std::string status_text(std::uint16_t status) {
    char text[8];
    std::snprintf(text, sizeof text, "%04X", static_cast<unsigned>(status));
    return text;
}

Result<ResponseApdu> ApduDialog::exchange(ByteView raw, Deadline deadline) {
    if (deadline.over()) {
        return ErrorCode::DeadlineOver;
    }
    ++count_;
    sent_ += raw.size();
    auto answer = channel_.transmit(raw, deadline);
    if (!answer) {
        return std::move(answer).error();
    }
    received_ += answer->size();
    if (answer->size() < 2) {
        return Error(ErrorCode::CardMalformed, "the card's answer has no status");
    }
    ResponseApdu response;
    response.status = static_cast<std::uint16_t>((*answer)[answer->size() - 2] << 8 |
                                                 (*answer)[answer->size() - 1]);
    answer->resize(answer->size() - 2);
    response.data = std::move(*answer);
    return response;
}

// T=0 has no way to carry Lc and Le in one command (ISO/IEC 7816-3 section 12.2.5): the card answers
// 61xx, and GET RESPONSE fetches.
Result<ResponseApdu> ApduDialog::exchange_short(const CommandApdu& command, Deadline deadline) {
    const bool le =
        command.wants_response && (transmission_ == Transmission::T1 || command.data.empty());
    auto response = exchange(encode_short(0x00, command, command.data, le, 0x00), deadline);
    if (response && (response->status & 0xFF00U) == 0x6C00U) {
        const auto size = static_cast<std::uint8_t>(response->status);
        response = exchange(encode_short(0x00, command, command.data, true, size), deadline);
    }
    return response;
}

// ISO/IEC 7816-4 section 5.3.3: every command of the chain but the last has bit 5 of CLA set, and
// is answered with 9000.
Result<ResponseApdu> ApduDialog::exchange_chain(const CommandApdu& command, Deadline deadline) {
    ByteView rest = command.data;
    while (rest.size() > kShortData) {
        auto part =
            exchange(encode_short(kChained, command, rest.sub(0, kShortData), false, 0), deadline);
        if (!part || part->status != sw::kDone) {
            return part;
        }
        rest = rest.sub(kShortData);
    }
    CommandApdu last = command;
    last.data = rest;
    return exchange_short(last, deadline);
}

Result<ResponseApdu> ApduDialog::get_response(std::uint8_t le, Deadline deadline) {
    CommandApdu more;
    more.ins = kGetResponse;
    auto part = exchange(encode_short(0x00, more, {}, true, le), deadline);
    if (part && (part->status & 0xFF00U) == 0x6C00U) {
        const auto size = static_cast<std::uint8_t>(part->status);
        part = exchange(encode_short(0x00, more, {}, true, size), deadline);
    }
    return part;
}

// 61xx: xx more octets (00: 256 or more) wait for GET RESPONSE.
Result<ResponseApdu> ApduDialog::collect(ResponseApdu first, std::size_t max_response,
                                         Deadline deadline) {
    ResponseApdu whole = std::move(first);
    int empty_parts = 0;
    while ((whole.status & 0xFF00U) == 0x6100U) {
        if (whole.data.size() >= max_response) {
            return too_long();
        }
        auto part = get_response(static_cast<std::uint8_t>(whole.status), deadline);
        if (!part) {
            return part;
        }
        if (part->data.empty() && ++empty_parts >= kEmptyParts) {
            return Error(ErrorCode::CardMalformed, "the card promises more and sends nothing");
        }
        whole.data.insert(whole.data.end(), part->data.begin(), part->data.end());
        whole.status = part->status;
    }
    if (whole.data.size() > max_response) {
        return too_long();
    }
    return whole;
}

bool ApduDialog::needs_extended(const CommandApdu& command) const noexcept {
    return extended_ && (command.data.size() > kShortData ||
                         (command.wants_response && command.max_response > kShortResponse));
}

Result<ResponseApdu> ApduDialog::send(const CommandApdu& command, Deadline deadline) {
    if (needs_extended(command)) {
        auto response = exchange(encode_extended(command), deadline);
        const bool refused = response
                                 ? response->status == sw::kWrongLength && response->data.empty()
                                 : response.code() == ErrorCode::CardFailure;
        if (!refused) {
            return response ? collect(std::move(*response), command.max_response, deadline)
                            : std::move(response);
        }
        extended_ = false;
    }
    auto response = command.data.size() > kShortData ? exchange_chain(command, deadline)
                                                     : exchange_short(command, deadline);
    return response ? collect(std::move(*response), command.max_response, deadline)
                    : std::move(response);
}

Result<ResponseApdu> ApduDialog::send_for_first_part(const CommandApdu& command,
                                                     Deadline deadline) {
    auto response = exchange_short(command, deadline);
    if (response && response->data.empty() && (response->status & 0xFF00U) == 0x6100U) {
        return get_response(static_cast<std::uint8_t>(response->status), deadline);  // T=0
    }
    return response;
}

Result<ResponseApdu> ApduDialog::send_secret(const CommandApdu& header, const SecretBuffer& data,
                                             Deadline deadline) {
    SecretBuffer raw;
    std::uint8_t* out = raw.reserve();
    if (out == nullptr) {
        return ErrorCode::OutOfMemory;
    }
    if (data.empty() || data.size() > kShortData) {
        return Error(ErrorCode::Internal, "a secret of this length does not fit a command");
    }
    out[0] = 0x00;
    out[1] = header.ins;
    out[2] = header.p1;
    out[3] = header.p2;
    out[4] = static_cast<std::uint8_t>(data.size());
    std::memcpy(out + 5, data.data(), data.size());
    raw.set_size(5 + data.size());
    return exchange(raw.view(), deadline);
}

}  // namespace piv
