#include "pam_module/helper/watch_request.h"

#include <catch2/catch.hpp>

using namespace piv;

namespace {

WatchRequest whole() {
    WatchRequest request;
    request.action = OnCardRemoval::Logout;
    request.debounce_ms = 2500;
    request.session_id = "c12";
    request.uid = 1000;
    request.user = "alice";
    request.service = "gdm-password";
    request.reader = "Virtual PCD 00 00";
    request.certificate = std::string(64, 'a');
    request.card.backend = CardBackend::Pkcs11;
    request.card.module = "/usr/lib/opensc-pkcs11.so";
    request.card.slots = {"9A", "9C"};
    return request;
}

bool travels(const WatchRequest& request) {
    const Result<Bytes> packet = encode_watch_request(request);
    return packet && decode_watch_request(*packet).ok();
}

}  // namespace

TEST_CASE("a request arrives as it was sent, and no part of it is one") {
    const Result<Bytes> packet = encode_watch_request(whole());
    REQUIRE(packet);
    const Result<WatchRequest> got = decode_watch_request(*packet);
    REQUIRE(got);
    CHECK(got->action == OnCardRemoval::Logout);
    CHECK(got->debounce_ms == 2500);
    CHECK(got->session_id == "c12");
    CHECK(got->uid == 1000);
    CHECK(got->user == "alice");
    CHECK(got->service == "gdm-password");
    CHECK(got->reader == "Virtual PCD 00 00");
    CHECK(got->certificate == std::string(64, 'a'));
    CHECK(got->card.backend == CardBackend::Pkcs11);
    CHECK(got->card.module == "/usr/lib/opensc-pkcs11.so");
    CHECK(got->card.slots == std::vector<std::string>{"9A", "9C"});
    for (std::size_t size = 0; size < packet->size(); ++size) {
        CHECK(decode_watch_request(ByteView(packet->data(), size)).code() ==
              ErrorCode::HelperFailed);
    }
    Bytes longer = *packet;
    longer.push_back(0);
    CHECK_FALSE(decode_watch_request(longer).ok());
}

TEST_CASE("values that no helper sends are refused") {
    CHECK(travels(whole()));
    WatchRequest request = whole();
    request.action = OnCardRemoval::Ignore;
    CHECK_FALSE(travels(request));
    for (const char* id : {"../1", "a b", "c1\n", "c/1"}) {
        request = whole();
        request.session_id = id;
        CHECK_FALSE(travels(request));
    }
    for (const std::size_t size : {0U, 63U, 65U}) {
        request = whole();
        request.certificate = std::string(size, 'a');
        CHECK_FALSE(travels(request));
    }
    request = whole();
    request.certificate[7] = 'A';
    CHECK_FALSE(travels(request));
    request = whole();
    request.debounce_ms = 600001;
    CHECK_FALSE(travels(request));
    request = whole();
    request.reader = std::string(kMaxWatchPacket, 'x');
    CHECK(encode_watch_request(request).code() == ErrorCode::Internal);
}

TEST_CASE("the answer: good, or a code that a watcher may fail with") {
    CHECK(decode_watch_answer(encode_watch_answer({})).ok());
    const Status failed =
        decode_watch_answer(encode_watch_answer(Error(ErrorCode::BadConfig, "no session\n")));
    CHECK(failed.code() == ErrorCode::BadConfig);
    CHECK(failed.error().detail == "no session\\x0a");
    CHECK(decode_watch_answer(encode_watch_answer(ErrorCode::OutOfScope)).code() ==
          ErrorCode::OutOfScope);
    // "Granted" and whatever else is none of its answers.
    CHECK(decode_watch_answer(encode_watch_answer(ErrorCode::PinWrong)).code() ==
          ErrorCode::HelperFailed);
    CHECK(decode_watch_answer({}).code() == ErrorCode::HelperFailed);
    Bytes odd = encode_watch_answer({});
    odd[0] = 2;
    CHECK(decode_watch_answer(odd).code() == ErrorCode::HelperFailed);
}
