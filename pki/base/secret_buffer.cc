#include "pki/base/secret_buffer.h"

#include <sys/mman.h>

#include <cstring>

namespace piv {

void secure_wipe(void* data, std::size_t size) noexcept {
    if (data == nullptr || size == 0) {
        return;
    }
    std::memset(data, 0, size);
    __asm__ __volatile__("" : : "r"(data) : "memory");
}

SecretBuffer::SecretBuffer(SecretBuffer&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
    other.size_ = 0;
}

SecretBuffer& SecretBuffer::operator=(SecretBuffer&& other) noexcept {
    if (this != &other) {
        reset();
        data_ = other.data_;
        size_ = other.size_;
        other.data_ = nullptr;
        other.size_ = 0;
    }
    return *this;
}

std::uint8_t* SecretBuffer::reserve() noexcept {
    if (data_ == nullptr) {
        void* page =
            mmap(nullptr, kCapacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) {
            return nullptr;
        }
        (void)mlock(page, kCapacity);  // a limit of 0 is common for unprivileged callers
        (void)madvise(page, kCapacity, MADV_DONTDUMP);
        (void)madvise(page, kCapacity, MADV_WIPEONFORK);
        data_ = static_cast<std::uint8_t*>(page);
    }
    size_ = 0;
    return data_;
}

void SecretBuffer::set_size(std::size_t size) noexcept {
    size_ = (data_ != nullptr && size <= kCapacity) ? size : 0;
}

bool SecretBuffer::assign(const void* data, std::size_t size) noexcept {
    if (size > kCapacity || reserve() == nullptr) {
        reset();
        return false;
    }
    if (size > 0) {
        std::memcpy(data_, data, size);
    }
    size_ = size;
    return true;
}

void SecretBuffer::reset() noexcept {
    if (data_ != nullptr) {
        secure_wipe(data_, kCapacity);
        (void)munmap(data_, kCapacity);
        data_ = nullptr;
    }
    size_ = 0;
}

}  // namespace piv
