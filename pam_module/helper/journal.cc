#include "pam_module/helper/journal.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cstring>

#include "pki/base/fd.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr char kIdentifier[] = "piv-login";
constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

// The journal's native protocol: KEY=VALUE lines in one datagram.
bool to_journal(const std::string& message, int priority, const std::vector<JournalField>& fields) {
    std::string datagram = "MESSAGE=" + message + "\nPRIORITY=" + std::to_string(priority) +
                           "\nSYSLOG_FACILITY=" + std::to_string(LOG_AUTHPRIV >> 3) +
                           "\nSYSLOG_IDENTIFIER=" + kIdentifier +
                           "\nSYSLOG_PID=" + std::to_string(getpid()) + "\n";
    for (const JournalField& field : fields) {
        if (!field.second.empty()) {
            datagram += field.first + "=" + escape_for_display(field.second) + "\n";
        }
    }
    const UniqueFd socket_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, kJournalSocket, sizeof kJournalSocket);
    return socket_fd.valid() && sendto(socket_fd.get(), datagram.data(), datagram.size(),
                                       MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                                       sizeof address) == static_cast<ssize_t>(datagram.size());
}

void to_syslog(const std::string& message, int priority) {
    openlog(kIdentifier, LOG_PID, LOG_AUTHPRIV);
    syslog(priority, "%s", message.c_str());
    closelog();
}

}  // namespace

void write_journal(const std::string& message, int priority,
                   const std::vector<JournalField>& fields) {
    if (!to_journal(message, priority, fields)) {
        to_syslog(message, priority);
    }
}

}  // namespace piv
