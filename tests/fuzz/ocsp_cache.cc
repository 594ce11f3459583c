// Cache file to verdict, and frames of the fetch role to replies.
#include "ocsp_client/fetch_role.h"
#include "tests/fuzz/ocsp_common.h"

namespace {

void read_entry(piv::ByteView file) {
    const auto entry = piv::decode_cache_entry(file);
    if (entry) {
        piv::fuzz::must_not_be_good(entry->response);
    }
}

void read_frames(piv::ByteView payload) {
    (void)piv::decode_fetch_request(payload);
    const auto reply = piv::decode_fetch_reply(payload);
    if (reply && reply->response) {
        piv::fuzz::must_not_be_good(reply->response->body);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const piv::ByteView input(data, size);
    read_entry(input);
    read_frames(input);
    const piv::fuzz::Base& base = piv::fuzz::base();
    static const piv::Bytes entry = piv::encode_cache_entry(
        {"http://ocsp.test/", piv::fuzz::kNow, base.subject.certificate.der().copy(),
         base.subject.issuer.der().copy(), base.response});
    read_entry(piv::fuzz::edited(entry, input));
    piv::FetchReply reply;
    reply.id = 1;
    reply.response = piv::test::ocsp_reply(base.response);
    static const piv::Bytes frame = piv::encode_fetch_reply(reply);
    read_frames(piv::fuzz::edited(piv::Bytes(frame.begin() + 4, frame.end()), input));
    return 0;
}
