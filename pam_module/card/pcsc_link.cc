#include "pam_module/card/pcsc_link.h"

#include <PCSC/reader.h>

namespace piv {

namespace {

constexpr std::size_t kShortAnswer = 258;
constexpr std::size_t kExtendedAnswer = 65538;

// Extended length fields begin with 00 where a short command has Lc or Le (ISO/IEC 7816-4 5.2).
bool is_extended(ByteView command) noexcept {
    return command.size() > 5 && command[4] == 0x00;
}

std::uint32_t big_endian(ByteView bytes) noexcept {
    std::uint32_t value = 0;
    for (const std::uint8_t octet : bytes) {
        value = (value << 8) | octet;
    }
    return value;
}

}  // namespace

ReaderFeatures features_from_tlv(ByteView answer, std::uint32_t& tlv_properties_code) noexcept {
    ReaderFeatures features;
    tlv_properties_code = 0;
    while (answer.size() >= 6 && answer[1] == 4) {
        const std::uint32_t code = big_endian(answer.sub(2, 4));
        switch (answer[0]) {
            case FEATURE_VERIFY_PIN_DIRECT:
                features.verify_pin_direct = code;
                break;
            case FEATURE_MODIFY_PIN_DIRECT:
                features.modify_pin_direct = code;
                break;
            case FEATURE_GET_TLV_PROPERTIES:
                tlv_properties_code = code;
                break;
            default:
                break;
        }
        answer = answer.sub(6);
    }
    return features;
}

void properties_from_tlv(ByteView answer, ReaderFeatures& features) noexcept {
    while (answer.size() >= 2) {
        const std::size_t size = answer[1];
        if (answer.size() - 2 < size) {
            return;
        }
        if (answer[0] == PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize && size == 4) {
            features.max_apdu_data = static_cast<std::uint32_t>(answer[2]) |
                                     static_cast<std::uint32_t>(answer[3]) << 8 |
                                     static_cast<std::uint32_t>(answer[4]) << 16 |
                                     static_cast<std::uint32_t>(answer[5]) << 24;
            features.has_max_apdu_data = true;
        }
        answer = answer.sub(2 + size);
    }
}

PcscLink::PcscLink(std::shared_ptr<PcscContext> context, const ReaderState& reader,
                   SCARDHANDLE card, DWORD protocol)
    : context_(std::move(context)),
      library_(context_->library()),
      reader_(reader.name),
      card_(card),
      protocol_(protocol),
      shared_(reader.in_use) {}

Result<std::unique_ptr<CardLink>> PcscLink::make(std::shared_ptr<PcscContext> context,
                                                 const ReaderState& reader, SCARDHANDLE card,
                                                 DWORD protocol) {
    std::unique_ptr<PcscLink> link(new PcscLink(std::move(context), reader, card, protocol));
    if (Status s = link->read_atr(); !s) {
        return std::move(s).error();
    }
    link->read_features();
    return std::unique_ptr<CardLink>(std::move(link));
}

PcscLink::~PcscLink() {
    (void)library_.disconnect(card_, SCARD_LEAVE_CARD);
}

Status PcscLink::read_atr() {
    unsigned char atr[MAX_ATR_SIZE];
    DWORD atr_size = sizeof atr;
    DWORD state = 0;
    DWORD protocol = 0;
    DWORD name_size = 0;
    const LONG status =
        library_.status(card_, nullptr, &name_size, &state, &protocol, atr, &atr_size);
    if (status != SCARD_S_SUCCESS && status != SCARD_E_INSUFFICIENT_BUFFER) {
        return pcsc_error(status, "SCardStatus");
    }
    atr_.assign(atr, atr + (atr_size <= sizeof atr ? atr_size : 0));
    return {};
}

void PcscLink::read_features() {
    const Deadline none = Deadline::at_ms(0);  // SCardControl has no timeout to give
    auto answer = control(CM_IOCTL_GET_FEATURE_REQUEST, {}, none);
    if (!answer) {
        return;  // a reader without features of its own
    }
    std::uint32_t properties = 0;
    features_ = features_from_tlv(*answer, properties);
    if (properties != 0) {
        if (auto more = control(properties, {}, none)) {
            properties_from_tlv(*more, features_);
        }
    }
}

Result<Bytes> PcscLink::transmit(ByteView command, Deadline /*deadline*/) {
    answer_.resize(is_extended(command) ? kExtendedAnswer : kShortAnswer);
    DWORD size = static_cast<DWORD>(answer_.size());
    const SCARD_IO_REQUEST protocol{protocol_, sizeof(SCARD_IO_REQUEST)};
    const LONG status =
        library_.transmit(card_, &protocol, command.data(), static_cast<DWORD>(command.size()),
                          nullptr, answer_.data(), &size);
    if (status != SCARD_S_SUCCESS) {
        return explain(pcsc_error(status, "SCardTransmit"));
    }
    if (size < 2) {  // some drivers give nothing, without an error, for a card that is not there
        return explain(Error(ErrorCode::CardFailure, "the card's answer has no status"));
    }
    return ByteView(answer_).sub(0, size).copy();
}

// A card that is pulled while it works shows first as a failed exchange; that it is gone is known
// when the daemon has looked at the reader again.
Error PcscLink::explain(Error error) const {
    if (error.code == ErrorCode::NoCard) {
        error.code = ErrorCode::CardRemoved;
    }
    if (error.code != ErrorCode::CardFailure) {
        return error;
    }
    constexpr int kDaemonLooksAgainMs = 700;
    const Deadline limit = Deadline::after_ms(kDaemonLooksAgainMs);
    auto readers = context_->reader(reader_);
    while (readers && readers->size() == 1 && readers->front().card && !limit.over()) {
        auto changed = context_->wait_for_change(*readers, limit.left_ms());
        if (!changed || !*changed) {
            return error;
        }
        readers = context_->reader(reader_);
    }
    if (readers && (readers->empty() || !readers->front().card)) {
        error.code = ErrorCode::CardRemoved;
    }
    return error;
}

Status PcscLink::reconnect(DWORD action) {
    const LONG status = library_.reconnect(
        card_, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, action, &protocol_);
    if (status != SCARD_S_SUCCESS) {
        return explain(pcsc_error(status, "SCardReconnect"));
    }
    return {};
}

// A card that somebody reset says so once (SCARD_W_RESET_CARD) and has to be taken up again. A card
// that was taken out and put back is another connection: SCARD_W_REMOVED_CARD, for good.
Result<CardState> PcscLink::begin(Deadline deadline) {
    CardState state = CardState::AsBefore;
    for (int attempt = 0; attempt < 4; ++attempt) {
        if (deadline.over()) {
            return ErrorCode::DeadlineOver;
        }
        const LONG status = library_.begin_transaction(card_);
        if (status == SCARD_S_SUCCESS) {
            return state;
        }
        if (status != SCARD_W_RESET_CARD) {
            return explain(pcsc_error(status, "SCardBeginTransaction"));
        }
        state = CardState::WasReset;
        if (Status s = reconnect(SCARD_LEAVE_CARD); !s) {
            return std::move(s).error();
        }
    }
    return Error(ErrorCode::CardFailure, "the card is reset again and again by another program");
}

void PcscLink::end(Release release) noexcept {
    (void)library_.end_transaction(
        card_, release == Release::ResetCard ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
}

Status PcscLink::reset(Deadline /*deadline*/) {
    return reconnect(SCARD_RESET_CARD);
}

Result<Bytes> PcscLink::control(std::uint32_t code, ByteView input, Deadline /*deadline*/) {
    Bytes answer(kShortAnswer);
    DWORD size = 0;
    const LONG status =
        library_.control(card_, code, input.data(), static_cast<DWORD>(input.size()), answer.data(),
                         static_cast<DWORD>(answer.size()), &size);
    if (status != SCARD_S_SUCCESS) {
        return pcsc_error(status, "SCardControl");
    }
    answer.resize(size <= answer.size() ? size : 0);
    return answer;
}

}  // namespace piv
