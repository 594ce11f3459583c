// For reader drivers that are vpcd but for one thing: what they do not do themselves is handed on.
// From pcscd's environment: READER_DRIVER, the path of vpcd. For tests only.
#pragma once

#include <cstring>

extern "C" {
#include <ifdhandler.h>  // declares C functions and does not say so
}

#define PIV_DRIVER extern "C" __attribute__((visibility("default")))

namespace piv::test {

/// A function of vpcd by its name; nullptr: there is none.
void* vpcd_function(const char* name);

/// Calls it, by its type; all of them return a response code.
template <typename Function, typename... Arguments>
RESPONSECODE forward(const char* name, Arguments... arguments) {
    void* const symbol = vpcd_function(name);
    if (symbol == nullptr) {
        return IFD_COMMUNICATION_ERROR;
    }
    Function* function = nullptr;
    std::memcpy(&function, &symbol, sizeof symbol);
    return function(arguments...);
}

}  // namespace piv::test
