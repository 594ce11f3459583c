// An inquiry that runs beside something else: what pump() does while the PIN is typed.
#include "ocsp_client/inquiry.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "ocsp_client/fetch_role.h"
#include "tests/unit/ocsp/fixture.h"

namespace {

using namespace piv;
using namespace piv::test;

constexpr UnixTime kNow = 1790000000;

const Pki& pki() {
    static const Pki one(kNow);
    return one;
}

InquirySettings settings() {
    InquirySettings s;
    s.urls = {"http://one.invalid/", "http://two.invalid/"};
    s.timeout_ms = 900;
    return s;
}

// A fetch role that is played by the test.
struct Role {
    Role() {
        int fds[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        ours = UniqueFd(fds[0]);
        theirs = UniqueFd(fds[1]);
    }
    // The requests that have come since the last call.
    std::vector<FetchRequest> requests() {
        (void)buffer.fill(theirs.get());
        std::vector<FetchRequest> all;
        Bytes payload;
        bool found = true;
        while (buffer.next(payload, found) == FrameBuffer::State::Open && found) {
            auto request = decode_fetch_request(payload);
            REQUIRE(request);
            all.push_back(std::move(request).value());
        }
        return all;
    }
    void answer(std::uint32_t id, Result<HttpResponse> response) {
        FetchReply reply;
        reply.id = id;
        reply.response = std::move(response);
        const Bytes frame = encode_fetch_reply(reply);
        REQUIRE(write(theirs.get(), frame.data(), frame.size()) ==
                static_cast<ssize_t>(frame.size()));
    }
    UniqueFd ours;
    UniqueFd theirs;
    FrameBuffer buffer{kMaxFetchRequest};
};

void sleep_ms(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

TEST_CASE("a silent responder: the next is asked by pump, not only at the end", "[ocsp]") {
    Role role;
    FetchRoleTransport transport(std::move(role.ours));
    Inquiry inquiry({pki().leaf_subject()}, settings(), &transport, kNow);
    inquiry.start();
    CHECK(role.requests().size() == 1);
    const int wait = inquiry.next_pump_ms();
    REQUIRE(wait > 0);
    REQUIRE(wait <= 300);
    inquiry.pump();
    CHECK(role.requests().empty());
    sleep_ms(wait + 5);
    inquiry.pump();
    const auto second = role.requests();
    REQUIRE(second.size() == 1);
    CHECK(second[0].http.url.find("http://two.invalid/") == 0);
    CHECK(inquiry.next_pump_ms() == -1);  // nothing more to send: only an answer wakes
}

TEST_CASE("tryLater is asked again by pump", "[ocsp]") {
    Role role;
    FetchRoleTransport transport(std::move(role.ours));
    InquirySettings one = settings();
    one.urls.resize(1);
    Inquiry inquiry({pki().leaf_subject()}, one, &transport, kNow);
    inquiry.start();
    const auto first = role.requests();
    REQUIRE(first.size() == 1);
    role.answer(first[0].id, ocsp_reply(Bytes{0x30, 0x03, 0x0a, 0x01, 0x03}));
    inquiry.pump();
    CHECK_FALSE(inquiry.done());
    const int wait = inquiry.next_pump_ms();
    REQUIRE(wait > 0);
    REQUIRE(wait <= 250);
    sleep_ms(wait + 5);
    inquiry.pump();
    CHECK(role.requests().size() == 1);
}

TEST_CASE("a fetch process that dies ends the inquiry at once", "[ocsp][fetch]") {
    Role role;
    FetchRoleTransport transport(std::move(role.ours));
    Inquiry inquiry({pki().leaf_subject()}, settings(), &transport, kNow);
    inquiry.start();
    role.theirs.reset();
    inquiry.pump();
    // Its descriptor would be readable from now on: who polls it must not have to.
    REQUIRE(inquiry.done());
    CHECK(inquiry.next_pump_ms() == -1);
    CHECK(inquiry.verdicts()[0].state == RevocationState::Unavailable);
    CHECK(inquiry.verdicts()[0].why.code == ErrorCode::OcspTransport);
}

TEST_CASE("an answer that comes while nobody waits is taken in", "[ocsp]") {
    Role role;
    FetchRoleTransport transport(std::move(role.ours));
    InquirySettings quiet = settings();
    quiet.nonce = NonceMode::Off;
    Inquiry inquiry({pki().leaf_subject()}, quiet, &transport, kNow);
    inquiry.start();
    const auto asked = role.requests();
    REQUIRE(asked.size() == 1);
    AnswerPlan plan;
    plan.this_update = kNow - 60;
    plan.next_update = kNow + 3600;
    role.answer(asked[0].id, ocsp_reply(make_response(pki().leaf_subject(), plan, pki().delegate)));
    inquiry.pump();
    REQUIRE(inquiry.done());
    CHECK(inquiry.verdicts()[0].state == RevocationState::Good);
}
