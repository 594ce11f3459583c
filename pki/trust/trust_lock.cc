#include "pki/trust/trust_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace piv {

Result<UniqueFd> lock_trust(const std::string& root, Deadline deadline) {
    // Nothing is read or written through it: a link that leads elsewhere only locks that.
    UniqueFd folder(open((root + PIV_SYSCONFDIR).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    while (folder.valid() && flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return UniqueFd();  // a file system without locks
        }
        if (deadline.over()) {
            return ErrorCode::TrustBusy;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return folder;
}

}  // namespace piv
