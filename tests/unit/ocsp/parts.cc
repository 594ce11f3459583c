// The small parts: DER, URLs, HTTP headers, frames of the fetch role, cache entries.
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "ocsp_client/answer_cache.h"
#include "ocsp_client/fetch_role.h"
#include "ocsp_client/http_reply.h"
#include "ocsp_client/request.h"
#include "ocsp_client/url.h"
#include "tests/unit/ocsp/fixture.h"

using namespace piv;

TEST_CASE("CertID: its parts are what libcrypto finds in the certificates", "[ocsp]") {
    const test::Pki pki(1750000000);
    const auto check = [](const Certificate& certificate, const Certificate& issuer) {
        auto subject = CertSubject::make(certificate, issuer);
        REQUIRE(subject.ok());
        const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(issuer.native());
        const ByteView key_bits(ASN1_STRING_get0_data(key),
                                static_cast<std::size_t>(ASN1_STRING_length(key)));
        CHECK(ByteView(subject->issuer_key) == key_bits);
        const ASN1_INTEGER* number = X509_get0_serialNumber(certificate.native());
        unsigned char* der = nullptr;
        const int size = i2d_ASN1_INTEGER(const_cast<ASN1_INTEGER*>(number), &der);
        REQUIRE(size > 2);
        CHECK(ByteView(subject->serial) == ByteView(der, static_cast<std::size_t>(size)).sub(2));
        OPENSSL_free(der);
        CHECK(subject->issuer_name == certificate.issuer_der());
    };
    check(pki.leaf.certificate, pki.intermediate.certificate);
    check(pki.intermediate.certificate, pki.root.certificate);
    for (const long serial : {1L, 127L, 128L, 255L, 256L, 0x7fffffffL, 0x80000000L}) {
        const auto one = test::make_certificate("Serial", serial, pki.now, &pki.intermediate, {});
        check(one.certificate, pki.intermediate.certificate);
    }
}

TEST_CASE("DER: lengths are definite and minimal", "[ocsp][der]") {
    const auto reads = [](const Bytes& bytes) {
        return der_single(bytes, der::kOctetString).has_value();
    };
    CHECK(reads({0x04, 0x00}));
    CHECK(reads({0x04, 0x01, 0xff}));
    CHECK_FALSE(reads({}));
    CHECK_FALSE(reads({0x04}));
    CHECK_FALSE(reads({0x04, 0x01}));
    CHECK_FALSE(reads({0x04, 0x80, 0x00, 0x00}));
    CHECK_FALSE(reads({0x04, 0x81, 0x01, 0xff}));
    CHECK_FALSE(reads({0x04, 0x82, 0x00, 0x01, 0xff}));
    CHECK_FALSE(reads({0x04, 0x84, 0xff, 0xff, 0xff, 0xff}));
    CHECK_FALSE(reads({0x04, 0x00, 0x00}));
    Bytes long_form{0x04, 0x81, 0x80};
    long_form.resize(3 + 0x80);
    CHECK(reads(long_form));
}

TEST_CASE("DER: what BER allows besides", "[ocsp][der]") {
    CHECK(der_well_formed(Bytes{0x30, 0x03, 0x01, 0x01, 0xff}));
    CHECK_FALSE(der_well_formed(Bytes{0x30, 0x03, 0x01, 0x01, 0x01}));
    CHECK_FALSE(der_well_formed(Bytes{0x24, 0x03, 0x04, 0x01, 0x00}));
    CHECK_FALSE(der_well_formed(Bytes{0x02, 0x02, 0x00, 0x01}));
    CHECK_FALSE(der_well_formed(Bytes{0x02, 0x02, 0xff, 0xff}));
    CHECK_FALSE(der_well_formed(Bytes{0x03, 0x02, 0x01, 0x01}));
    CHECK_FALSE(der_well_formed(Bytes{0x05, 0x01, 0x00}));
    CHECK_FALSE(der_well_formed(Bytes{0x06, 0x02, 0x80, 0x01}));
    CHECK_FALSE(der_well_formed(Bytes{0x06, 0x01, 0x81}));
    Bytes deep;
    for (int i = 0; i < 100; ++i) {
        deep = der::encode(der::kSequence, deep);
    }
    CHECK_FALSE(der_well_formed(deep));
}

TEST_CASE("GeneralizedTime in the form of RFC 5280 and no other", "[ocsp][der]") {
    const auto parse = [](std::string_view text) { return parse_generalized_time(ByteView(text)); };
    CHECK(parse("20240229235959Z") == from_civil(2024, 2, 29, 23, 59, 59));
    CHECK(parse("99991231235959Z").has_value());
    for (const char* text :
         {"20230229000000Z", "20241301000000Z", "20240100000000Z", "00000101000000Z",
          "20240101240000Z", "20240101006000Z", "20240101000060Z", "202401010000Z",
          "20240101000000.5Z", "20240101000000+0000", "20240101000000", "2024010100000Zx", "",
          "2O240101000000Z"}) {
        INFO(text);
        CHECK_FALSE(parse(text).has_value());
    }
}

TEST_CASE("URLs: http to a host, nothing else", "[ocsp][url]") {
    for (const char* url :
         {"http://ocsp.example.com", "http://ocsp.example.com/", "HTTP://a:80/x?y=z",
          "http://10.0.0.1:8080/ocsp", "http://[::1]:80/", "http://[2001:db8::1]"}) {
        INFO(url);
        CHECK(check_responder_url(url).ok());
    }
    for (const char* url : {"",
                            "http",
                            "http://",
                            "https://a/",
                            "ftp://a/",
                            "file:///etc/passwd",
                            "ldap://a/",
                            "http://u@a/",
                            "http://u:p@a/",
                            "http://a:0/",
                            "http://a:65536/",
                            "http://a:/",
                            "http://a b/",
                            "http://a\n/",
                            "http://a/\x7f",
                            "http://[::1/",
                            "http://[g]/",
                            "http://a:1:2/",
                            "http://a/#f",
                            "http://a\\b/",
                            " http://a/",
                            "http:///x"}) {
        INFO(url);
        CHECK_FALSE(check_responder_url(url).ok());
    }
    CHECK_FALSE(check_responder_url("http://a/" + std::string(3000, 'x')).ok());
}

TEST_CASE("HTTP headers: what decides the length is said once", "[ocsp][http]") {
    const auto reads = [](std::initializer_list<std::string_view> lines) {
        HttpReply reply(1000);
        for (const std::string_view line : lines) {
            if (!reply.header_line(line)) {
                return false;
            }
        }
        return true;
    };
    const std::string_view ok = "HTTP/1.1 200 OK\r\n";
    CHECK(reads({ok, "Content-Length: 10\r\n", "Content-Length: 10\r\n", "\r\n"}));
    CHECK(
        reads({"HTTP/1.1 100 Continue\r\n", "\r\n", ok, "Transfer-Encoding: chunked\r\n", "\r\n"}));
    CHECK_FALSE(reads({ok, "Content-Length: 10\r\n", "Content-Length: 11\r\n"}));
    CHECK_FALSE(reads({ok, "Content-Length: +10\r\n"}));
    CHECK_FALSE(reads({ok, "Content-Length: 1001\r\n"}));
    CHECK_FALSE(reads({ok, "Content-Length: 10\r\n", "transfer-encoding: chunked\r\n"}));
    CHECK_FALSE(reads({ok, "Transfer-Encoding: gzip, chunked\r\n"}));
    CHECK_FALSE(reads({ok, "Content-Encoding: gzip\r\n"}));
    CHECK_FALSE(reads({ok, " folded\r\n"}));
    CHECK_FALSE(reads({ok, "no colon\r\n"}));
    CHECK_FALSE(reads({ok, ": no name\r\n"}));
    HttpReply body(4);
    CHECK(body.body_piece(Bytes(4)).ok());
    CHECK(body.body_piece(Bytes(1)).code() == ErrorCode::OcspTooLarge);
}

TEST_CASE("GET: base64, percent-encoded, behind one slash", "[ocsp][request]") {
    const Bytes request{0xfb, 0xff, 0xfe, 0x00};
    CHECK(get_url("http://a/b", request) == "http://a/b/%2B%2F%2F%2BAA%3D%3D");
    CHECK(get_url("http://a/b/", request) == "http://a/b/%2B%2F%2F%2BAA%3D%3D");
}

TEST_CASE("frames of the fetch role survive, and nothing cut does", "[ocsp][fetch]") {
    FetchRequest request;
    request.id = 7;
    request.http.url = "http://ocsp.example.com/";
    request.http.body = Bytes(100, 0x30);
    request.http.timeout_ms = 1234;
    const Bytes frame = encode_fetch_request(request);
    const ByteView payload = ByteView(frame).sub(4);
    const auto back = decode_fetch_request(payload);
    REQUIRE(back);
    CHECK(back->id == 7);
    CHECK(back->http.url == request.http.url);
    CHECK(back->http.body == request.http.body);
    CHECK(back->http.timeout_ms == 1234);
    for (std::size_t size = 0; size < payload.size(); ++size) {
        CHECK_FALSE(decode_fetch_request(payload.sub(0, size)));
    }
    FetchReply reply;
    reply.id = 8;
    reply.response = Error(ErrorCode::Revoked, "a fetch process may not say this");
    const Bytes reply_frame = encode_fetch_reply(reply);
    const ByteView reply_payload = ByteView(reply_frame).sub(4);
    const auto reply_back = decode_fetch_reply(reply_payload);
    REQUIRE(reply_back);
    CHECK(reply_back->response.code() == ErrorCode::OcspTransport);
    for (std::size_t size = 0; size < reply_payload.size(); ++size) {
        CHECK_FALSE(decode_fetch_reply(reply_payload.sub(0, size)));
    }
    request.http.body.resize(kMaxFetchRequest);
    CHECK(encode_fetch_request(request).empty());
}

namespace {

struct Pair {
    Pair() {
        int fds[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        ours.reset(fds[0]);
        theirs.reset(fds[1]);
    }
    UniqueFd ours;
    UniqueFd theirs;
};

}  // namespace

TEST_CASE("a fetch process that lies, stalls or dies is a failure in time", "[ocsp][fetch]") {
    Pair pair;
    FetchRoleTransport transport(std::move(pair.ours));
    const auto id = transport.start(HttpRequest());
    REQUIRE(id);
    CHECK(transport.wait(Deadline::after_ms(20)).code() == ErrorCode::DeadlineOver);
    SECTION("an answer in pieces") {
        FetchReply reply;
        reply.id = static_cast<std::uint32_t>(id.value());
        HttpResponse response;
        response.status = 200;
        response.body = Bytes(5000, 1);
        reply.response = response;
        const Bytes frame = encode_fetch_reply(reply);
        REQUIRE(write(pair.theirs.get(), frame.data(), 10) == 10);
        CHECK(transport.wait(Deadline::after_ms(20)).code() == ErrorCode::DeadlineOver);
        const auto rest = static_cast<ssize_t>(frame.size() - 10);
        REQUIRE(write(pair.theirs.get(), frame.data() + 10, frame.size() - 10) == rest);
        const auto done = transport.wait(Deadline::after_ms(1000));
        REQUIRE(done);
        REQUIRE(done->response);
        CHECK(done->response->body.size() == 5000);
        // The same answer once more is one that nobody asked for.
        REQUIRE(transport.start(HttpRequest()));
        REQUIRE(write(pair.theirs.get(), frame.data(), frame.size()) > 0);
        CHECK(transport.wait(Deadline::after_ms(1000)).code() == ErrorCode::OcspTransport);
        CHECK_FALSE(transport.start(HttpRequest()));
    }
    SECTION("a length over the cap") {
        const Bytes huge{0x7f, 0xff, 0xff, 0xff};
        REQUIRE(write(pair.theirs.get(), huge.data(), huge.size()) == 4);
        CHECK(transport.wait(Deadline::after_ms(1000)).code() == ErrorCode::OcspTransport);
    }
    SECTION("its end") {
        pair.theirs.reset();
        CHECK(transport.wait(Deadline::after_ms(1000)).code() == ErrorCode::OcspTransport);
    }
}

TEST_CASE("cache entries survive, and nothing cut does", "[ocsp][cache]") {
    const AnswerCache::Entry entry{"http://a/", 1790000000, Bytes(10, 1), Bytes(20, 2),
                                   Bytes(30, 3)};
    const Bytes file = encode_cache_entry(entry);
    const auto back = decode_cache_entry(file);
    REQUIRE(back);
    CHECK(back->url == entry.url);
    CHECK(back->judged_at == entry.judged_at);
    CHECK(back->response == entry.response);
    for (std::size_t size = 0; size < file.size(); ++size) {
        CHECK_FALSE(decode_cache_entry(ByteView(file).sub(0, size)));
    }
    Bytes longer = file;
    longer.push_back(0);
    CHECK_FALSE(decode_cache_entry(longer));
}
