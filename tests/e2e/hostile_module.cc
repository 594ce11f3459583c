// A PKCS#11 module: OpenSC's or SoftHSM's, until it comes to the place and does the deed that the file
// kOrders names, as "sign crash". For hostile_module.sh and backends.sh.
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string_view>

namespace {

constexpr char kOrders[] = "/usr/lib/hostile-module.orders";
constexpr char kReal[] = "/usr/lib/libhostile-real.so";
constexpr int kDescriptors = 256;
constexpr CK_ULONG kHuge = ~CK_ULONG{0} / 2;

CK_FUNCTION_LIST functions;
CK_FUNCTION_LIST* real = nullptr;
// No std::string: objects with constructors are not there yet when the module is loaded.
char orders[64];
std::string_view place;
std::string_view deed;

void read_orders() {
    const int file = open(kOrders, O_RDONLY | O_CLOEXEC);
    const ssize_t size = file >= 0 ? read(file, orders, sizeof orders) : 0;
    (void)close(file);
    const std::string_view text(orders, size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t blank = text.find(' ');
    if (blank != std::string_view::npos) {
        place = text.substr(0, blank);
        deed = text.substr(blank + 1, text.find('\n') - blank - 1);
    }
}

void sleep_ms(long ms) {
    timespec rest{ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&rest, &rest) != 0) {
    }
}

void deaf() {
    for (int number = 1; number < NSIG; ++number) {
        (void)signal(number, SIG_IGN);
    }
    sigset_t every;
    sigfillset(&every);
    (void)sigprocmask(SIG_BLOCK, &every, nullptr);
    (void)alarm(0);
}

void* spin(void* /*unused*/) {
    for (volatile unsigned long n = 0;; n = n + 1) {
    }
}

int deeper(volatile char* above) {
    volatile char block[65536];
    block[0] = above != nullptr ? above[0] : 'x';
    return block[0] == 'x' ? deeper(block) + block[0] : 0;
}

void for_descriptors(int (*action)(int)) {
    for (int fd = 3; fd < kDescriptors; ++fd) {
        (void)action(fd);
    }
}

int write_junk(int fd) {
    char junk[512];
    std::memset(junk, 'P', sizeof junk);
    return static_cast<int>(write(fd, junk, sizeof junk));
}

// Answers like those of the card role that it runs in: "PL", version 1, and a message.
int write_frame(int fd) {
    static const unsigned char signature[] = {'P', 'L', 1, 24, 0, 0,    0,    10,   0,
                                              0,   0,   0, 0,  4, 0xDE, 0xAD, 0xBE, 0xEF};
    return static_cast<int>(write(fd, signature, sizeof signature));
}

void take_all_memory() {
    for (std::size_t size = std::size_t{1} << 28U; size > 4096; size /= 2) {
        while (mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED) {
        }
    }
}

void start_thread() {
    pthread_t thread{};
    (void)pthread_create(&thread, nullptr, spin, nullptr);
}

void do_deed() {
    if (deed == "crash") {
        (void)raise(SIGSEGV);
    } else if (deed == "abort") {
        std::abort();
    } else if (deed == "leave") {
        _exit(0);
    } else if (deed == "exit") {
        std::exit(0);
    } else if (deed == "throw") {
        throw std::runtime_error("thrown by the module");
    } else if (deed == "overflow") {
        (void)deeper(nullptr);
    } else if (deed == "memory") {
        take_all_memory();
    } else if (deed == "spin") {
        (void)spin(nullptr);
    } else if (deed == "hang") {
        sleep_ms(600000);
    } else if (deed == "deaf-hang") {
        deaf();
        sleep_ms(600000);
    } else if (deed == "cut-hang") {
        deaf();
        for_descriptors(close);
        sleep_ms(600000);
    } else if (deed == "close") {
        for_descriptors(close);
    } else if (deed == "junk") {
        for_descriptors(write_junk);
    } else if (deed == "frame") {
        for_descriptors(write_frame);
    } else if (deed == "signals") {
        deaf();
    } else if (deed == "thread") {
        start_thread();
    } else if (deed == "folder") {
        (void)(chdir("/usr/lib") != 0);
        (void)umask(0);
    } else if (deed == "late") {
        sleep_ms(700);
    } else if (deed == "processes" && (fork() == 0 || execl("/bin/sh", "sh", nullptr) == 0)) {
        sleep_ms(600000);
    }
}

bool here(const char* where) {
    return place == where;
}
void at(const char* where) {
    if (here(where)) {
        do_deed();
    }
}
bool lies(const char* where) {
    return here(where) && deed == "length";
}

CK_RV initialize(CK_VOID_PTR arguments) {
    at("initialize");
    return real->C_Initialize(arguments);
}
CK_RV finalize(CK_VOID_PTR reserved) {
    at("finalize");
    return real->C_Finalize(reserved);
}
CK_RV slots(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count) {
    at("slots");
    const CK_RV rv = real->C_GetSlotList(present, list, count);
    *count = lies("slots") ? kHuge : *count;
    return rv;
}
CK_RV token(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
    at("token");
    const CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (lies("token")) {
        info->ulMinPinLen = info->ulMaxPinLen = kHuge;
        std::memset(info->serialNumber, 0x1B, sizeof info->serialNumber);
    } else if (here("token") && deed == "locked") {
        info->flags |= CKF_USER_PIN_LOCKED;
    }
    return rv;
}
CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG most,
           CK_ULONG_PTR count) {
    at("find");
    const CK_RV rv = real->C_FindObjects(session, objects, most, count);
    *count = lies("find") ? kHuge : *count;
    return rv;
}
CK_RV attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR list,
                 CK_ULONG count) {
    at("attributes");
    const CK_RV rv = real->C_GetAttributeValue(session, object, list, count);
    list->ulValueLen = lies("attributes") ? kHuge : list->ulValueLen;
    return rv;
}
CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size) {
    at("login");
    if (here("login") && deed == "locked") {
        return CKR_PIN_LOCKED;
    }
    return real->C_Login(session, user, pin, size);
}
CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG size, CK_BYTE_PTR signature,
           CK_ULONG_PTR signature_size) {
    at("sign");
    const CK_RV rv = real->C_Sign(session, data, size, signature, signature_size);
    if (lies("sign")) {
        *signature_size = kHuge;
    } else if (here("sign") && deed == "other") {
        signature[7] = static_cast<CK_BYTE>(signature[7] ^ 1U);
    }
    return rv;
}
CK_RV close_session(CK_SESSION_HANDLE session) {
    at("close");
    return real->C_CloseSession(session);
}
CK_RV list(CK_FUNCTION_LIST** out) {
    *out = &functions;
    return CKR_OK;
}

__attribute__((constructor)) void when_loaded() {
    read_orders();
    at("constructor");
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** out) {
    at("load");
    void* module = dlopen(kReal, RTLD_NOW | RTLD_LOCAL);
    void* get = module != nullptr ? dlsym(module, "C_GetFunctionList") : nullptr;
    if (get == nullptr || reinterpret_cast<CK_C_GetFunctionList>(get)(&real) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    functions = *real;
    functions.C_Initialize = initialize;
    functions.C_Finalize = finalize;
    functions.C_GetFunctionList = list;
    functions.C_GetSlotList = slots;
    functions.C_GetTokenInfo = token;
    functions.C_FindObjects = find;
    functions.C_GetAttributeValue = attributes;
    functions.C_Login = login;
    functions.C_Sign = sign;
    functions.C_CloseSession = close_session;
    return list(out);
}
