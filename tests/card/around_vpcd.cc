#include "tests/card/around_vpcd.h"

#include <dlfcn.h>

#include <cstdlib>

namespace piv::test {

void* vpcd_function(const char* name) {
    static void* const handle = [] {
        const char* path = std::getenv("READER_DRIVER");
        return ::dlopen(path == nullptr ? "" : path, RTLD_NOW | RTLD_LOCAL);
    }();
    return handle == nullptr ? nullptr : ::dlsym(handle, name);
}

}  // namespace piv::test

using piv::test::forward;

PIV_DRIVER RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR name) {
    return forward<decltype(IFDHCreateChannelByName)>("IFDHCreateChannelByName", lun, name);
}
PIV_DRIVER RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel) {
    return forward<decltype(IFDHCreateChannel)>("IFDHCreateChannel", lun, channel);
}
PIV_DRIVER RESPONSECODE IFDHCloseChannel(DWORD lun) {
    return forward<decltype(IFDHCloseChannel)>("IFDHCloseChannel", lun);
}
PIV_DRIVER RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD size, PUCHAR value) {
    return forward<decltype(IFDHGetCapabilities)>("IFDHGetCapabilities", lun, tag, size, value);
}
PIV_DRIVER RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD size, PUCHAR value) {
    return forward<decltype(IFDHSetCapabilities)>("IFDHSetCapabilities", lun, tag, size, value);
}
PIV_DRIVER RESPONSECODE IFDHSetProtocolParameters(DWORD lun, DWORD protocol, UCHAR flags,
                                                  UCHAR pts1, UCHAR pts2, UCHAR pts3) {
    return forward<decltype(IFDHSetProtocolParameters)>("IFDHSetProtocolParameters", lun, protocol,
                                                        flags, pts1, pts2, pts3);
}
PIV_DRIVER RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, PUCHAR atr, PDWORD size) {
    return forward<decltype(IFDHPowerICC)>("IFDHPowerICC", lun, action, atr, size);
}
PIV_DRIVER RESPONSECODE IFDHTransmitToICC(DWORD lun, SCARD_IO_HEADER send, PUCHAR in, DWORD in_size,
                                          PUCHAR out, PDWORD out_size, PSCARD_IO_HEADER receive) {
    return forward<decltype(IFDHTransmitToICC)>("IFDHTransmitToICC", lun, send, in, in_size, out,
                                                out_size, receive);
}
