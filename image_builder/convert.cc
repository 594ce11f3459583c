#include "image_builder/convert.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <set>
#include <thread>

#include "image_builder/plan.h"
#include "image_builder/root_dir.h"
#include "pki/base/fd.h"
#include "pki/base/file.h"
#include "pki/x509/plain_certificate.h"

namespace piv {

namespace {

constexpr std::size_t kSyncEachUpTo = 16;  // above, one syncfs is cheaper than a fsync per file

struct Output {
    std::string path;
    std::string temporary;
    std::string pem;
    bool present = false;  // the same bytes are there already
};
struct Job {
    Converted result;
    std::vector<Output> outputs;
};

std::string stem_of(const std::string& name) {
    const std::size_t dot = name.rfind('.');
    return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

void set_problem(Job& job, std::string what, std::string hint, ErrorCode code) {
    job.result.failed = true;
    job.result.problem = {std::move(what), std::move(hint), code};
}

void add_output(Job& job, const std::string& path, ByteView certificate, bool digests) {
    Output out;
    out.path = path;
    out.pem = to_pem(certificate);
    job.result.outputs.push_back(out.path);
    if (digests) {
        job.result.sha256.push_back(sha256_hex(certificate));
    }
    job.outputs.push_back(std::move(out));
}

void decode(Job& job, const ConvertSettings& settings) {
    const std::string& input = job.result.input;
    const std::string folder = settings.folder.empty() ? folder_of(input) : settings.folder + "/";
    const std::string start = folder + stem_of(file_name_of(input));
    Result<Bytes> content = read_file(input, kMaxCertificateFile);
    if (content && is_plain_certificate(*content)) {
        job.result.failed = false;
        job.result.form = std::string(to_text(FileForm::Der));
        add_output(job, start + ".pem", *content, settings.digests);
        return;
    }
    Result<ReadCertificates> read =
        content ? read_certificates(*content, input) : Result<ReadCertificates>(content.error());
    if (!read) {
        const Error& e = read.error();
        set_problem(job, e.detail.empty() ? input : e.detail, std::string(info(e.code).hint),
                    e.code);
        return;
    }
    job.result.failed = false;
    job.result.form = std::string(to_text(read->form));
    const bool numbered = read->certificates.size() > 1;
    for (std::size_t i = 0; i < read->certificates.size(); ++i) {
        add_output(job, start + (numbered ? "-" + std::to_string(i + 1) : "") + ".pem",
                   read->certificates[i].der(), settings.digests);
    }
}

// What is at the output's place. True: it may be written (or is there already).
bool look(Job& job, Output& out, bool force) {
    struct stat st {};
    if (lstat(out.path.c_str(), &st) != 0) {
        return true;
    }
    if (S_ISREG(st.st_mode) && static_cast<std::size_t>(st.st_size) == out.pem.size()) {
        const Result<Bytes> there = read_file(out.path, out.pem.size());
        out.present = there.ok() && ByteView(*there) == ByteView(out.pem);
    }
    if (!out.present && S_ISDIR(st.st_mode)) {
        set_problem(job, out.path + ": is a folder", "use -o DIR", ErrorCode::ImageInput);
        return false;
    }
    if (!out.present && !force) {
        set_problem(job, out.path + ": exists and holds something else",
                    "use -o DIR, or --force to replace it", ErrorCode::ImageInput);
        return false;
    }
    return true;
}

bool write_temporary(Output& out, std::size_t number, bool sync) {
    out.temporary = folder_of(out.path) + ".piv-image-" + std::to_string(getpid()) + "-" +
                    std::to_string(number);
    const UniqueFd fd(
        open(out.temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd.valid()) {
        out.temporary.clear();
        return false;
    }
    const ssize_t n = write(fd.get(), out.pem.data(), out.pem.size());
    const bool whole = n >= 0 && static_cast<std::size_t>(n) == out.pem.size();
    if (!whole && n >= 0) {
        errno = ENOSPC;
    }
    return whole && (!sync || fsync(fd.get()) == 0);
}

void drop_temporaries(Job& job) {
    for (Output& out : job.outputs) {
        if (!out.temporary.empty()) {
            (void)unlink(out.temporary.c_str());
            out.temporary.clear();
        }
    }
}

void write_failed(Job& job, const std::string& path) {
    const int error = errno;
    set_problem(job, path + ": " + errno_text(error),
                std::string(info(ErrorCode::WriteFailed).hint), ErrorCode::WriteFailed);
    drop_temporaries(job);
}

void prepare(Job& job, const ConvertSettings& settings, std::size_t number, bool sync) {
    if (job.result.failed) {
        return;
    }
    for (Output& out : job.outputs) {
        if (!look(job, out, settings.force)) {
            drop_temporaries(job);
            return;
        }
        if (!out.present && !write_temporary(out, number++, sync)) {
            write_failed(job, out.path);
            return;
        }
    }
}

// Never replaces. The system call by its number: the C library of older systems does not wrap it.
bool rename_to_new(const char* from, const char* to) {
#ifdef SYS_renameat2
    constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, kNoReplace) == 0) {
        return true;
    }
    if (errno == EEXIST) {
        return false;
    }
#endif
    // Older kernels, and file systems that cannot do it.
    if (link(from, to) == 0) {
        (void)unlink(from);
        return true;
    }
    return errno != EEXIST && rename(from, to) == 0;
}

void finish(Job& job, bool force) {
    if (job.result.failed) {
        return;
    }
    bool all_present = true;
    for (Output& out : job.outputs) {
        if (out.present) {
            continue;
        }
        all_present = false;
        // Without --force a file that appeared meanwhile is not replaced either.
        const bool done = force ? rename(out.temporary.c_str(), out.path.c_str()) == 0
                                : rename_to_new(out.temporary.c_str(), out.path.c_str());
        if (!done) {
            write_failed(job, out.path);
            return;
        }
        out.temporary.clear();
    }
    job.result.unchanged = all_present;
}

template <typename Work>
void for_all(std::vector<Job>& jobs, unsigned threads, const Work& work) {
    std::atomic<std::size_t> next{0};
    const auto run = [&] {
        constexpr std::size_t kBatch = 32;
        for (;;) {
            const std::size_t from = next.fetch_add(kBatch);
            if (from >= jobs.size()) {
                return;
            }
            for (std::size_t i = from; i < std::min(from + kBatch, jobs.size()); ++i) {
                work(jobs[i], i);
            }
        }
    };
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads && jobs.size() > 64; ++i) {
        others.emplace_back(run);
    }
    run();
    for (std::thread& t : others) {
        t.join();
    }
}

// Two inputs that would give one output: the first one has it.
void claim_names(std::vector<Job>& jobs) {
    std::map<std::string, const Job*> taken;
    for (Job& job : jobs) {
        if (job.result.failed) {
            continue;
        }
        for (const Output& out : job.outputs) {
            const auto it = taken.find(out.path);
            if (it != taken.end() && it->second != &job) {
                set_problem(job,
                            job.result.input + ": would be written to " + out.path + ", as " +
                                it->second->result.input,
                            "convert it by itself, with -o DIR", ErrorCode::ImageInput);
                break;
            }
        }
        if (!job.result.failed) {
            for (const Output& out : job.outputs) {
                taken.emplace(out.path, &job);
            }
        }
    }
}

void sync_folders(const std::vector<Job>& jobs) {
    std::set<std::string> folders;
    for (const Job& job : jobs) {
        for (const Output& out : job.outputs) {
            if (!out.temporary.empty()) {
                folders.insert(folder_of(out.path));
            }
        }
    }
    std::set<dev_t> done;
    for (const std::string& folder : folders) {
        const UniqueFd fd(
            open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct stat st {};
        if (fd.valid() && fstat(fd.get(), &st) == 0 && done.insert(st.st_dev).second) {
            (void)syncfs(fd.get());
        }
    }
}

// The folder of -o and those above it. What fails here is said where the first file is written.
void make_folder(const std::string& folder) {
    for (std::size_t at = 0; at != std::string::npos && !folder.empty();) {
        at = folder.find('/', at + 1);
        mkdir(folder.substr(0, at).c_str(), 0755);
    }
}

}  // namespace

std::vector<Converted> convert_files(const std::vector<std::string>& inputs,
                                     const ConvertSettings& settings) {
    std::vector<Job> jobs(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        jobs[i].result.input = inputs[i];
    }
    unsigned threads = settings.threads != 0 ? settings.threads
                                             : std::max(1U, std::thread::hardware_concurrency());
    threads = std::min(threads, 8U);
    const bool each = inputs.size() <= kSyncEachUpTo;
    for_all(jobs, threads, [&](Job& job, std::size_t) { decode(job, settings); });
    if (std::any_of(jobs.begin(), jobs.end(), [](const Job& job) { return !job.result.failed; })) {
        make_folder(settings.folder);
    }
    claim_names(jobs);
    // Numbers of temporaries: one block of the 4 MiB / smallest certificate per input is plenty.
    for_all(jobs, threads,
            [&](Job& job, std::size_t i) { prepare(job, settings, i * 65536U, each); });
    if (!each) {
        sync_folders(jobs);
    }
    for_all(jobs, threads, [&](Job& job, std::size_t) { finish(job, settings.force); });
    std::vector<Converted> out;
    out.reserve(jobs.size());
    for (Job& job : jobs) {
        out.push_back(std::move(job.result));
    }
    return out;
}

}  // namespace piv
