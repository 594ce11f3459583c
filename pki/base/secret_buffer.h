// SecretBuffer: the only thing a PIN is ever in. Fixed size, memory locked where the system allows
// it, kept out of core files and of children, wiped on every way out, move-only. Does not throw and
// needs no C++ runtime: the PAM glue uses it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pki/base/bytes.h"

namespace piv {

/// Overwrites memory in a way the compiler may not leave out.
void secure_wipe(void* data, std::size_t size) noexcept;

class SecretBuffer {
  public:
    static constexpr std::size_t kCapacity = 512;

    SecretBuffer() noexcept = default;
    ~SecretBuffer() { reset(); }
    SecretBuffer(SecretBuffer&& other) noexcept;
    SecretBuffer& operator=(SecretBuffer&& other) noexcept;
    SecretBuffer(const SecretBuffer&) = delete;
    SecretBuffer& operator=(const SecretBuffer&) = delete;

    /// Takes a copy of `size` bytes; false (and empty) when they do not fit or memory is out.
    [[nodiscard]] bool assign(const void* data, std::size_t size) noexcept;
    /// Room for up to kCapacity bytes to be filled in place (then `set_size`); nullptr without memory.
    [[nodiscard]] std::uint8_t* reserve() noexcept;
    void set_size(std::size_t size) noexcept;
    /// Wipes and releases.
    void reset() noexcept;

    [[nodiscard]] const std::uint8_t* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] ByteView view() const noexcept { return {data_, size_}; }

  private:
    std::uint8_t* data_ = nullptr;  // a private page of kCapacity bytes
    std::size_t size_ = 0;
};

}  // namespace piv
