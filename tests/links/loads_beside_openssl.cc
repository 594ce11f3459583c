// The modules load into a process that has OpenSSL already, and bring no library of ours with them: a
// program that logs people in keeps the OpenSSL, the curl and the C++ library that it was built with.
// loads_beside_openssl MODULE...
#include <dlfcn.h>
#include <openssl/crypto.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <string>

namespace {

std::set<std::string> mapped_libraries() {
    std::set<std::string> out;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        const std::size_t path = line.find('/');
        if (path != std::string::npos) {
            out.insert(line.substr(path));
        }
    }
    return out;
}

// libpam brings libaudit and libcap-ng in some distributions.
bool may_come_along(const std::string& library, const std::string& module) {
    if (library == module) {
        return true;
    }
    const std::string name = library.substr(library.rfind('/') + 1);
    for (const char* const allowed : {"libpam.so", "libaudit.so", "libcap-ng.so", "libc.so"}) {
        if (name.compare(0, std::string(allowed).size(), allowed) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string version = OpenSSL_version(OPENSSL_VERSION);
    int problems = argc < 2 ? 1 : 0;
    for (int i = 1; i < argc; ++i) {
        const std::set<std::string> before = mapped_libraries();
        void* const module = ::dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL);
        if (module == nullptr) {
            std::printf("%s: %s\n", argv[i], ::dlerror());
            ++problems;
            continue;
        }
        for (const std::string& library : mapped_libraries()) {
            if (before.count(library) == 0 && !may_come_along(library, argv[i])) {
                std::printf("%s: brings %s\n", argv[i], library.c_str());
                ++problems;
            }
        }
        if (version != OpenSSL_version(OPENSSL_VERSION)) {
            std::printf("%s: changes the OpenSSL of the process\n", argv[i]);
            ++problems;
        }
    }
    return problems == 0 ? 0 : 1;
}
