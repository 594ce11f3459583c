// Measures, for tests/bench/ocsp. Prints one number.
//   ocsp_bench judge CERT ISSUER RESPONSE SECONDS          judgements per second on one core
//   ocsp_bench libcrypto CERT ISSUER RESPONSE SECONDS      the same by libcrypto's own OCSP functions
//   ocsp_bench join PIV_OCSP CERT ISSUER URL TYPING_MS [CACHE]
//                                                          microseconds from the end of typing to the verdict,
//                                                          asked through a real fetch role
#include <openssl/ocsp.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "ocsp_client/fetch_role.h"
#include "ocsp_client/inquiry.h"
#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"

namespace {

using Clock = std::chrono::steady_clock;

piv::CertSubject subject_of(const char* certificate, const char* issuer) {
    auto leaf = piv::read_certificate_file(certificate);
    auto ca = piv::read_certificate_file(issuer);
    return piv::CertSubject::make(leaf->certificates.at(0), ca->certificates.at(0)).value();
}

bool good_by_libcrypto(const piv::Bytes& response, const piv::CertSubject& subject,
                       X509_STORE* store) {
    const unsigned char* at = response.data();
    OCSP_RESPONSE* parsed = d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size()));
    OCSP_BASICRESP* basic = parsed == nullptr ? nullptr : OCSP_response_get1_basic(parsed);
    OCSP_CERTID* id =
        OCSP_cert_to_id(EVP_sha1(), subject.certificate.native(), subject.issuer.native());
    int status = -1;
    ASN1_GENERALIZEDTIME* this_update = nullptr;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    const bool good =
        basic != nullptr && id != nullptr && OCSP_basic_verify(basic, nullptr, store, 0) == 1 &&
        OCSP_resp_find_status(basic, id, &status, nullptr, nullptr, &this_update, &next_update) ==
            1 &&
        OCSP_check_validity(this_update, next_update, 300, -1) == 1 &&
        status == V_OCSP_CERTSTATUS_GOOD;
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(parsed);
    return good;
}

int judge(char** argv, bool by_libcrypto) {
    const piv::CertSubject subject = subject_of(argv[2], argv[3]);
    const piv::Bytes response = piv::read_file(argv[4], piv::kMaxResponse).value();
    const double seconds = std::strtod(argv[5], nullptr);
    piv::JudgeOptions options;
    options.now = piv::system_time_now();
    X509_STORE* store = X509_STORE_new();
    (void)X509_STORE_add_cert(store, subject.issuer.native());
    (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    std::size_t count = 0;
    const auto start = Clock::now();
    double spent = 0;
    while (spent < seconds) {
        bool good = false;
        if (by_libcrypto) {
            good = good_by_libcrypto(response, subject, store);
        } else {
            const auto judged = piv::judge_response(response, subject, options);
            good = judged && judged->status == piv::CertStatus::Good;
        }
        if (!good) {
            std::fprintf(stderr, "the response is not good\n");
            return 1;
        }
        ++count;
        spent = std::chrono::duration<double>(Clock::now() - start).count();
    }
    X509_STORE_free(store);
    std::printf("%.0f\n", static_cast<double>(count) / spent);
    return 0;
}

int join(int argc, char** argv) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        return 1;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], piv::kFetchRoleFd);
    char role[] = "--fetch-role";
    char* arguments[] = {argv[2], role, nullptr};
    char* environment[] = {nullptr};
    pid_t child = 0;
    if (posix_spawn(&child, argv[2], &actions, nullptr, arguments, environment) != 0) {
        return 1;
    }
    (void)close(fds[1]);
    piv::InquirySettings settings;
    if (std::strlen(argv[5]) != 0) {
        settings.urls = {argv[5]};
    }
    if (argc > 7) {
        settings.cache_dir = argv[7];
    }
    bool good = false;
    double spent = 0;
    {
        piv::FetchRoleTransport transport{piv::UniqueFd(fds[0])};
        piv::Inquiry inquiry({subject_of(argv[3], argv[4])}, settings, &transport,
                             piv::system_time_now());
        inquiry.start();
        std::this_thread::sleep_for(std::chrono::milliseconds(std::strtol(argv[6], nullptr, 10)));
        const auto enter = Clock::now();
        inquiry.finish(piv::Deadline::after_ms(5000));
        spent = std::chrono::duration<double, std::micro>(Clock::now() - enter).count();
        good = inquiry.verdicts().at(0).state == piv::RevocationState::Good;
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    std::printf("%.0f\n", spent);
    return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 6 && std::strcmp(argv[1], "judge") == 0) {
        return judge(argv, false);
    }
    if (argc == 6 && std::strcmp(argv[1], "libcrypto") == 0) {
        return judge(argv, true);
    }
    if ((argc == 7 || argc == 8) && std::strcmp(argv[1], "join") == 0) {
        return join(argc, argv);
    }
    std::fprintf(stderr, "usage: see the source\n");
    return 64;
}
