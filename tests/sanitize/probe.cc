// sanitizer-probe address|undefined: makes one mistake of the kind where the card role works, as its
// user and behind its filter of system calls. A test that finds no report of it would find none at all.
#include <cstring>
#include <memory>

#include "pam_module/helper/process.h"
#include "pam_module/helper/sandbox.h"

int main(int argc, char** argv) {
    bool fallback = false;
    if (argc != 2 || !piv::drop_privileges(fallback) || !piv::enter_card_sandbox()) {
        return 64;
    }
    volatile int eight = 8;
    if (std::strcmp(argv[1], "address") == 0) {
        const std::unique_ptr<char[]> octets(new char[8]());
        return octets[static_cast<std::size_t>(eight)];
    }
    if (std::strcmp(argv[1], "undefined") == 0) {
        return 1 << (eight * 8);
    }
    return 64;
}
