// A helper that does what the configuration path of Begin says: "/verdict/7", "/exit/3", "/junk" ...
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "pam_module/protocol/channel.h"
#include "pam_module/protocol/login_messages.h"
#include "pam_module/protocol/payload.h"
#include "pki/base/fd.h"
#include "pki/base/time.h"

namespace {

using namespace piv;

constexpr int kFd = 3;
std::uint8_t buffer[1U << 16U];

long long soon() {
    return monotonic_ms() + 5000;
}

void raw(const void* data, std::size_t size) {
    (void)write_exactly(kFd, data, size, soon());
}

void raw_frame(int type, std::uint32_t announced, ByteView payload) {
    const std::uint8_t header[8] = {'P',
                                    'L',
                                    1,
                                    static_cast<std::uint8_t>(type),
                                    static_cast<std::uint8_t>(announced >> 24U),
                                    static_cast<std::uint8_t>(announced >> 16U),
                                    static_cast<std::uint8_t>(announced >> 8U),
                                    static_cast<std::uint8_t>(announced)};
    raw(header, sizeof header);
    raw(payload.data(), payload.size());
}

class Liar {
  public:
    void run();

  private:
    void ready(std::uint32_t ms = 2000) {
        PayloadWriter out(buffer, sizeof buffer);
        out.put_u32(ms);
        out.put_u32(0);
        (void)channel_.send(Message::Ready, out.view(), soon());
    }
    ByteView watch_payload(const std::string& reader, const std::string& certificate) {
        PayloadWriter out(buffer, sizeof buffer);
        out.put_u32(0);
        out.put_text(user_.c_str());
        out.put_text("test");
        out.put_text(reader.c_str());
        out.put_text(certificate.c_str());
        return out.view();
    }
    ByteView verdict_payload(std::uint32_t outcome, const std::string& user) {
        PayloadWriter out(buffer, sizeof buffer);
        out.put_u32(outcome);
        out.put_text(user.c_str());
        out.put_text("test");
        out.put_text("");
        out.put_text("");
        return out.view();
    }
    void verdict(std::uint32_t outcome, const std::string& user) {
        (void)channel_.send(Message::Verdict, verdict_payload(outcome, user), soon());
    }
    // The PIN, or "-N" for a NoSecret with reason N.
    std::string ask(SecretSource source) {
        PayloadWriter out(buffer, sizeof buffer);
        out.put_u8(static_cast<std::uint8_t>(source));
        out.put_text("PIN: ");
        (void)channel_.send(Message::AskSecret, out.view(), soon());
        Message message{};
        std::size_t size = 0;
        if (channel_.receive_header(message, size, monotonic_ms() + 600000) !=
                ChannelResult::Done ||
            channel_.receive_payload(buffer, sizeof buffer, soon()) != ChannelResult::Done) {
            _exit(9);
        }
        if (message == Message::NoSecret) {
            return "-" + std::to_string(buffer[0]);
        }
        return {reinterpret_cast<char*>(buffer), size};
    }
    void lie(const std::string& what, const std::string& value);
    void break_protocol(const std::string& what);

    Channel channel_{kFd, Side::Server, State::Start};
    std::string user_;
    Facility facility_ = Facility::Authenticate;
    std::string session_;  // "ID READER CERTIFICATE" of Begin
};

void Liar::break_protocol(const std::string& what) {
    const std::uint8_t zeros[64] = {};
    if (what == "junk") {
        raw("HTTP/1.1 200 OK\r\n\r\n", 19);
    } else if (what == "version") {
        const std::uint8_t header[8] = {'P', 'L', 2, 2, 0, 0, 0, 8};
        raw(header, sizeof header);
    } else if (what == "huge") {
        raw_frame(2, 0xFFFFFFFFU, {});
    } else if (what == "early-verdict") {
        raw_frame(8, 10, verdict_payload(0, user_).sub(0, 10));
    } else if (what == "unknown-message") {
        ready();
        raw_frame(200, 0, {});
    } else if (what == "clients-message") {
        ready();
        raw_frame(6, 6, ByteView(std::string_view("123456")));
    } else if (what == "short-verdict") {
        ready();
        raw_frame(8, 100, verdict_payload(0, user_).sub(0, 8));
    } else if (what == "long-verdict") {
        ready();
        const ByteView good = verdict_payload(0, user_);
        Bytes longer = good.copy();
        longer.push_back(0);
        raw_frame(8, static_cast<std::uint32_t>(longer.size()), longer);
    } else if (what == "empty-verdict") {
        ready();
        raw_frame(8, 0, {});
    } else if (what == "half-header") {
        raw("PL", 2);
    } else if (what == "ready-twice") {
        ready();
        raw_frame(2, 8, {zeros, 8});
    } else if (what == "ready-endless") {
        ready(0xFFFFFFFFU);
    } else if (what == "bad-question") {
        ready();
        raw_frame(5, 3, {zeros, 3});
    } else if (what == "unknown-question") {
        ready();
        PayloadWriter out(buffer, sizeof buffer);
        out.put_u8(77);
        out.put_text("?");
        raw_frame(5, 4, out.view());
    } else if (what == "texts") {
        ready();
        for (int i = 0; i < 1000; ++i) {
            raw_frame(3, 2, ByteView(std::string_view("hi")));
        }
        verdict(0, user_);
    } else if (what == "questions") {
        ready();
        for (int i = 0; i < 1000; ++i) {
            (void)ask(SecretSource::Person);
        }
    } else if (what == "empty-text") {
        ready();
        raw_frame(3, 0, {});
    }
}

void Liar::lie(const std::string& what, const std::string& value) {
    const int number = std::atoi(value.c_str());
    if (what == "verdict") {
        ready();
        verdict(static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10)), user_);
    } else if (what == "grant-for") {
        ready();
        verdict(0, value == "nobody" ? "" : value);
    } else if (what == "grant-nul") {
        ready();
        PayloadWriter out(buffer, sizeof buffer);
        out.put_u32(0);
        out.put_bytes(ByteView(std::string_view("alice\0x", 7)));
        out.put_text("test");
        out.put_text("");
        out.put_text("");
        raw_frame(8, static_cast<std::uint32_t>(out.view().size()), out.view());
    } else if (what == "watch") {  // a login whose session is to be watched: then outcome N
        ready();
        if (facility_ == Facility::OpenSession) {
            const bool right = session_ == "c7 Reader 00 " + std::string(64, 'e');
            verdict(right ? static_cast<std::uint32_t>(number) : 8, user_);
        } else {
            (void)channel_.send(Message::Verdict, watch_payload("Reader 00", std::string(64, 'e')),
                                soon());
        }
    } else if (what == "half-a-card") {
        ready();
        (void)channel_.send(Message::Verdict, watch_payload("Reader 00", ""), soon());
    } else if (what == "no-digits") {
        ready();
        (void)channel_.send(Message::Verdict, watch_payload("Reader 00", std::string(64, 'E')),
                            soon());
    } else if (what == "long-reader") {
        ready();
        (void)channel_.send(Message::Verdict,
                            watch_payload(std::string(256, 'r'), std::string(64, 'e')), soon());
    } else if (what == "exit") {
        _exit(number);
    } else if (what == "ready-exit") {
        ready();
        _exit(number);
    } else if (what == "ask-exit") {
        ready();
        (void)ask(SecretSource::Person);
        _exit(number);
    } else if (what == "signal") {
        ready();
        (void)signal(number, SIG_DFL);
        (void)raise(number);
        pause();
    } else if (what == "early-signal") {
        (void)raise(number);
        pause();
    } else if (what == "late") {
        ready(200);
        (void)usleep(static_cast<useconds_t>(number) * 1000U);
        verdict(0, user_);
    } else if (what == "slow-start") {
        (void)usleep(static_cast<useconds_t>(number) * 1000U);
        ready(200);
        (void)usleep(600 * 1000U);
        verdict(0, user_);
    } else if (what == "pin") {  // granted to whoever types it
        ready();
        const bool good = ask(SecretSource::Person) == value;
        verdict(good ? 0 : 1, user_);
    } else if (what == "first-pass") {
        ready();
        const bool good = ask(SecretSource::FirstPass) == value;
        verdict(good ? 0 : 1, user_);
    } else if (what == "linger") {
        ready();
        verdict(0, user_);
        for (;;) {
            pause();
        }
    } else if (what == "environment") {  // granted only if nothing of the host is left
        ready();
        int open = 0;
        for (int fd = 4; fd < 2048; ++fd) {
            open += fcntl(fd, F_GETFD) != -1 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? 1 : 0;
        }
        sigset_t mask;
        sigprocmask(SIG_SETMASK, nullptr, &mask);
        struct sigaction action {};
        sigaction(SIGCHLD, nullptr, &action);
        const bool clean = environ[0] == nullptr && open == 0 && !sigismember(&mask, SIGTERM) &&
                           !sigismember(&mask, SIGCHLD) && action.sa_handler == SIG_DFL &&
                           getpgrp() == getpid();
        verdict(clean ? 0 : 1, user_);
    } else {
        break_protocol(what);
    }
}

void Liar::run() {
    Message message{};
    std::size_t size = 0;
    if (channel_.receive_header(message, size, soon()) != ChannelResult::Done ||
        channel_.receive_payload(buffer, sizeof buffer, soon()) != ChannelResult::Done) {
        return;
    }
    PayloadReader reader({buffer, size});
    facility_ = static_cast<Facility>(reader.get_u8());
    (void)reader.get_u8();
    (void)reader.get_u32();
    (void)reader.get_u32();
    (void)reader.get_bytes();
    user_ = std::string(reader.get_bytes().text());
    std::string order(reader.get_bytes().text());
    if (user_.empty()) {
        user_ = "alice";
    }
    for (int i = 0; i < 3; ++i) {
        (void)reader.get_bytes();  // terminal, remote host, language
    }
    for (int i = 0; i < 3; ++i) {
        session_ += (i == 0 ? "" : " ") + std::string(reader.get_bytes().text());
    }
    order.erase(0, 1);
    const std::size_t slash = order.find('/');
    lie(order.substr(0, slash), slash == std::string::npos ? "" : order.substr(slash + 1));
}

}  // namespace

int main() {
    Liar().run();
    return 0;
}
