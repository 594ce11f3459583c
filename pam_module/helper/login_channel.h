// LoginChannel: the helper's end of the login protocol.
#pragma once

#include <string>

#include "pam_module/decide/dialogue.h"
#include "pam_module/protocol/channel.h"

namespace piv {

struct BeginMessage {
    Facility facility = Facility::Authenticate;
    FirstPass first_pass = FirstPass::Never;
    std::uint32_t flags = 0;
    std::uint32_t wait_seconds = 0;
    std::string service;
    std::string user;
    std::string config;
    std::string tty;
    std::string remote_host;
    std::string language;
    std::string session_id;
    std::string reader;
    std::string certificate;  // SHA-256, lower-case hexadecimal
};

/// The card whose removal is to be watched; both empty: none.
struct WatchedCard {
    std::string reader;
    std::string certificate;
};

class LoginChannel : public Dialogue {
  public:
    explicit LoginChannel(int socket)
        : socket_(socket), channel_(socket, Side::Server, State::Start) {}

    /// The one request. Errors: HelperFailed.
    Result<BeginMessage> receive_begin();
    Status send_ready(std::uint32_t deadline_ms, std::uint32_t wait_ms);
    void info(const std::string& text) override;
    void problem(const std::string& text);
    Result<SecretBuffer> ask(SecretSource source, const std::string& prompt) override;
    /// The one answer. Nothing can be sent after it.
    Status send_verdict(AuthOutcome outcome, const std::string& user, std::string_view error_name,
                        const WatchedCard& watched = {});

  private:
    Status send(Message message, ByteView payload);
    /// Until the host has sent something; sees to the background meanwhile.
    void wait_for_answer();

    int socket_;
    Channel channel_;
};

}  // namespace piv
