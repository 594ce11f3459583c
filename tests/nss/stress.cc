// 16 threads look names up while the database is replaced again and again and children are forked.
// Every answer has to be the one of the old or of the new database, whole.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "pam_module/account/account_index.h"
#include "pam_module/nss/lookup.h"
#include "pki/base/file.h"

namespace {

constexpr int kAccounts = 500;
constexpr int kThreads = 16;
constexpr int kLookups = 20000;

// Generation g: account uN has uid 2000 + N and "Generation g" in its gecos.
piv::Bytes database(int generation) {
    std::string text;
    for (int i = 0; i < kAccounts; ++i) {
        const std::string n = std::to_string(i);
        const std::string id = std::to_string(2000 + i);
        text += "account u" + n + " " + id + " " + id + " \"Generation " +
                std::to_string(generation) + "\" /home/u" + n + " /bin/sh\n";
    }
    const auto map = piv::parse_account_map(text, "stress");
    piv::MappingSettings settings;
    settings.domains = {{"corp.example.com", "CORP"}};
    auto index = map ? piv::compile_account_index(*map, {}, settings, "stress")
                     : piv::Result<piv::CompiledIndex>(map.error());
    if (!index) {
        std::fprintf(stderr, "%s\n", index.error().detail.c_str());
        std::exit(1);
    }
    return std::move(index->content);
}

std::atomic<int> wrong{0};
std::atomic<long> answered{0};

void lookup(const piv::nss::Paths& paths, int i) {
    char buffer[512];
    struct passwd entry;
    int error = 0;
    const std::string plain = "u" + std::to_string(i);
    const std::string name = i % 3 == 0   ? plain
                             : i % 3 == 1 ? plain + "@corp.example.com"
                                          : "CORP\\" + plain;
    const auto status = i % 7 == 0
                            ? piv::nss::passwd_by_uid(paths, static_cast<uid_t>(2000 + i), &entry,
                                                      {buffer, sizeof buffer, &error})
                            : piv::nss::passwd_by_name(paths, name.c_str(), &entry,
                                                       {buffer, sizeof buffer, &error});
    const bool right = status == NSS_STATUS_SUCCESS && plain == entry.pw_name &&
                       entry.pw_uid == static_cast<uid_t>(2000 + i) &&
                       "/home/" + plain == entry.pw_dir &&
                       (std::strcmp(entry.pw_gecos, "Generation 1") == 0 ||
                        std::strcmp(entry.pw_gecos, "Generation 2") == 0);
    if (!right) {
        wrong.fetch_add(1);
    }
    answered.fetch_add(1);
}

bool child_looks_up(const piv::nss::Paths& paths) {
    const pid_t pid = fork();
    if (pid == 0) {
        lookup(paths, 42);
        _exit(wrong.load() == 0 ? 0 : 1);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

}  // namespace

int main() {
    if (geteuid() != 0) {
        std::puts("skipped: the database has to belong to root");
        return 77;
    }
    char folder[] = "/tmp/piv-nss-XXXXXX";
    if (mkdtemp(folder) == nullptr) {
        return 1;
    }
    const std::string path = std::string(folder) + "/accounts.db";
    const std::string fresh = path + ".new";
    const piv::Bytes generations[2] = {database(1), database(2)};
    if (!piv::write_file_atomically(path, generations[0], 0644)) {
        return 1;
    }
    const piv::nss::Paths paths{path.c_str(), "/etc/passwd", "/etc/shadow"};
    // More descriptors than select() could take, as large servers have them.
    rlimit limit{};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2048);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int open_ones = 0;
    while (open_ones < 1100 && dup(0) >= 0) {
        ++open_ones;
    }
    std::atomic<bool> over{false};
    int replaced = 0;
    int forked = 0;
    std::thread replacer([&] {
        while (!over.load()) {
            std::FILE* const file = std::fopen(fresh.c_str(), "wb");
            const piv::Bytes& content = generations[++replaced % 2];
            if (file == nullptr ||
                std::fwrite(content.data(), 1, content.size(), file) != content.size() ||
                std::fclose(file) != 0 || chmod(fresh.c_str(), 0644) != 0 ||
                std::rename(fresh.c_str(), path.c_str()) != 0) {
                wrong.fetch_add(1);
                return;
            }
        }
    });
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&paths, t] {
            for (int k = 0; k < kLookups; ++k) {
                lookup(paths, (k * 31 + t * 17) % kAccounts);
            }
        });
    }
    for (; forked < 50; ++forked) {
        if (!child_looks_up(paths)) {
            wrong.fetch_add(1);
        }
    }
    for (std::thread& t : threads) {
        t.join();
    }
    over.store(true);
    replacer.join();
    (void)unlink(path.c_str());
    (void)unlink(fresh.c_str());
    (void)rmdir(folder);
    std::printf(
        "%ld lookups in %d threads, %d descriptors, %d replacements, %d children: %d wrong\n",
        answered.load(), kThreads, open_ones, replaced, forked, wrong.load());
    return wrong.load() == 0 && replaced > 10 && open_ones == 1100 ? 0 : 1;
}
