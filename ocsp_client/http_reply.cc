#include "ocsp_client/http_reply.h"

#include <strings.h>

#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::size_t kMaxHeaderOctets = 16U << 10U;
constexpr std::size_t kMaxHeaderLines = 100;

Error framing(const std::string& why) {
    return {ErrorCode::OcspHttpFraming, why};
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' ||
                             text.back() == '\n')) {
        text.remove_suffix(1);
    }
    return text;
}

bool same(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<std::size_t> parse_length(std::string_view text) noexcept {
    if (text.empty() || text.size() > 12) {
        return std::nullopt;
    }
    std::size_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<std::size_t>(c - '0');
    }
    return value;
}

}  // namespace

Status HttpReply::header_line(std::string_view line) {
    header_octets_ += line.size();
    ++header_lines_;
    if (header_octets_ > kMaxHeaderOctets || header_lines_ > kMaxHeaderLines) {
        return framing("more header lines than any responder sends");
    }
    if (line.find('\0') != std::string_view::npos) {
        return framing("a NUL octet in a header");
    }
    if (in_body_) {
        return {};  // trailers count, and say nothing
    }
    if (line.substr(0, 5) == "HTTP/") {
        length_.reset();  // an interim reply came before
        chunked_ = false;
        content_type_.clear();
        complete_ = false;
        return {};
    }
    const std::string_view content = trim(line);
    if (content.empty()) {
        complete_ = true;
        return {};
    }
    const std::size_t colon = line.find(':');
    if (line.front() == ' ' || line.front() == '\t' || colon == std::string_view::npos ||
        colon == 0 || line[colon - 1] == ' ' || line[colon - 1] == '\t') {
        // RFC 9112 sections 5.1 and 5.2: no space before the colon, no folded lines
        return framing("header line '" + escape_for_display(content, 80) + "'");
    }
    return field(line.substr(0, colon), trim(line.substr(colon + 1)));
}

// RFC 9112 section 6.3: what decides where the body ends must not be said twice in two ways.
Status HttpReply::field(std::string_view name, std::string_view value) {
    if (same(name, "content-length")) {
        const auto length = parse_length(value);
        if (!length || (length_ && *length_ != *length)) {
            return framing("Content-Length '" + escape_for_display(value, 80) + "'");
        }
        if (*length > max_body_) {
            return Error(ErrorCode::OcspTooLarge, std::to_string(*length) + " octets announced");
        }
        length_ = length;
    } else if (same(name, "transfer-encoding")) {
        if (chunked_ || !same(value, "chunked")) {
            return framing("Transfer-Encoding '" + escape_for_display(value, 80) + "'");
        }
        chunked_ = true;
    } else if (same(name, "content-encoding")) {
        if (!value.empty() && !same(value, "identity")) {
            return framing("Content-Encoding '" + escape_for_display(value, 80) +
                           "', which was not asked for");
        }
    } else if (same(name, "content-type")) {
        if (!content_type_.empty() && !same(content_type_, value)) {
            return framing("two Content-Types");
        }
        content_type_ = std::string(value.substr(0, 200));
    }
    if (chunked_ && length_) {
        return framing("both Content-Length and Transfer-Encoding");
    }
    return {};
}

Status HttpReply::body_piece(ByteView piece) {
    in_body_ = true;
    if (piece.size() > max_body_ - body_.size()) {
        return Error(ErrorCode::OcspTooLarge,
                     "more than " + std::to_string(max_body_) + " octets of body");
    }
    body_.insert(body_.end(), piece.begin(), piece.end());
    return {};
}

}  // namespace piv
