// Byte strings: an owning one and a view. No OpenSSL, no allocation in the view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace piv {

using Bytes = std::vector<std::uint8_t>;

/// A view of bytes owned by somebody else (std::span is C++20).
class ByteView {
  public:
    constexpr ByteView() noexcept = default;
    constexpr ByteView(const std::uint8_t* data, std::size_t size) noexcept
        : data_(data), size_(size) {}
    ByteView(const Bytes& bytes) noexcept  // NOLINT(google-explicit-constructor): a view of it
        : data_(bytes.data()), size_(bytes.size()) {}
    explicit ByteView(std::string_view text) noexcept
        : data_(reinterpret_cast<const std::uint8_t*>(text.data())), size_(text.size()) {}

    [[nodiscard]] constexpr const std::uint8_t* data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr const std::uint8_t* begin() const noexcept { return data_; }
    [[nodiscard]] constexpr const std::uint8_t* end() const noexcept { return data_ + size_; }
    constexpr std::uint8_t operator[](std::size_t i) const noexcept { return data_[i]; }
    /// The part from `offset`, at most `count` bytes; empty when `offset` is past the end.
    [[nodiscard]] constexpr ByteView sub(std::size_t offset,
                                         std::size_t count = SIZE_MAX) const noexcept {
        if (offset >= size_) {
            return {};
        }
        const std::size_t left = size_ - offset;
        return {data_ + offset, count < left ? count : left};
    }
    [[nodiscard]] Bytes copy() const { return Bytes(data_, data_ + size_); }
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(data_), size_};
    }

  private:
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

inline bool operator==(ByteView a, ByteView b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
inline bool operator!=(ByteView a, ByteView b) noexcept {
    return !(a == b);
}

/// Lower-case hexadecimal without separators.
std::string to_hex(ByteView bytes);
/// Hexadecimal of either case, without separators. False (and `out` untouched) for anything else.
bool from_hex(std::string_view text, Bytes& out);

}  // namespace piv
