// Everything that can go wrong on the other side of the module, and what the module must answer.
#pragma once

#include <string>
#include <vector>

namespace piv::test {

struct Cause {
    std::string order;  // for the lying helper
    int code;           // the PAM code of authenticate and of a PIN change
};

/// Every cause but success and "out of scope".
std::vector<Cause> causes();

}  // namespace piv::test
