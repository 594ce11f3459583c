// nss_bench [ACCOUNTS]: microseconds a lookup by name, ours against glibc's nss_files with as many
// accounts in the same run. nss_files reads passwd(5) from the start: it is asked less often.
#include <dlfcn.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "pam_module/account/account_index.h"
#include "pam_module/nss/lookup.h"
#include "pki/base/file.h"

namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

template <typename Lookup>
double microseconds(int accounts, int rounds, int lookups, Lookup lookup) {
    std::vector<double> runs;
    for (int r = 0; r < rounds; ++r) {
        const auto start = Clock::now();
        for (int k = 0; k < lookups; ++k) {
            const int i = static_cast<int>((static_cast<long>(k) * 7919 + r * 104729) % accounts);
            if (!lookup("user" + std::to_string(i))) {
                std::fprintf(stderr, "nss_bench: user%d was not found\n", i);
                std::exit(2);
            }
        }
        const std::chrono::duration<double, std::micro> took = Clock::now() - start;
        runs.push_back(took.count() / lookups);
    }
    return median(runs);
}

std::string accounts_text(int count, bool passwd) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string n = "user" + std::to_string(i);
        const std::string id = std::to_string(200000 + i);
        text += passwd ? n + ":x:" + id + ":" + id + ":Card User:/home/" + n + ":/bin/bash\n"
                       : "account " + n + " " + id + " " + id + " \"Card User\" /home/" + n +
                             " /bin/bash\n";
    }
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    const int accounts = argc > 1 ? std::atoi(argv[1]) : 100000;
    if (geteuid() != 0 || accounts < 1) {
        std::puts("# skipped: the database has to belong to root");
        return 77;
    }
    char folder[] = "/tmp/piv-nss-bench-XXXXXX";
    if (mkdtemp(folder) == nullptr) {
        return 2;
    }
    const std::string database = std::string(folder) + "/accounts.db";
    const std::string passwd_file = std::string(folder) + "/passwd";
    const auto map = piv::parse_account_map(accounts_text(accounts, false), "bench");
    const auto index = map ? piv::compile_account_index(*map, {}, {}, "bench")
                           : piv::Result<piv::CompiledIndex>(map.error());
    const std::string passwd_text = accounts_text(accounts, true);
    if (!index || !piv::write_file_atomically(database, index->content, 0644) ||
        !piv::write_file_atomically(passwd_file, piv::ByteView(std::string_view(passwd_text)),
                                    0644)) {
        return 2;
    }
    const piv::nss::Paths paths{database.c_str(), "/etc/passwd", "/etc/shadow"};
    std::vector<char> buffer(4096);
    struct passwd entry {};
    const double ours = microseconds(accounts, 9, 20000, [&](const std::string& name) {
        int error = 0;
        return piv::nss::passwd_by_name(paths, name.c_str(), &entry,
                                        {buffer.data(), buffer.size(), &error}) ==
               NSS_STATUS_SUCCESS;
    });
    // What nss_files does for a name: the file from its start, fgetpwent_r until the name is there.
    const double files = microseconds(accounts, 5, 20, [&](const std::string& name) {
        std::FILE* const file = std::fopen(passwd_file.c_str(), "re");
        bool found = false;
        struct passwd* got = nullptr;
        while (file != nullptr && !found &&
               fgetpwent_r(file, &entry, buffer.data(), buffer.size(), &got) == 0) {
            found = name == entry.pw_name;
        }
        (void)std::fclose(file);
        return found;
    });
    (void)unlink(database.c_str());
    (void)unlink(passwd_file.c_str());
    (void)rmdir(folder);
    std::printf(
        "NSS, lookup by name among %d accounts\tus\t%.2f\tnss_files (fgetpwent_r)\t%.2f\t100\n",
        accounts, ours, files);
    return 0;
}
