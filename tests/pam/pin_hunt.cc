// A PAM application that looks for the PIN in memory afterwards: in its own, or (as root) in that of
// helpers that are about to end. The PIN is given with every digit d as 9-d, so that what is looked
// for is in no argument and no memory of ours.
//   pin_hunt SERVICE USER CODED_PIN [keep]   prints: code=N asked=N before=COPIES after=COPIES;
//                                       keep: with a copy made on purpose
//   pin_hunt --helpers MS CODED_PIN     prints: scanned=N copies=N, of processes named
//                                       piv-login-helper that have called exit_group
#include <dirent.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr unsigned kDigits = '0' + '9';

char* decoded(const char* coded) {
    const std::size_t size = std::strlen(coded);
    auto* pin = static_cast<char*>(std::calloc(size + 1, 1));
    for (std::size_t k = 0; k < size; ++k) {
        pin[k] = static_cast<char>(kDigits - static_cast<unsigned>(coded[k]));
    }
    return pin;
}

struct Person {
    const char* coded = "";
    int asked = 0;
};

int converse(int count, const pam_message** messages, pam_response** response, void* data) {
    auto& person = *static_cast<Person*>(data);
    auto* answers = static_cast<pam_response*>(
        std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    for (int i = 0; i < count; ++i) {
        if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF) {
            std::fprintf(stderr, "%s\n", messages[i]->msg);
            continue;
        }
        ++person.asked;
        answers[i].resp = decoded(person.coded);
    }
    *response = answers;
    return PAM_SUCCESS;
}

int copies_in(const unsigned char* data, std::size_t size, const std::string& coded) {
    int copies = 0;
    for (std::size_t i = 0; i + coded.size() <= size; ++i) {
        std::size_t k = 0;
        while (k < coded.size() &&
               data[i + k] + static_cast<unsigned>(static_cast<unsigned char>(coded[k])) ==
                   kDigits) {
            ++k;
        }
        copies += k == coded.size() ? 1 : 0;
    }
    return copies;
}

struct Region {
    unsigned long begin = 0;
    unsigned long end = 0;
};

std::vector<Region> regions(const std::string& pid) {
    std::vector<Region> out;
    std::ifstream maps("/proc/" + pid + "/maps");
    for (std::string line; std::getline(maps, line);) {
        // begin-end rights ...
        char* rest = nullptr;
        Region region;
        region.begin = std::strtoul(line.c_str(), &rest, 16);
        region.end = std::strtoul(*rest == '-' ? rest + 1 : rest, &rest, 16);
        if (std::strncmp(rest, " r", 2) == 0 && line.find("[v") == std::string::npos) {
            out.push_back(region);
        }
    }
    return out;
}

int copies_of(const std::string& pid, const std::string& coded) {
    const int memory = open(("/proc/" + pid + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    int copies = memory < 0 ? 100 : 0;
    for (const Region& region : regions(pid)) {
        std::vector<unsigned char> bytes(region.end - region.begin);
        const ssize_t n =
            pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(region.begin));
        copies += n > 0 ? copies_in(bytes.data(), static_cast<std::size_t>(n), coded) : 0;
        std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
    }
    (void)close(memory);
    return copies;
}

// By a child: what it reads into its own memory is not in ours.
int own_copies(const std::string& coded) {
    const std::string self = std::to_string(getpid());
    const pid_t child = fork();
    if (child == 0) {
        _exit(std::min(copies_of(self, coded), 100));
    }
    int status = -1;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string first_word(const std::string& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

bool is_leaving(const std::string& pid) {
    return first_word("/proc/" + pid + "/comm").rfind("piv-login-help", 0) == 0 &&
           first_word("/proc/" + pid + "/syscall") == std::to_string(SYS_exit_group);
}

int hunt_in_helpers(long ms, const std::string& coded) {
    std::set<std::string> scanned;
    int copies = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    while (std::chrono::steady_clock::now() < end) {
        DIR* folder = opendir("/proc");
        while (const dirent* entry = folder != nullptr ? readdir(folder) : nullptr) {
            const std::string pid = entry->d_name;
            if (pid[0] >= '1' && pid[0] <= '9' && scanned.count(pid) == 0 && is_leaving(pid)) {
                copies += copies_of(pid, coded);
                scanned.insert(pid);
            }
        }
        if (folder != nullptr) {
            (void)closedir(folder);
        }
        (void)usleep(1000);
    }
    std::printf("scanned=%zu copies=%d\n", scanned.size(), copies);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        return 64;
    }
    if (std::strcmp(argv[1], "--helpers") == 0) {
        return hunt_in_helpers(std::strtol(argv[2], nullptr, 10), argv[3]);
    }
    char* kept = argc > 4 ? decoded(argv[3]) : nullptr;
    Person person;
    person.coded = argv[3];
    const pam_conv conv = {converse, &person};
    pam_handle_t* handle = nullptr;
    if (pam_start(argv[1], argv[2], &conv, &handle) != PAM_SUCCESS) {
        std::free(kept);
        return 2;
    }
    const int code = pam_authenticate(handle, 0);
    const int before = own_copies(person.coded);
    (void)pam_end(handle, code);
    const int after = own_copies(person.coded);
    std::free(kept);
    std::printf("code=%d asked=%d before=%d after=%d\n", code, person.asked, before, after);
    return 0;
}
