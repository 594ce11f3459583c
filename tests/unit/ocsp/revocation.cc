// RevocationCheck: what a login makes of good, bad and missing answers.
#include "ocsp_client/revocation.h"

#include <stdlib.h>

#include <catch2/catch.hpp>

#include "pki/base/file.h"
#include "tests/unit/ocsp/fixture.h"

namespace {

using namespace piv;
using namespace piv::test;

constexpr UnixTime kNow = 1790000000;

const Pki& pki() {
    static const Pki one(kNow);
    return one;
}

// What the two responders of the path say; the URL tells which one is asked.
struct World {
    AnswerPlan leaf;
    AnswerPlan intermediate;
    std::optional<ErrorCode> leaf_failure;
    World() {
        leaf.this_update = intermediate.this_update = kNow - 60;
        leaf.next_update = intermediate.next_update = kNow + 3600;
    }
    [[nodiscard]] Result<HttpResponse> answer(const HttpRequest& request) const {
        const bool root = request.url.find("/root") != std::string::npos;
        if (!root && leaf_failure) {
            return Error(*leaf_failure, "as told");
        }
        auto subject =
            root ? CertSubject::make(pki().intermediate.certificate, pki().root.certificate)
                 : Result<CertSubject>(pki().leaf_subject());
        return ocsp_reply(make_response(subject.value(), root ? intermediate : leaf,
                                        root ? pki().root : pki().delegate));
    }
};

RevocationSettings settings(OcspMode mode = OcspMode::Require) {
    RevocationSettings s;
    s.ocsp = mode;
    s.staged_dir.clear();
    s.timeout_ms = 1000;
    return s;
}

Result<RevocationCheckedPath> check(const World& world, RevocationSettings s,
                                    std::size_t* requests = nullptr) {
    auto transport =
        std::make_unique<FakeTransport>([&world](const HttpRequest& r) { return world.answer(r); });
    FakeTransport* seen = transport.get();
    RevocationCheck revocation(pki().path(), std::move(s), std::move(transport), kNow);
    revocation.start();
    auto result = revocation.finish(Deadline::after_ms(2000));
    if (requests != nullptr) {
        *requests = seen->requests;
    }
    return result;
}

struct Folder {
    Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~Folder() { CHECK(system(("rm -rf " + path).c_str()) == 0); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path = "/tmp/piv-ocsp-test-XXXXXX";
};

}  // namespace

TEST_CASE("a path is proven when every certificate below the anchor is good", "[ocsp]") {
    std::size_t requests = 0;
    const auto result = check(World(), settings(), &requests);
    REQUIRE(result);
    CHECK(result->verdicts().size() == 2);
    CHECK(result->verdicts()[0].signer == "delegated");
    CHECK(result->verdicts()[1].signer == "issuer");
    CHECK_FALSE(result->soft());
    CHECK(requests == 2);
}

TEST_CASE("a revocation anywhere in the path refuses, in every mode", "[ocsp]") {
    for (const OcspMode mode : {OcspMode::Require, OcspMode::Soft}) {
        World world;
        world.intermediate.status = CertStatus::Revoked;
        CHECK(check(world, settings(mode)).code() == ErrorCode::Revoked);
        world.leaf_failure = ErrorCode::OcspConnect;  // and hides behind nothing
        CHECK(check(world, settings(mode)).code() == ErrorCode::Revoked);
    }
}

TEST_CASE("require: what cannot be asked is refused", "[ocsp]") {
    World world;
    world.leaf_failure = ErrorCode::OcspTimeout;
    CHECK(check(world, settings()).code() == ErrorCode::OcspTimeout);
}

TEST_CASE("soft lets pass what cannot be asked, and says so", "[ocsp]") {
    for (const ErrorCode code : {ErrorCode::OcspTimeout, ErrorCode::OcspConnect,
                                 ErrorCode::OcspResolve, ErrorCode::OcspTransport}) {
        World world;
        world.leaf_failure = code;
        const auto result = check(world, settings(OcspMode::Soft));
        REQUIRE(result);
        CHECK(result->soft());
    }
}

TEST_CASE("soft never lets pass what was answered badly", "[ocsp]") {
    World unknown;
    unknown.leaf.status = CertStatus::Unknown;
    CHECK(check(unknown, settings(OcspMode::Soft)).code() == ErrorCode::RevocationUnknown);
    World spoilt;
    spoilt.leaf.spoil = true;
    CHECK(check(spoilt, settings(OcspMode::Soft)).code() == ErrorCode::OcspSignatureBad);
    World stale;
    stale.leaf.this_update = kNow - 9000;
    stale.leaf.next_update = kNow - 4000;
    CHECK(check(stale, settings(OcspMode::Soft)).code() == ErrorCode::OcspStale);
    World junk;
    junk.leaf_failure = ErrorCode::OcspHttpFraming;
    CHECK(check(junk, settings(OcspMode::Soft)).code() == ErrorCode::OcspHttpFraming);
}

TEST_CASE("soft within its bound: only after a good answer, only so long", "[ocsp]") {
    const Folder folder;
    RevocationSettings s = settings(OcspMode::Soft);
    s.cache_dir = folder.path;
    s.soft_max_age = 7200;
    World down;
    down.leaf_failure = ErrorCode::OcspConnect;
    CHECK(check(down, s).code() == ErrorCode::SoftExpired);  // never heard of it
    REQUIRE(check(World(), s));
    RevocationCheck later(pki().path(), s, std::make_unique<FakeTransport>([](const HttpRequest&) {
                              return Result<HttpResponse>(ErrorCode::OcspConnect);
                          }),
                          kNow + 5000);
    later.start();
    const auto within = later.finish(Deadline::after_ms(2000));
    REQUIRE(within);
    CHECK(within->soft());
    RevocationCheck much_later(pki().path(), s,
                               std::make_unique<FakeTransport>([](const HttpRequest&) {
                                   return Result<HttpResponse>(ErrorCode::OcspConnect);
                               }),
                               kNow + 9000);
    much_later.start();
    CHECK(much_later.finish(Deadline::after_ms(2000)).code() == ErrorCode::SoftExpired);
}

TEST_CASE("a cached answer needs no transport", "[ocsp]") {
    const Folder folder;
    RevocationSettings s = settings();
    s.cache_dir = folder.path;
    REQUIRE(check(World(), s));
    RevocationCheck again(pki().path(), s, nullptr, kNow + 60);
    again.start();
    const auto result = again.finish(Deadline::after_ms(100));
    REQUIRE(result);
    CHECK(result->verdicts()[0].source == "cache");
}

TEST_CASE("answers staged into the image count at first boot", "[ocsp]") {
    RevocationSettings s = settings();
    AnswerPlan plan;
    plan.this_update = kNow - 60;
    plan.next_update = kNow + 3600;
    auto upper = CertSubject::make(pki().intermediate.certificate, pki().root.certificate);
    s.staged_responses = {make_response(pki().leaf_subject(), plan, pki().delegate),
                          make_response(upper.value(), plan, pki().root)};
    RevocationCheck staged(pki().path(), s, nullptr, kNow);
    staged.start();
    const auto result = staged.finish(Deadline::after_ms(100));
    REQUIRE(result);
    CHECK(result->verdicts()[0].source == "staged");
    RevocationCheck over(pki().path(), s, nullptr, kNow + 86400);
    over.start();
    CHECK_FALSE(over.finish(Deadline::after_ms(100)));
}

TEST_CASE("of staged answers a revocation stands, whatever else is staged and however old",
          "[ocsp]") {
    constexpr int kSuperseded = 4;
    constexpr int kHold = 6;
    RevocationSettings s = settings(OcspMode::Soft);  // the network is silent
    const auto answer = [](CertStatus status, UnixTime at, int reason) {
        AnswerPlan plan;
        plan.status = status;
        plan.reason = reason;
        plan.this_update = at;
        plan.next_update = at + 600;
        return make_response(pki().leaf_subject(), plan, pki().delegate);
    };
    const auto code_of = [&](std::vector<Bytes> staged) {
        s.staged_responses = std::move(staged);
        World silent;
        silent.leaf_failure = ErrorCode::OcspConnect;
        const auto result = check(silent, s);
        return result ? std::string("ok") : std::string(info(result.code()).name);
    };
    const Bytes good = answer(CertStatus::Good, kNow - 60, 0);
    const Bytes revoked = answer(CertStatus::Revoked, kNow - 600, kSuperseded);
    const Bytes long_ago = answer(CertStatus::Revoked, kNow - 3000, kSuperseded);
    const Bytes on_hold = answer(CertStatus::Revoked, kNow - 600, kHold);
    CHECK(code_of({good}) == "ok");
    for (const Bytes& r : {revoked, long_ago}) {
        CHECK(code_of({r}) == "revoked");
        CHECK(code_of({r, good}) == "revoked");
        CHECK(code_of({good, r}) == "revoked");
    }
    // The newest word on a hold, in any order.
    CHECK(code_of({on_hold}) == "revoked");
    CHECK(code_of({on_hold, good}) == "ok");
    CHECK(code_of({good, on_hold}) == "ok");
    // An old good one proves nothing, nor does a damaged revocation.
    s.ocsp = OcspMode::Require;
    CHECK(code_of({answer(CertStatus::Good, kNow - 3000, 0)}) == "ocsp-connect-failed");
    Bytes damaged = long_ago;
    damaged[damaged.size() / 2] ^= 1U;
    CHECK(code_of({damaged}) == "ocsp-connect-failed");
}

TEST_CASE("off without CRLs asks nothing", "[ocsp]") {
    World world;
    world.leaf.status = CertStatus::Revoked;
    std::size_t requests = 1;
    const auto result = check(world, settings(OcspMode::Off), &requests);
    REQUIRE(result);
    CHECK(result->verdicts().empty());
    CHECK(requests == 0);
}

namespace {

// CRLs of both CAs in a folder; `revoked`: a serial in the issuing CA's.
RevocationSettings with_crls(OcspMode mode, const Folder& folder, UnixTime end, long revoked) {
    REQUIRE(write_file_atomically(folder.path + "/root.crl",
                                  make_crl(pki().root, kNow - 7200, kNow + 7200, 0), 0644));
    REQUIRE(write_file_atomically(folder.path + "/int.crl",
                                  make_crl(pki().intermediate, kNow - 3600, end, revoked), 0644));
    RevocationSettings s = settings(mode);
    s.crl_paths = {folder.path};
    s.path_policy.purpose = Purpose::Any;
    return s;
}

}  // namespace

TEST_CASE("CRLs stand in where OCSP cannot be had", "[ocsp]") {
    const Folder folder;
    World down;
    down.leaf_failure = ErrorCode::OcspConnect;
    const auto result = check(down, with_crls(OcspMode::Require, folder, kNow + 60, 0));
    REQUIRE(result);
    CHECK(result->verdicts()[0].source == "crl");
    CHECK(result->verdicts()[1].source == "network");
    const auto off = check(down, with_crls(OcspMode::Off, folder, kNow + 60, 99));
    REQUIRE(off);
    CHECK(off->verdicts()[1].source == "crl");
}

TEST_CASE("an ended CRL proves nothing good", "[ocsp]") {
    const Folder folder;
    World down;
    down.leaf_failure = ErrorCode::OcspConnect;
    CHECK_FALSE(check(down, with_crls(OcspMode::Require, folder, kNow - 60, 0)));
    CHECK_FALSE(check(down, with_crls(OcspMode::Off, folder, kNow - 60, 0)));
    RevocationSettings required = with_crls(OcspMode::Require, folder, kNow - 60, 0);
    CHECK(check(World(), required));
    required.crl_required = true;
    CHECK(check(World(), required).code() == ErrorCode::CrlUnusable);
}

TEST_CASE("a revocation in a CRL counts, in an ended one too, in every mode", "[ocsp]") {
    const Folder folder;
    for (const OcspMode mode : {OcspMode::Require, OcspMode::Soft, OcspMode::Off}) {
        for (const UnixTime end : {kNow + 60, kNow - 60}) {
            World down;
            down.leaf_failure = ErrorCode::OcspConnect;
            CHECK(check(down, with_crls(mode, folder, end, 3)).code() == ErrorCode::Revoked);
            CHECK(check(World(), with_crls(mode, folder, end, 3)).code() == ErrorCode::Revoked);
        }
    }
}

TEST_CASE("CRLs that cannot be read never help", "[ocsp]") {
    World down;
    down.leaf_failure = ErrorCode::OcspConnect;
    for (const OcspMode mode : {OcspMode::Require, OcspMode::Off}) {
        RevocationSettings s = settings(mode);
        s.crl_paths = {"/nonexistent/crl"};
        CHECK_FALSE(check(down, s));
    }
    RevocationSettings s = settings();
    s.crl_paths = {"/nonexistent/crl"};
    s.crl_required = true;
    CHECK_FALSE(check(World(), s));
}

TEST_CASE("finish without start, and twice, proves nothing", "[ocsp]") {
    RevocationCheck unstarted(pki().path(), settings(OcspMode::Off), nullptr, kNow);
    CHECK_FALSE(unstarted.finish(Deadline::after_ms(10)));
    RevocationCheck twice(pki().path(), settings(OcspMode::Off), nullptr, kNow);
    twice.start();
    REQUIRE(twice.finish(Deadline::after_ms(10)));
    CHECK_FALSE(twice.finish(Deadline::after_ms(10)));
}

TEST_CASE("every octet of a good response changed: good only where it says the same", "[ocsp]") {
    AnswerPlan plan;
    plan.status = CertStatus::Revoked;
    plan.this_update = kNow - 60;
    plan.next_update = kNow + 3600;
    const Bytes whole = make_response(pki().leaf_subject(), plan, pki().delegate);
    JudgeOptions options;
    options.now = kNow;
    const CertSubject subject = pki().leaf_subject();
    REQUIRE(judge_response(whole, subject, options));
    for (std::size_t i = 0; i < whole.size(); ++i) {
        for (const unsigned bit : {0x01U, 0x02U, 0x20U, 0x80U}) {
            Bytes changed = whole;
            changed[i] = static_cast<std::uint8_t>(changed[i] ^ bit);
            const auto judged = judge_response(changed, subject, options);
            CHECK_FALSE((judged && judged->status == CertStatus::Good));
        }
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK_FALSE(judge_response(ByteView(whole).sub(0, size), subject, options));
    }
}
