// A reader that can be unplugged, for pcscd: vpcd, but while the file READER_UNPLUGGED (from pcscd's
// environment) is there it answers as a driver does whose device is gone. For tests only.
#include <unistd.h>

#include <cstdlib>

#include "tests/card/around_vpcd.h"

using piv::test::forward;

namespace {

bool unplugged() {
    const char* file = std::getenv("READER_UNPLUGGED");
    return file != nullptr && access(file, F_OK) == 0;
}

}  // namespace

PIV_DRIVER RESPONSECODE IFDHICCPresence(DWORD lun) {
    return unplugged() ? IFD_COMMUNICATION_ERROR
                       : forward<decltype(IFDHICCPresence)>("IFDHICCPresence", lun);
}

PIV_DRIVER RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR in, DWORD in_size, PUCHAR out,
                                    DWORD out_size, LPDWORD returned) {
    return forward<decltype(IFDHControl)>("IFDHControl", lun, code, in, in_size, out, out_size,
                                          returned);
}
