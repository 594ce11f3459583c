// What a reply's header may look like: counted, capped and checked line by line, before libcurl's
// own reading of it is believed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

class HttpReply {
  public:
    explicit HttpReply(std::size_t max_body) : max_body_(max_body) {}

    /// One header line with its line end, in the order of arrival; status lines, interim replies
    /// (1xx) and trailers too. Errors: OcspHttpFraming, OcspTooLarge.
    Status header_line(std::string_view line);
    /// A piece of the body. Error: OcspTooLarge.
    Status body_piece(ByteView piece);

    /// The empty line that ends the header has come.
    [[nodiscard]] bool header_complete() const noexcept { return complete_; }
    [[nodiscard]] const std::string& content_type() const noexcept { return content_type_; }
    [[nodiscard]] Bytes take_body() noexcept { return std::move(body_); }

  private:
    Status field(std::string_view name, std::string_view value);
    std::size_t max_body_;
    std::size_t header_octets_ = 0;
    std::size_t header_lines_ = 0;
    bool in_body_ = false;
    bool complete_ = false;
    std::optional<std::size_t> length_;
    bool chunked_ = false;
    std::string content_type_;
    Bytes body_;
};

}  // namespace piv
