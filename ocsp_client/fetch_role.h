// The fetch role: a process that has the network and nothing else. The login helper starts
// `piv-ocsp --fetch-role` with a socket on descriptor 3 and talks to it through FetchRoleTransport.
// Frames in both directions: a length in 4 octets, big-endian, then that many octets.
#pragma once

#include "ocsp_client/transport.h"
#include "pki/base/fd.h"

namespace piv {

/// The descriptor of the fetch role's socket.
inline constexpr int kFetchRoleFd = 3;

struct FetchRequest {
    std::uint32_t id = 0;
    HttpRequest http;
};
struct FetchReply {
    std::uint32_t id = 0;
    Result<HttpResponse> response = ErrorCode::OcspTransport;
};

inline constexpr std::size_t kMaxFetchRequest = 16U << 10U;
inline constexpr std::size_t kMaxFetchReply = (1U << 20U) + 8192;

/// Whole frames, length included. Empty: does not fit the caps.
Bytes encode_fetch_request(const FetchRequest& request);
Bytes encode_fetch_reply(const FetchReply& reply);
/// The payload of a frame, without its length. Error: OcspTransport.
Result<FetchRequest> decode_fetch_request(ByteView payload);
Result<FetchReply> decode_fetch_reply(ByteView payload);

/// Collects frames from a socket without blocking.
class FrameBuffer {
  public:
    explicit FrameBuffer(std::size_t max_payload) : max_payload_(max_payload) {}
    enum class State { Open, Closed, Broken };
    /// Takes what the descriptor has now.
    State fill(int fd);
    /// The next whole payload; nothing when more octets are needed. Broken: a length over the cap.
    State next(Bytes& payload, bool& found);

  private:
    std::size_t max_payload_;
    Bytes buffer_;
};

/// The client's side: asks the fetch role, believes nothing beyond the frame.
class FetchRoleTransport : public Transport {
  public:
    /// `socket`: the other end of the fetch role's descriptor 3.
    explicit FetchRoleTransport(UniqueFd socket);
    Result<std::size_t> start(HttpRequest request) override;
    Result<Completion> wait(Deadline deadline) override;
    [[nodiscard]] int poll_fd() const override { return socket_.get(); }

  private:
    UniqueFd socket_;
    FrameBuffer buffer_;
    std::uint32_t next_id_ = 1;
    std::vector<std::uint32_t> open_;
    bool broken_ = false;
};

/// The server's side, the whole life of the process: gives up its privileges, then serves `fd`
/// until it is closed. Returns the exit status.
int serve_fetch_role(int fd);

}  // namespace piv
