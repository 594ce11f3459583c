#include "pam_module/helper/sandbox.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cstddef>

namespace piv {

#ifdef PIV_HAVE_SECCOMP

namespace {

#include "pam_module/helper/filters.inc"  // written by compile_filters

template <std::size_t N>
bool load(const sock_filter (&instructions)[N]) noexcept {
    // The kernel reads the program and keeps a copy; its type has no const.
    const sock_fprog program = {static_cast<unsigned short>(N),
                                const_cast<sock_filter*>(instructions)};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

bool enter_card_sandbox() noexcept {
    return load(kCardFilter);
}

bool enter_decider_sandbox() noexcept {
    return load(kDeciderFilter);
}

#else

bool enter_card_sandbox() noexcept {
    return true;
}

bool enter_decider_sandbox() noexcept {
    return true;
}

#endif

}  // namespace piv
