#include "image_builder/staged_answers.h"

#include <openssl/pem.h>

#include <limits>
#include <memory>

#include "ocsp_client/judge.h"
#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/x509/crl_list.h"
#include "pki/x509/signature.h"

namespace piv {

namespace {

constexpr std::size_t kMaxCrl = 64U << 20U;
constexpr std::int64_t kSkew = 300;
constexpr std::int64_t kMaxAge = 86400;
constexpr std::uint32_t kCrlSign = 1U << 6U;  // KeyUsage, RFC 5280 section 4.2.1.3

struct FirstEnd {
    UnixTime at = std::numeric_limits<UnixTime>::max();
    std::string file;
    int count = 0;

    void add(UnixTime end, const std::string& name) {
        ++count;
        if (end < at) {
            at = end;
            file = name;
        }
    }
};

// The DER of every CRL in a file that is DER or PEM.
std::vector<Bytes> crls_of(const Bytes& content) {
    std::vector<Bytes> found;
    const std::string_view text = ByteView(content).text();
    if (text.find("-----BEGIN X509 CRL-----") == std::string_view::npos) {
        found.push_back(content);
        return found;
    }
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), BIO_free);
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    while (bio && PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
        if (std::string_view(name) == "X509 CRL") {
            found.emplace_back(data, data + size);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    return found;
}

class AnswerStager {
  public:
    AnswerStager(const std::vector<Certificate>& chain, UnixTime now, StagePlan& plan)
        : chain_(chain), now_(now), plan_(plan) {}

    void ocsp_response(const std::string& file) {
        Result<Bytes> content = read_file(file, kMaxResponse);
        if (!content) {
            unreadable(content.error());
            return;
        }
        const Result<OcspResponse> response = parse_response(*content);
        if (!response) {
            refuse("--ocsp-response " + file + ": " + response.error().detail,
                   "give the responder's answer in DER, as piv-ocsp --save writes it");
            return;
        }
        if (response->status != ResponderStatus::Successful) {
            refuse("--ocsp-response " + file + ": " + responder_error(response->status).detail,
                   "ask the responder again: piv-ocsp --save FILE");
            return;
        }
        bool ours = false;
        UnixTime end = std::numeric_limits<UnixTime>::max();
        for (const SingleResponse& single : response->responses) {
            for (const Certificate& issuer : chain_) {
                Result<CertSubject> subject = CertSubject::make(issuer, issuer);
                if (!subject) {
                    continue;
                }
                subject->serial = single.id.serial.copy();
                if (!cert_id_matches(single.id, *subject)) {
                    continue;
                }
                ours = true;
                if (!judged(file, *content, *subject, end)) {
                    return;
                }
            }
        }
        if (!ours) {
            refuse("--ocsp-response " + file +
                       ": is about no certificate that a CA of this chain "
                       "issued",
                   "give the answer of the responder of these CAs, or the chain that it is about");
            return;
        }
        responses_.add(end, file_name_of(file));
        stage(*content, PIV_STATEDIR "/ocsp/", ".der", "OCSP response from " + file_name_of(file));
    }

    void crl(const std::string& file) {
        Result<Bytes> content = read_file(file, kMaxCrl);
        if (!content) {
            unreadable(content.error());
            return;
        }
        const std::vector<Bytes> lists = crls_of(*content);
        UnixTime end = std::numeric_limits<UnixTime>::max();
        for (const Bytes& der : lists) {
            CrlList list;
            if (!read_crl(ByteView(der), list) || !list.unusable.empty()) {
                refuse("--crl " + file + ": " +
                           (list.unusable.empty() ? "is no CRL in DER or PEM" : list.unusable),
                       "fetch the CRL again from the address in the CA's certificates");
                return;
            }
            if (!usable(file, list)) {
                return;
            }
            end = std::min(end, *list.next_update);
        }
        if (lists.empty()) {
            refuse("--crl " + file + ": is no CRL in DER or PEM",
                   "fetch the CRL again from the address in the CA's certificates");
            return;
        }
        crls_.add(end, file_name_of(file));
        stage(*content, PIV_STATEDIR "/crl/", ".crl", "CRL from " + file_name_of(file));
    }

    Findings finish() {
        note(responses_, "OCSP response", "a responder has to be asked");
        note(crls_, "CRL", "another one has to be had");
        return std::move(out_);
    }

  private:
    void refuse(std::string what, std::string hint) {
        out_.problems.push_back({std::move(what), std::move(hint), ErrorCode::ImageInput});
    }
    void unreadable(const Error& error) {
        out_.problems.push_back(
            {error.detail.empty() ? std::string(info(error.code).name) : error.detail,
             std::string(info(error.code).hint), error.code});
    }
    void warn(std::string what, std::string hint) {
        out_.warnings.push_back({std::move(what), std::move(hint), ErrorCode::ImageInput});
    }

    bool judged(const std::string& file, const Bytes& content, const CertSubject& subject,
                UnixTime& end) {
        JudgeOptions options;
        options.now = now_;
        options.skew = kSkew;
        options.max_age = kMaxAge;
        const Result<Judgement> judgement = judge_response(content, subject, options);
        if (!judgement) {
            refuse("--ocsp-response " + file +
                       ": a login would not use it: " + judgement.error().detail + " (" +
                       std::string(info(judgement.code()).name) + ")",
                   std::string(info(judgement.code()).hint));
            return false;
        }
        if (judgement->status != CertStatus::Good) {
            warn("--ocsp-response " + file + ": says that certificate " + to_hex(subject.serial) +
                     " of " + display_name(subject.issuer) + " is " +
                     (judgement->status == CertStatus::Revoked ? "revoked" : "unknown"),
                 "stage it if that is meant: cards below it will be refused");
        }
        if (judgement->unchecked_delegate) {
            warn("--ocsp-response " + file + ": its signer " +
                     display_name(*judgement->unchecked_delegate) +
                     " has no id-pkix-ocsp-nocheck, so a login asks about that one too",
                 "stage an answer about the signer as well");
        }
        end = std::min(end, judgement->next_update != 0 ? judgement->next_update
                                                        : judgement->this_update + kMaxAge);
        return true;
    }

    bool usable(const std::string& file, const CrlList& list) {
        const std::string what = "--crl " + file + ": ";
        if (list.this_update > now_ + kSkew) {
            refuse(what + "is not valid before " + format_time(list.this_update),
                   "check this machine's clock");
            return false;
        }
        if (!list.next_update || *list.next_update < now_) {
            refuse(what + (list.next_update ? "ended at " + format_time(*list.next_update)
                                            : "has no nextUpdate"),
                   "fetch the CA's present CRL");
            return false;
        }
        std::string named;
        for (const Certificate& issuer : chain_) {
            if (!(issuer.fields().subject_name == list.issuer)) {
                continue;
            }
            named = display_name(issuer);
            const auto& usage = issuer.fields().key_usage;
            if ((!usage || (*usage & kCrlSign) != 0) &&
                verify_signature(list.tbs, list.outer_algorithm, list.signature,
                                 issuer.public_key(), SignaturePolicy{})
                    .ok()) {
                return true;
            }
        }
        if (!named.empty()) {
            refuse(what + "is not signed by " + named + ", whose name it has",
                   "fetch the CRL again; if it is right, the CA's certificate is another one");
            return false;
        }
        if (list.distribution_point && list.distribution_point->indirect) {
            warn(what +
                     "is an indirect CRL of an issuer that is not in this chain; its signature was "
                     "not checked",
                 "a login checks it, with the certificate of its signer");
            return true;
        }
        refuse(what + "is of no CA of this chain",
               "give the CRL of these CAs, or the chain that it is about");
        return false;
    }

    void stage(const Bytes& content, const std::string& folder, const std::string& suffix,
               const std::string& reason) {
        const std::string path = folder + sha256_hex(content).substr(0, 16) + suffix;
        if (plan_.find(path) == nullptr) {  // the same file given twice
            plan_.add_file(path, ByteView(content).text(), Phase::Inert, reason);
        }
    }

    void note(const FirstEnd& first, const std::string& kind, const std::string& then) {
        if (first.count != 0) {
            plan_.notes.push_back(std::to_string(first.count) + " " + kind +
                                  (first.count == 1 ? "" : "s") + " staged; the first to end is " +
                                  first.file + ", at " + format_time(first.at) + ": from then on " +
                                  then);
        }
    }

    const std::vector<Certificate>& chain_;
    UnixTime now_;
    StagePlan& plan_;
    Findings out_;
    FirstEnd responses_;
    FirstEnd crls_;
};

}  // namespace

Findings plan_staged_answers(const std::vector<Certificate>& chain, const StagedAnswerFiles& files,
                             StagePlan& plan) {
    AnswerStager stager(chain, files.now, plan);
    for (const std::string& file : files.ocsp_responses) {
        stager.ocsp_response(file);
    }
    for (const std::string& file : files.crls) {
        stager.crl(file);
    }
    return stager.finish();
}

}  // namespace piv
