#include "ocsp_client/fetch_role.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace piv {

namespace {

constexpr int kSendMs = 2000;

class Writer {
  public:
    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::size_t value) {
        u8(static_cast<std::uint8_t>(value >> 8U));
        u8(static_cast<std::uint8_t>(value));
    }
    void u32(std::size_t value) {
        u16((value >> 16U) & 0xffffU);
        u16(value & 0xffffU);
    }
    void text(std::string_view value) {
        value = value.substr(0, 0xffff);
        u16(value.size());
        out_.insert(out_.end(), value.begin(), value.end());
    }
    void body(ByteView value) {
        u32(value.size());
        out_.insert(out_.end(), value.begin(), value.end());
    }
    // With the length in front; empty when the payload is over `cap`.
    Bytes frame(std::size_t cap) {
        if (out_.size() > cap) {
            return {};
        }
        Writer whole;
        whole.body(out_);
        return std::move(whole.out_);
    }

  private:
    Bytes out_;
};

class Reader {
  public:
    explicit Reader(ByteView in) : in_(in) {}
    std::uint32_t number(std::size_t octets) {
        if (in_.size() < octets) {
            ok_ = false;
            return 0;
        }
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < octets; ++i) {
            value = (value << 8U) | in_[i];
        }
        in_ = in_.sub(octets);
        return value;
    }
    ByteView octets(std::size_t length_octets) {
        const std::size_t size = number(length_octets);
        if (!ok_ || size > in_.size()) {
            ok_ = false;
            return {};
        }
        const ByteView value = in_.sub(0, size);
        in_ = in_.sub(size);
        return value;
    }
    std::string text() { return std::string(octets(2).text()); }
    [[nodiscard]] bool complete() const { return ok_ && in_.empty(); }

  private:
    ByteView in_;
    bool ok_ = true;
};

// The only causes that a transport may report.
ErrorCode transport_code(std::string_view name) noexcept {
    for (const ErrorCode code :
         {ErrorCode::OcspBadUrl, ErrorCode::OcspResolve, ErrorCode::OcspConnect,
          ErrorCode::OcspTimeout, ErrorCode::OcspHttpFraming, ErrorCode::OcspTooLarge}) {
        if (info(code).name == name) {
            return code;
        }
    }
    return ErrorCode::OcspTransport;
}

}  // namespace

Bytes encode_fetch_request(const FetchRequest& request) {
    Writer writer;
    writer.u32(request.id);
    writer.u32(static_cast<std::size_t>(std::max(0, request.http.timeout_ms)));
    writer.u32(request.http.max_response);
    writer.u8(request.http.post ? 1 : 0);
    writer.text(request.http.url);
    writer.text(request.http.proxy);
    writer.body(request.http.body);
    return writer.frame(kMaxFetchRequest);
}

Result<FetchRequest> decode_fetch_request(ByteView payload) {
    Reader reader(payload);
    FetchRequest request;
    request.id = reader.number(4);
    request.http.timeout_ms = static_cast<int>(std::min(reader.number(4), 600000U));
    request.http.max_response = reader.number(4);
    const std::uint32_t method = reader.number(1);
    request.http.post = method == 1;
    request.http.url = reader.text();
    request.http.proxy = reader.text();
    request.http.body = reader.octets(4).copy();
    if (!reader.complete() || method > 1 || request.http.max_response > (1U << 20U)) {
        return Error(ErrorCode::OcspTransport, "a malformed request frame");
    }
    return request;
}

Bytes encode_fetch_reply(const FetchReply& reply) {
    Writer writer;
    const bool ok = reply.response.ok();
    writer.u32(reply.id);
    writer.u8(ok ? 1 : 0);
    writer.u32(ok ? static_cast<std::size_t>(reply.response->status) : 0);
    writer.text(ok ? std::string_view() : info(reply.response.code()).name);
    writer.text(ok ? std::string_view() : std::string_view(reply.response.error().detail));
    writer.text(ok ? std::string_view(reply.response->content_type) : std::string_view());
    writer.body(ok ? ByteView(reply.response->body) : ByteView());
    return writer.frame(kMaxFetchReply);
}

Result<FetchReply> decode_fetch_reply(ByteView payload) {
    Reader reader(payload);
    FetchReply reply;
    reply.id = reader.number(4);
    const std::uint32_t ok = reader.number(1);
    HttpResponse response;
    response.status = static_cast<long>(reader.number(4));
    const std::string code = reader.text();
    const std::string detail = reader.text();
    response.content_type = reader.text();
    response.body = reader.octets(4).copy();
    if (!reader.complete() || ok > 1) {
        return Error(ErrorCode::OcspTransport, "a malformed reply frame");
    }
    if (ok == 1) {
        reply.response = std::move(response);
    } else {
        reply.response = Error(transport_code(code), detail.substr(0, 1024));
    }
    return reply;
}

FrameBuffer::State FrameBuffer::fill(int fd) {
    std::array<std::uint8_t, 16384> piece;
    for (;;) {
        const ssize_t n = recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
        if (n > 0) {
            buffer_.insert(buffer_.end(), piece.begin(), piece.begin() + n);
            if (buffer_.size() > 2 * max_payload_ + piece.size()) {
                return State::Open;  // enough for now: take frames out first
            }
        } else if (n == 0) {
            return State::Closed;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return State::Open;
        } else if (errno != EINTR) {
            return State::Broken;
        }
    }
}

FrameBuffer::State FrameBuffer::next(Bytes& payload, bool& found) {
    found = false;
    if (buffer_.size() < 4) {
        return State::Open;
    }
    Reader reader(buffer_);
    const std::size_t size = reader.number(4);
    if (size > max_payload_) {
        return State::Broken;
    }
    if (buffer_.size() - 4 < size) {
        return State::Open;
    }
    const auto begin = buffer_.begin() + 4;
    const auto end = begin + static_cast<std::ptrdiff_t>(size);
    payload.assign(begin, end);
    buffer_.erase(buffer_.begin(), end);
    found = true;
    return State::Open;
}

FetchRoleTransport::FetchRoleTransport(UniqueFd socket)
    : socket_(std::move(socket)), buffer_(kMaxFetchReply) {}

Result<std::size_t> FetchRoleTransport::start(HttpRequest request) {
    FetchRequest fetch;
    fetch.id = next_id_++;
    fetch.http = std::move(request);
    const Bytes frame = encode_fetch_request(fetch);
    if (broken_ || frame.empty()) {
        return Error(ErrorCode::OcspTransport, "the fetch process takes no requests");
    }
    const long long deadline = Deadline::after_ms(kSendMs).monotonic_ms();
    if (write_exactly(socket_.get(), frame.data(), frame.size(), deadline) != IoResult::Done) {
        broken_ = true;
        return Error(ErrorCode::OcspTransport, "the fetch process does not listen");
    }
    open_.push_back(fetch.id);
    return std::size_t{fetch.id};
}

Result<Transport::Completion> FetchRoleTransport::wait(Deadline deadline) {
    const Error gone(ErrorCode::OcspTransport, "the fetch process is gone or broke the protocol");
    FrameBuffer::State state = FrameBuffer::State::Open;
    for (;;) {
        Bytes payload;
        bool found = false;
        if (broken_ || buffer_.next(payload, found) != FrameBuffer::State::Open) {
            broken_ = true;
            return gone;
        }
        if (found) {
            auto reply = decode_fetch_reply(payload);
            const auto asked =
                reply ? std::find(open_.begin(), open_.end(), reply->id) : open_.end();
            if (asked == open_.end()) {
                broken_ = true;  // an answer that nobody asked for
                return gone;
            }
            open_.erase(asked);
            return Completion{reply->id, std::move(reply->response)};
        }
        if (state != FrameBuffer::State::Open || open_.empty()) {
            broken_ = broken_ || state != FrameBuffer::State::Open;
            return open_.empty() ? Error(ErrorCode::OcspUnavailable, "nothing is under way") : gone;
        }
        pollfd p{socket_.get(), POLLIN, 0};
        const int ready = poll(&p, 1, deadline.left_ms());
        if (ready > 0) {
            state = buffer_.fill(socket_.get());
        } else if (ready == 0 && deadline.over()) {
            return Error(ErrorCode::DeadlineOver);
        } else if (ready < 0 && errno != EINTR) {
            broken_ = true;
            return gone;
        }
    }
}

}  // namespace piv
