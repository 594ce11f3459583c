// A login by a hostile PKCS#11 module, loaded by p11-kit as any other (hostile_pkcs11.h). Whatever it
// answers, the login ends, the PIN costs at most one try, and the calls keep to PKCS#11.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "pam_module/card/pkcs11_card.h"
#include "tests/fuzz/hostile_pkcs11.h"

using namespace piv;

namespace {

constexpr std::size_t kMaxObjects = 64;

struct Module {
    HostileInput input = nullptr;
    HostileVerdict verdict = nullptr;
};

// Held open, so that the input outlives p11-kit's own loading and unloading.
const Module& module() {
    static const Module loaded = [] {
        Module found;
        void* handle = dlopen(PIV_HOSTILE_MODULE, RTLD_NOW | RTLD_LOCAL);
        if (handle != nullptr) {
            found.input = reinterpret_cast<HostileInput>(dlsym(handle, "hostile_input"));
            found.verdict = reinterpret_cast<HostileVerdict>(dlsym(handle, "hostile_verdict"));
        }
        if (found.input == nullptr || found.verdict == nullptr) {
            std::printf("the hostile module cannot be loaded: %s\n", PIV_HOSTILE_MODULE);
            std::exit(1);
        }
        if (auto path = checked_module_path(PIV_HOSTILE_MODULE); !path) {
            std::printf("skipped: %s\n", path.error().detail.c_str());
            std::exit(77);
        }
        return found;
    }();
    return loaded;
}

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

void log_in(CardSession& token, CardKey key, ByteView input, Deadline deadline) {
    (void)token.pin_tries_left(deadline);
    auto certificates = token.certificates(deadline);
    if (!certificates) {
        return;
    }
    require(!certificates->empty() && certificates->size() <= kMaxObjects, "number of objects");
    SecretBuffer pin;
    require(pin.assign(kHostilePin, sizeof kHostilePin - 1), "memory for the PIN");
    (void)token.verify_pin_and_sign(pin, certificates->front(), key, input, deadline);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Module& hostile = module();
    CardSettings settings;
    settings.module = PIV_HOSTILE_MODULE;
    const Deadline deadline = Deadline::after_ms(600000);
    hostile.input(data, size);
    {
        auto tokens = open_tokens(settings, deadline);
        const bool incomplete = size != 0 && data[0] != 0 && data[0] <= kHostileFunctions;
        require(!incomplete || tokens.code() == ErrorCode::ModuleRefused, "an incomplete module");
        if (tokens) {
            const Bytes digest(32, 0x11);
            log_in(*tokens->front(), CardKey::EcP256, digest, deadline);
        }
    }
    const char* broken = hostile.verdict();
    require(broken == nullptr, broken == nullptr ? "" : broken);
    return 0;
}
