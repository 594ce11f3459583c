#include "ocsp_client/revocation.h"

#include <optional>

#include "ocsp_client/inquiry.h"
#include "pki/base/file.h"
#include "pki/x509/crl.h"
#include "pki/x509/crl_set.h"

namespace piv {

namespace {

InquirySettings inquiry_settings(RevocationSettings& settings) {
    InquirySettings out;
    out.nonce = settings.nonce;
    out.urls = settings.urls;
    out.trusted = settings.trusted_responders;
    out.staged = std::move(settings.staged_responses);
    out.cache_dir = settings.cache_dir;
    out.skew = settings.skew;
    out.max_age = settings.max_age;
    out.timeout_ms = settings.timeout_ms;
    out.proxy = settings.proxy;
    return out;
}

constexpr std::size_t kMaxStaged = 256;

// Answers that the image brought along. Each is judged when it is used; a file that is none is
// as good as absent.
void add_staged(const std::string& folder, std::vector<Bytes>& out) {
    const auto names = folder.empty() ? Result<std::vector<std::string>>(ErrorCode::FileNotFound)
                                      : list_folder(folder, ".der");
    if (!names) {
        return;
    }
    for (const std::string& name : names.value()) {
        std::string path = folder;
        path.append("/").append(name);
        auto file = read_file(path, kMaxResponse);
        if (file && out.size() < kMaxStaged) {
            out.push_back(std::move(file).value());
        }
    }
}

RevocationVerdict from_crl(const CrlVerdict& crl) {
    RevocationVerdict verdict;
    verdict.source = "crl";
    verdict.this_update = crl.this_update;
    verdict.next_update = crl.next_update;
    verdict.state = crl.state == CrlState::Good      ? RevocationState::Good
                    : crl.state == CrlState::Revoked ? RevocationState::Revoked
                                                     : RevocationState::Unavailable;
    if (crl.state != CrlState::Good) {
        verdict.why = crl.why;
    }
    if (crl.state == CrlState::Revoked) {
        verdict.revocation_time = crl.revocation_time;
        verdict.reason = crl.reason;
    }
    return verdict;
}

}  // namespace

struct RevocationCheck::Data {
    Data(CertificationPath p, RevocationSettings s, std::unique_ptr<Transport> t, UnixTime n)
        : path(std::move(p)), settings(std::move(s)), transport(std::move(t)), now(n) {}
    CertificationPath path;
    RevocationSettings settings;
    std::unique_ptr<Transport> transport;
    UnixTime now;
    std::vector<CertSubject> subjects;  // one per certificate below the anchor, leaf first
    std::optional<Inquiry> inquiry;
    std::vector<CrlVerdict> crl_verdicts;  // empty without CRLs
    std::vector<RevocationVerdict> verdicts;
    Error broken{ErrorCode::Internal, "the revocation check was not started"};
    bool started = false;
    bool soft = false;

    Status take_path_apart();
    void check_crls();
    void join_crls();
    [[nodiscard]] bool soft_may_pass(std::size_t index, const RevocationVerdict& verdict,
                                     Error& refused) const;
    Status judge_all();
};

// Every certificate with the issuer that the validated path gives it: by key, not by name.
Status RevocationCheck::Data::take_path_apart() {
    const auto& chain = path.certificates();
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        auto subject = CertSubject::make(chain[i], chain[i + 1]);
        if (!subject) {
            return std::move(subject).error();
        }
        subjects.push_back(std::move(subject).value());
    }
    return {};
}

// CRLs are local: they are looked at before anything is asked. A list that has ended proves nothing
// good, but a revocation that it holds still counts.
void RevocationCheck::Data::check_crls() {
    if (settings.crl_paths.empty()) {
        return;
    }
    const auto set = CrlSet::open(settings.crl_paths, settings.cache_dir);
    if (!set) {
        CrlVerdict none;
        none.why = set.error();
        crl_verdicts.assign(subjects.size(), none);
        return;
    }
    const auto check = [&](UnixTime at) {
        return check_path_crls(path, set.value(), settings.crl_signers, settings.path_policy, at);
    };
    crl_verdicts = check(now);
    for (const auto& list : set->data().lists) {
        if (!list->next_update || *list->next_update >= now) {
            continue;
        }
        const auto earlier = check(*list->next_update);
        for (std::size_t i = 0; i < crl_verdicts.size() && i < earlier.size(); ++i) {
            if (crl_verdicts[i].state == CrlState::Undetermined &&
                earlier[i].state == CrlState::Revoked) {
                crl_verdicts[i] = earlier[i];
            }
        }
    }
}

// RFC 6960 section 2.2 leaves CRLs as the other source; a revocation there always counts.
void RevocationCheck::Data::join_crls() {
    for (std::size_t i = 0; i < crl_verdicts.size() && i < verdicts.size(); ++i) {
        RevocationVerdict& ocsp = verdicts[i];
        const CrlVerdict& crl = crl_verdicts[i];
        const bool asked = settings.ocsp != OcspMode::Off;
        if (crl.state == CrlState::Revoked) {
            if (ocsp.state != RevocationState::Revoked) {
                ocsp = from_crl(crl);
            }
        } else if (!asked || (settings.crl_required && crl.state != CrlState::Good &&
                              ocsp.state == RevocationState::Good)) {
            ocsp = from_crl(crl);
        } else if (ocsp.state == RevocationState::Unavailable) {
            if (crl.state == CrlState::Good) {
                ocsp = from_crl(crl);
            } else {
                ocsp.why.detail += "; CRL: " + crl.why.detail;
            }
        }
    }
}

// `soft` lets pass what could not be asked, never what was answered badly; with soft_max_age only
// while the last good answer is not older than that.
bool RevocationCheck::Data::soft_may_pass(std::size_t index, const RevocationVerdict& verdict,
                                          Error& refused) const {
    if (settings.ocsp != OcspMode::Soft || verdict.state != RevocationState::Unavailable ||
        !unreachable(verdict.why.code)) {
        return false;
    }
    if (settings.soft_max_age <= 0) {
        return true;
    }
    JudgeOptions options;
    options.skew = settings.skew;
    options.max_age = settings.max_age;
    options.trusted = settings.trusted_responders;
    const auto known = AnswerCache(settings.cache_dir).last_known(subjects[index], options);
    if (known && known->judgement.status == CertStatus::Good &&
        now - known->judgement.this_update <= settings.soft_max_age) {
        return true;
    }
    refused = Error(ErrorCode::SoftExpired, verdict.why.detail);
    return false;
}

// A revocation anywhere in the path beats every other failure.
Status RevocationCheck::Data::judge_all() {
    std::optional<Error> worst;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        const RevocationVerdict& verdict = verdicts[i];
        if (verdict.state == RevocationState::Good) {
            continue;
        }
        if (verdict.state == RevocationState::Revoked) {
            return verdict.why;
        }
        Error refused = verdict.why;
        if (soft_may_pass(i, verdict, refused)) {
            soft = true;
        } else if (!worst || verdict.state == RevocationState::Unknown) {
            worst = std::move(refused);
        }
    }
    if (worst) {
        return std::move(*worst);
    }
    return {};
}

RevocationCheck::RevocationCheck(CertificationPath path, RevocationSettings settings,
                                 std::unique_ptr<Transport> transport, UnixTime now)
    : data_(std::make_unique<Data>(std::move(path), std::move(settings), std::move(transport),
                                   now)) {}
RevocationCheck::RevocationCheck(RevocationCheck&&) noexcept = default;
RevocationCheck& RevocationCheck::operator=(RevocationCheck&&) noexcept = default;
RevocationCheck::~RevocationCheck() = default;

void RevocationCheck::start() {
    Data& d = *data_;
    if (d.started) {
        return;
    }
    d.started = true;
    if (Status s = d.take_path_apart(); !s) {
        d.broken = s.error();
        return;
    }
    d.broken = Error(ErrorCode::Internal, "the revocation check was finished twice");
    d.verdicts.resize(d.subjects.size());
    d.check_crls();
    bool revoked = false;
    for (const CrlVerdict& verdict : d.crl_verdicts) {
        revoked = revoked || verdict.state == CrlState::Revoked;
    }
    if (d.settings.ocsp != OcspMode::Off && !revoked) {
        add_staged(d.settings.staged_dir, d.settings.staged_responses);
        d.inquiry.emplace(d.subjects, inquiry_settings(d.settings), d.transport.get(), d.now);
        d.inquiry->start();
    }
}

int RevocationCheck::poll_fd() const noexcept {
    const bool waiting = data_->inquiry && !data_->inquiry->done() && data_->transport;
    return waiting ? data_->transport->poll_fd() : -1;
}

int RevocationCheck::next_pump_ms() const {
    return poll_fd() < 0 ? -1 : data_->inquiry->next_pump_ms();
}

void RevocationCheck::pump() {
    if (data_->inquiry) {
        data_->inquiry->pump();
    }
}

Result<RevocationCheckedPath> RevocationCheck::finish(Deadline deadline) {
    Data& d = *data_;
    if (!d.started || d.verdicts.size() != d.subjects.size() ||
        d.subjects.size() + 1 != d.path.certificates().size()) {
        return d.broken;
    }
    if (d.settings.ocsp == OcspMode::Off && d.settings.crl_paths.empty()) {
        d.verdicts.clear();
        return RevocationCheckedPath(std::move(d.path), {}, false);
    }
    if (d.inquiry) {
        d.inquiry->finish(deadline);
        d.verdicts = d.inquiry->verdicts();
    }
    if (!d.settings.crl_paths.empty() && d.crl_verdicts.size() != d.verdicts.size()) {
        return d.broken;
    }
    d.join_crls();
    if (Status s = d.judge_all(); !s) {
        return std::move(s).error();
    }
    return RevocationCheckedPath(std::move(d.path), d.verdicts, d.soft);
}

const std::vector<RevocationVerdict>& RevocationCheck::verdicts() const noexcept {
    return data_->verdicts;
}

const CertificationPath& RevocationCheck::path() const noexcept {
    return data_->path;
}

}  // namespace piv
