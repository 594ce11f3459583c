// HTTP bytes to verdict: header lines and body pieces as libcurl hands them over.
#include "ocsp_client/http_reply.h"
#include "tests/fuzz/ocsp_common.h"

namespace {

void receive(piv::ByteView input) {
    piv::HttpReply reply(piv::kMaxResponse);
    std::string_view rest = input.text();
    while (!rest.empty() && !reply.header_complete()) {
        const std::size_t end = rest.find('\n');
        const std::size_t size = end == std::string_view::npos ? rest.size() : end + 1;
        if (!reply.header_line(rest.substr(0, size))) {
            return;
        }
        rest.remove_prefix(size);
    }
    const piv::ByteView body(rest);
    for (std::size_t at = 0; at < body.size(); at += 1000) {
        if (!reply.body_piece(body.sub(at, 1000))) {
            return;
        }
    }
    piv::fuzz::must_not_be_good(reply.take_body());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const piv::ByteView input(data, size);
    receive(input);
    static constexpr std::string_view kHeader =
        "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
        "Content-Length: 700\r\nConnection: close\r\n\r\n";
    piv::Bytes whole(kHeader.begin(), kHeader.end());
    const piv::Bytes& response = piv::fuzz::base().response;
    whole.insert(whole.end(), response.begin(), response.end());
    receive(piv::fuzz::edited(std::move(whole), input));
    return 0;
}
