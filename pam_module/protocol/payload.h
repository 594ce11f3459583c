// Payloads: fields one after another. Numbers are big-endian, byte strings carry a 16-bit length.
// Both classes remember the first thing that did not fit; ask once, at the end. Glue-safe.
#pragma once

#include "pki/base/bytes.h"

namespace piv {

class PayloadWriter {
  public:
    /// Writes into memory of the caller.
    PayloadWriter(std::uint8_t* data, std::size_t capacity) noexcept
        : data_(data), capacity_(capacity) {}
    void put_u8(std::uint8_t value) noexcept;
    void put_u32(std::uint32_t value) noexcept;
    void put_bytes(ByteView bytes) noexcept;
    /// A C string; nullptr is an empty one.
    void put_text(const char* text) noexcept;
    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] ByteView view() const noexcept { return {data_, good_ ? size_ : 0}; }

  private:
    bool room(std::size_t size) noexcept;
    std::uint8_t* data_;
    std::size_t capacity_;
    std::size_t size_ = 0;
    bool good_ = true;
};

class PayloadReader {
  public:
    explicit PayloadReader(ByteView data) noexcept : data_(data) {}
    std::uint8_t get_u8() noexcept;
    std::uint32_t get_u32() noexcept;
    ByteView get_bytes() noexcept;
    /// Every field was there and nothing is left over.
    [[nodiscard]] bool complete() const noexcept { return good_ && at_ == data_.size(); }
    [[nodiscard]] bool good() const noexcept { return good_; }

  private:
    bool left(std::size_t size) noexcept;
    ByteView data_;
    std::size_t at_ = 0;
    bool good_ = true;
};

}  // namespace piv
