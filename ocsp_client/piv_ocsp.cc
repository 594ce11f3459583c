// piv-ocsp: asks, judges, says what it found and why.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "ocsp_client/curl_transport.h"
#include "ocsp_client/fetch_role.h"
#include "ocsp_client/piv_ocsp_options.h"
#include "ocsp_client/piv_ocsp_report.h"
#include "ocsp_client/piv_ocsp_subjects.h"
#include "ocsp_client/prefetch.h"
#include "pki/base/file.h"
#include "pki/cli/tool.h"

namespace piv {
namespace {

constexpr char kTool[] = "piv-ocsp";
constexpr std::int64_t kPrefetchLead = 9000;  // two and a half runs of the hourly timer

RevocationVerdict judge_file(const NamedSubject& named, ByteView response,
                             const OcspOptions& options) {
    JudgeOptions judge;
    judge.now = options.now;
    judge.skew = options.inquiry.skew;
    judge.max_age = options.inquiry.max_age;
    judge.max_age_of_all = options.inquiry.max_age_of_all;
    judge.trusted = options.inquiry.trusted;
    judge.already_produced = false;
    const std::int64_t started = monotonic_ms();
    const auto judged = judge_response(response, named.subject, judge);
    RevocationVerdict verdict;
    if (!named.issued) {
        verdict.why = named.issued.error();
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
                                             const std::vector<NamedSubject>& subjects) {
    auto response = read_file(options.response, kMaxResponse);
    if (!response && response.code() == ErrorCode::FileTooLarge) {
        response = Bytes(kMaxResponse + 1);  // a verdict on the response, not on the command line
    }
    if (!response) {
        return std::move(response).error();
    }
    std::vector<OcspResult> results;
    results.reserve(subjects.size());
    for (const NamedSubject& named : subjects) {
        results.push_back({named.name, judge_file(named, response.value(), options)});
    }
    return results;
}

Result<std::vector<OcspResult>> ask(const OcspOptions& options,
                                    const std::vector<NamedSubject>& subjects) {
    std::vector<CertSubject> askable;
    for (const NamedSubject& named : subjects) {
        if (named.issued) {
            askable.push_back(named.subject);
        }
    }
    if (options.cache_named) {
        if (Status s = AnswerCache(options.inquiry.cache_dir).usable(); !s) {
            report_problem(kTool, s.error());  // answers count without it
        }
    }
    CurlTransport transport;
    Inquiry inquiry(askable, options.inquiry, &transport, options.now);
    inquiry.start();
    inquiry.finish(Deadline::after_ms(options.inquiry.timeout_ms));
    std::vector<OcspResult> results;
    std::size_t asked = 0;
    for (const NamedSubject& named : subjects) {
        RevocationVerdict verdict;
        if (named.issued) {
            verdict = inquiry.verdicts()[asked++];
        } else {
            verdict.why = named.issued.error();
        }
        results.push_back({named.name, std::move(verdict)});
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
    auto subjects = read_subjects(options);
    if (!subjects) {
        return fail(subjects.error(), options.json);
    }
    auto results = options.response.empty() ? ask(options, subjects.value())
                                            : judge_stored(options, subjects.value());
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
