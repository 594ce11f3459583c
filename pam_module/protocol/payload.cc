#include "pam_module/protocol/payload.h"

namespace piv {

bool PayloadWriter::room(std::size_t size) noexcept {
    good_ = good_ && size <= capacity_ - size_;
    return good_;
}

void PayloadWriter::put_u8(std::uint8_t value) noexcept {
    if (room(1)) {
        data_[size_++] = value;
    }
}

void PayloadWriter::put_u32(std::uint32_t value) noexcept {
    if (room(4)) {
        for (unsigned shift = 32; shift > 0; shift -= 8) {
            data_[size_++] = static_cast<std::uint8_t>(value >> (shift - 8U));
        }
    }
}

void PayloadWriter::put_bytes(ByteView bytes) noexcept {
    if (bytes.size() > 0xFFFFU) {
        good_ = false;
    }
    if (room(2 + bytes.size())) {
        data_[size_++] = static_cast<std::uint8_t>(bytes.size() >> 8U);
        data_[size_++] = static_cast<std::uint8_t>(bytes.size());
        if (!bytes.empty()) {
            std::memcpy(data_ + size_, bytes.data(), bytes.size());
        }
        size_ += bytes.size();
    }
}

void PayloadWriter::put_text(const char* text) noexcept {
    const char* given = text != nullptr ? text : "";
    put_bytes({reinterpret_cast<const std::uint8_t*>(given), std::strlen(given)});
}

bool PayloadReader::left(std::size_t size) noexcept {
    good_ = good_ && size <= data_.size() - at_;
    return good_;
}

std::uint8_t PayloadReader::get_u8() noexcept {
    return left(1) ? data_[at_++] : std::uint8_t{0};
}

std::uint32_t PayloadReader::get_u32() noexcept {
    std::uint32_t value = 0;
    if (left(4)) {
        for (int i = 0; i < 4; ++i) {
            value = (value << 8U) | data_[at_++];
        }
    }
    return value;
}

ByteView PayloadReader::get_bytes() noexcept {
    if (!left(2)) {
        return {};
    }
    const std::size_t size = (static_cast<std::size_t>(data_[at_]) << 8U) | data_[at_ + 1];
    at_ += 2;
    if (!left(size)) {
        return {};
    }
    const ByteView bytes(data_.data() + at_, size);
    at_ += size;
    return bytes;
}

}  // namespace piv
