// piv-ocsp: asks, judges, says what it found and why.
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "ocsp_client/curl_transport.h"
#include "ocsp_client/fetch_role.h"
#include "ocsp_client/piv_ocsp_options.h"
#include "ocsp_client/piv_ocsp_report.h"
#include "ocsp_client/prefetch.h"
#include "pki/base/file.h"
#include "pki/cli/tool.h"
#include "pki/x509/certificate_reader.h"

namespace piv {
namespace {

constexpr char kTool[] = "piv-ocsp";
constexpr std::int64_t kPrefetchLead = 9000;  // two and a half runs of the hourly timer

// Certificates of a file, or of every file of a folder.
Status add_certificates(const std::string& path, std::vector<Certificate>& out) {
    struct stat st {};
    std::vector<std::string> files{path};
    if (stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
        auto names = list_folder(path, "");
        if (!names) {
            return std::move(names).error();
        }
        files.clear();
        for (const std::string& name : names.value()) {
            files.push_back(path);
            files.back().append("/").append(name);
        }
    }
    for (const std::string& file : files) {
        auto read = read_certificate_file(file);
        if (!read) {
            return std::move(read).error();
        }
        out.insert(out.end(), read->certificates.begin(), read->certificates.end());
    }
    return {};
}

bool names_match(const Certificate& certificate, const Certificate& issuer) noexcept {
    return X509_NAME_cmp(X509_get_issuer_name(certificate.native()),
                         X509_get_subject_name(issuer.native())) == 0;
}

// The issuer by name, and by key where several CAs have that name.
const Certificate* find_issuer(const Certificate& certificate,
                               const std::vector<Certificate>& pool) {
    const Certificate* by_name = nullptr;
    for (const Certificate& candidate : pool) {
        if (!names_match(certificate, candidate)) {
            continue;
        }
        if (candidate.public_key() != nullptr &&
            X509_verify(certificate.native(), candidate.public_key()) == 1) {
            return &candidate;
        }
        by_name = by_name == nullptr ? &candidate : by_name;
    }
    return by_name;
}

// The certificates of the command line with their issuers.
Result<std::vector<CertSubject>> read_subjects(const OcspOptions& options,
                                               std::vector<std::string>& names) {
    std::vector<Certificate> pool;
    if (Status s = add_certificates(options.issuer, pool); !s) {
        return std::move(s).error();
    }
    for (const std::string& path : options.cas) {
        if (Status s = add_certificates(path, pool); !s) {
            return std::move(s).error();
        }
    }
    std::vector<CertSubject> subjects;
    for (const std::string& path : options.certificates) {
        auto read = read_certificate_file(path);
        if (!read) {
            return std::move(read).error();
        }
        const Certificate& certificate = read->certificates.front();
        const Certificate* issuer = find_issuer(certificate, pool);
        // Without one the named issuer is asked for: the verdict then says that it does not fit.
        auto subject = CertSubject::make(certificate, issuer == nullptr ? pool.front() : *issuer);
        if (!subject) {
            return std::move(subject).error();
        }
        subjects.push_back(std::move(subject).value());
        names.push_back(path);
    }
    return subjects;
}

Error wrong_issuer(const CertSubject& subject) {
    return {ErrorCode::OcspIssuerMismatch, "issued by '" + subject.certificate.issuer() +
                                               "', not by '" + subject.issuer.subject() + "'"};
}

RevocationVerdict judge_file(const CertSubject& subject, ByteView response,
                             const OcspOptions& options) {
    JudgeOptions judge;
    judge.now = options.now;
    judge.skew = options.inquiry.skew;
    judge.max_age = options.inquiry.max_age;
    judge.max_age_of_all = options.inquiry.max_age_of_all;
    judge.trusted = options.inquiry.trusted;
    judge.already_produced = false;
    const std::int64_t started = monotonic_ms();
    const auto judged = judge_response(response, subject, judge);
    RevocationVerdict verdict;
    if (!names_match(subject.certificate, subject.issuer)) {
        verdict.why = wrong_issuer(subject);
    } else if (!judged) {
        verdict.why = judged.error();
    } else {
        describe(judged.value(), verdict);
        if (judged->status != CertStatus::Good) {
            verdict.why = judged->status == CertStatus::Revoked ? ErrorCode::Revoked
                                                                : ErrorCode::RevocationUnknown;
        }
    }
    verdict.source = "file";
    verdict.elapsed_ms = monotonic_ms() - started;
    return verdict;
}

Result<std::vector<OcspResult>> judge_stored(const OcspOptions& options,
                                             const std::vector<CertSubject>& subjects,
                                             const std::vector<std::string>& names) {
    auto response = read_file(options.response, kMaxResponse);
    if (!response && response.code() == ErrorCode::FileTooLarge) {
        response = Bytes(kMaxResponse + 1);  // a verdict on the response, not on the command line
    }
    if (!response) {
        return std::move(response).error();
    }
    std::vector<OcspResult> results;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        results.push_back({names[i], judge_file(subjects[i], response.value(), options)});
    }
    return results;
}

Result<std::vector<OcspResult>> ask(const OcspOptions& options,
                                    const std::vector<CertSubject>& subjects,
                                    const std::vector<std::string>& names) {
    std::vector<CertSubject> askable;
    for (const CertSubject& subject : subjects) {
        if (names_match(subject.certificate, subject.issuer)) {
            askable.push_back(subject);
        }
    }
    CurlTransport transport;
    Inquiry inquiry(askable, options.inquiry, &transport, options.now);
    inquiry.start();
    inquiry.finish(Deadline::after_ms(options.inquiry.timeout_ms));
    std::vector<OcspResult> results;
    std::size_t asked = 0;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        RevocationVerdict verdict;
        if (names_match(subjects[i].certificate, subjects[i].issuer)) {
            verdict = inquiry.verdicts()[asked++];
        } else {
            verdict.why = wrong_issuer(subjects[i]);
        }
        results.push_back({names[i], std::move(verdict)});
    }
    if (!options.save.empty() && !askable.empty() && !inquiry.answer(0).empty()) {
        if (Status s = write_file_atomically(options.save, inquiry.answer(0), 0644); !s) {
            return std::move(s).error();
        }
    }
    return results;
}

void report(const std::vector<OcspResult>& results, const OcspOptions& options) {
    for (const OcspResult& result : results) {
        if (!options.json) {
            std::cout << to_line(result) << "\n";
        }
        const RevocationVerdict& verdict = result.verdict;
        if (verdict.state != RevocationState::Good) {
            Error error = verdict.why;
            error.detail =
                result.certificate + ": " +
                (error.detail.empty() ? std::string(to_text(verdict.state)) : error.detail);
            report_problem(kTool, error);
        }
    }
    if (options.json) {
        std::cout << to_json(results) << "\n";
    }
}

int run_query(OcspOptions& options) {
    std::vector<std::string> names;
    auto subjects = read_subjects(options, names);
    if (!subjects) {
        return fail(subjects.error(), options.json);
    }
    auto results = options.response.empty() ? ask(options, subjects.value(), names)
                                            : judge_stored(options, subjects.value(), names);
    if (!results) {
        return fail(results.error(), options.json);
    }
    report(results.value(), options);
    return exit_status(results.value());
}

int run_prefetch(const OcspOptions& options) {
    CurlTransport transport;
    const PrefetchReport done = prefetch(options.inquiry, transport, options.now, kPrefetchLead);
    for (const Error& error : done.errors) {
        report_problem(kTool, error);
    }
    if (options.json) {
        std::cout << "{\"cached\": " << done.cached << ", \"renewed\": " << done.renewed
                  << ", \"failed\": " << done.failed << ", \"revoked\": " << done.revoked << "}\n";
    } else {
        std::cout << done.cached << " cached answers, " << done.renewed << " renewed, "
                  << done.failed << " failed, " << done.revoked << " revoked\n";
    }
    return static_cast<int>(done.failed != 0    ? ExitStatus::CannotTell
                            : done.revoked != 0 ? ExitStatus::No
                                                : ExitStatus::Yes);
}

int run(int argc, char** argv) {
    ParsedOptions parsed = parse_options(argc, argv, system_time_now());
    if (!parsed.options) {
        return parsed.exit_status;
    }
    OcspOptions& options = *parsed.options;
    for (const std::string& path : options.responder_certs) {
        if (Status s = add_certificates(path, options.inquiry.trusted); !s) {
            return fail(s.error(), options.json);
        }
    }
    return options.prefetch ? run_prefetch(options) : run_query(options);
}

}  // namespace
}  // namespace piv

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "--fetch-role") == 0) {
        return piv::serve_fetch_role(piv::kFetchRoleFd);
    }
    // libcurl opens the file that SSLKEYLOGFILE names, and libcrypto, the resolver and others listen
    // to the environment too.
    (void)clearenv();
    (void)std::signal(SIGPIPE, SIG_IGN);
    const int status = piv::run(argc, argv);
    std::cout.flush();
    // A resolver that hangs in a thread of libcurl does not keep the program alive.
    std::_Exit(std::cout.good() ? status : static_cast<int>(piv::ExitStatus::CannotTell));
}
