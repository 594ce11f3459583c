#include "pam_module/watch/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace piv {

namespace {

constexpr std::uint32_t kNeeded = (1U << CAP_SETUID) | (1U << CAP_SETGID) | (1U << CAP_KILL);

}  // namespace

bool keep_needed_capabilities() noexcept {
    // First the bounding set, which needs CAP_SETPCAP; without that there is nothing to gain by it
    // either, as nothing here is set-user-id and no new privileges are to be had.
    for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
        if (number >= 32 || (kNeeded & (1U << static_cast<unsigned>(number))) == 0) {
            (void)prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
        }
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // Linux 4.3
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
    if (syscall(SYS_capget, &header, sets) != 0) {
        return false;
    }
    sets[0].permitted &= kNeeded;
    sets[0].effective = sets[0].permitted;
    sets[0].inheritable = 0;
    sets[1] = {};
    return syscall(SYS_capset, &header, sets) == 0;
}

}  // namespace piv
