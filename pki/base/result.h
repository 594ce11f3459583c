// Result<T>: a value, or an Error with a stable code and free text. Starts life as neither good nor
// readable by accident: every use has to ask first.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "pki/base/error_code.h"

namespace piv {

struct Error {
    ErrorCode code = ErrorCode::Internal;
    std::string
        detail;  // what exactly: a file, a certificate, a URL. Never a secret. Not for logic.

    Error() = default;
    Error(ErrorCode c, std::string d = {}) : code(c), detail(std::move(d)) {}  // NOLINT
};

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
    Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
    Result(ErrorCode code) : error_(Error(code)) {}    // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return ok(); }
    [[nodiscard]] T& value() & {
        check();
        return *value_;
    }
    [[nodiscard]] const T& value() const& {
        check();
        return *value_;
    }
    [[nodiscard]] T&& value() && {
        check();
        return std::move(*value_);
    }
    T* operator->() {
        check();
        return &*value_;
    }
    const T* operator->() const {
        check();
        return &*value_;
    }
    T& operator*() & {
        check();
        return *value_;
    }
    const T& operator*() const& {
        check();
        return *value_;
    }
    [[nodiscard]] const Error& error() const& noexcept { return error_; }
    [[nodiscard]] Error&& error() && noexcept { return std::move(error_); }
    [[nodiscard]] ErrorCode code() const noexcept { return error_.code; }

  private:
    void check() const {
        if (!value_.has_value()) {
            std::abort();  // a value was taken from a failure: never go on
        }
    }
    std::optional<T> value_;
    Error error_;
};

/// A Result without a value.
template <>
class [[nodiscard]] Result<void> {
  public:
    Result() : ok_(true) {}
    Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
    Result(ErrorCode code) : error_(Error(code)) {}    // NOLINT(google-explicit-constructor)
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    explicit operator bool() const noexcept { return ok_; }
    [[nodiscard]] const Error& error() const& noexcept { return error_; }
    [[nodiscard]] Error&& error() && noexcept { return std::move(error_); }
    [[nodiscard]] ErrorCode code() const noexcept { return error_.code; }

  private:
    bool ok_ = false;
    Error error_;
};
using Status = Result<void>;

}  // namespace piv
