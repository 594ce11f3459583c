#include "ocsp_client/curl_transport.h"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <map>

#include "ocsp_client/http_reply.h"
#include "ocsp_client/url.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::size_t kMaxTransfers = 64;
constexpr long kMaxConnectMs = 4000;

struct EasyDeleter {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

struct Transfer {
    explicit Transfer(HttpRequest r) : request(std::move(r)), reply(request.max_response) {}
    std::size_t id = 0;
    HttpRequest request;
    std::unique_ptr<CURL, EasyDeleter> easy;
    std::unique_ptr<curl_slist, ListDeleter> headers;
    HttpReply reply;
    Status refused;  // what we ended the transfer for
};

std::size_t take(Transfer& transfer, Status result, std::size_t size) noexcept {
    if (result) {
        return size;
    }
    transfer.refused = std::move(result);
    return 0;
}

std::size_t on_header(char* data, std::size_t one, std::size_t count, void* user) noexcept {
    auto* transfer = static_cast<Transfer*>(user);
    return take(*transfer, transfer->reply.header_line({data, one * count}), one * count);
}

std::size_t on_body(char* data, std::size_t one, std::size_t count, void* user) noexcept {
    auto* transfer = static_cast<Transfer*>(user);
    const ByteView piece(reinterpret_cast<const std::uint8_t*>(data), one * count);
    return take(*transfer, transfer->reply.body_piece(piece), one * count);
}

template <typename T>
bool set(CURL* easy, CURLoption option, T value) {
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

// Everything that libcurl could do beyond one HTTP exchange is switched off by name; what is not
// switched off here is off by default in every version from 7.58 on.
bool set_limits(CURL* easy, const HttpRequest& request) {
    bool ok = true;
#if LIBCURL_VERSION_NUM >= 0x075500
    ok = set(easy, CURLOPT_PROTOCOLS_STR, "http") && set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http");
#else
    ok = set(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP)) &&
         set(easy, CURLOPT_REDIR_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    ok = ok && set(easy, CURLOPT_QUICK_EXIT, 1L);  // a resolver that hangs does not hold us
#endif
#if LIBCURL_VERSION_NUM >= 0x074000
    ok = ok && set(easy, CURLOPT_HTTP09_ALLOWED, 0L);
#endif  // Before 7.64, as in Enterprise Linux 8, what has no status line arrives with status 0: no 200.
    const long timeout = std::max(1, request.timeout_ms);
    return ok && set(easy, CURLOPT_NOSIGNAL, 1L) && set(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
           set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
           set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) &&
           set(easy, CURLOPT_PROXY, request.proxy.c_str()) && set(easy, CURLOPT_NOPROXY, "") &&
           set(easy, CURLOPT_FRESH_CONNECT, 1L) && set(easy, CURLOPT_FORBID_REUSE, 1L) &&
           set(easy, CURLOPT_TIMEOUT_MS, timeout) &&
           set(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout, kMaxConnectMs)) &&
           set(easy, CURLOPT_MAXFILESIZE, static_cast<long>(request.max_response));
}

bool set_request(Transfer& transfer) {
    CURL* easy = transfer.easy.get();
    const HttpRequest& request = transfer.request;
    // A GET may also be for the certificate of an issuer (RFC 5280 section 4.2.2.1).
    curl_slist* list = curl_slist_append(
        nullptr, request.post ? "Accept: application/ocsp-response"
                              : "Accept: application/ocsp-response, application/pkix-cert, "
                                "application/pkcs7-mime");
    list = request.post ? curl_slist_append(list, "Content-Type: application/ocsp-request") : list;
    list = curl_slist_append(list, "Expect:");
    transfer.headers.reset(list);
    bool ok = set(easy, CURLOPT_URL, request.url.c_str()) && set(easy, CURLOPT_HTTPHEADER, list) &&
              set(easy, CURLOPT_USERAGENT, "piv-login/" PIV_VERSION) &&
              set(easy, CURLOPT_HEADERFUNCTION, on_header) &&
              set(easy, CURLOPT_HEADERDATA, &transfer) &&
              set(easy, CURLOPT_WRITEFUNCTION, on_body) &&
              set(easy, CURLOPT_WRITEDATA, &transfer) && set(easy, CURLOPT_PRIVATE, &transfer);
    if (ok && request.post) {
        ok = set(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size())) &&
             set(easy, CURLOPT_POSTFIELDS, request.body.data());
    }
    return ok && set_limits(easy, request);
}

ErrorCode code_of(CURLcode code) noexcept {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return ErrorCode::OcspResolve;
        case CURLE_COULDNT_CONNECT:
            return ErrorCode::OcspConnect;
        case CURLE_OPERATION_TIMEDOUT:
            return ErrorCode::OcspTimeout;
        case CURLE_FILESIZE_EXCEEDED:
            return ErrorCode::OcspTooLarge;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
            return ErrorCode::OcspTransport;
        case CURLE_URL_MALFORMAT:
            return ErrorCode::OcspBadUrl;
        default:
            return ErrorCode::OcspHttpFraming;
    }
}

Result<HttpResponse> outcome(Transfer& transfer, CURLcode code) {
    if (!transfer.refused) {
        return transfer.refused.error();
    }
    if (code != CURLE_OK) {
        return Error(code_of(code), escape_for_display(curl_easy_strerror(code), 200));
    }
    if (!transfer.reply.header_complete()) {
        return Error(ErrorCode::OcspTransport, "the connection ended within the header");
    }
    HttpResponse response;
    if (curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &response.status) !=
        CURLE_OK) {
        return Error(ErrorCode::Internal, "libcurl knows no status");
    }
    response.content_type = transfer.reply.content_type();
    response.body = transfer.reply.take_body();
    return response;
}

// Waits until libcurl or EXTRA, which may be null, has something to do.
CURLMcode wait_for(CURLM* multi, curl_waitfd* extra, int timeout_ms) {
    const unsigned count = extra == nullptr ? 0U : 1U;
#if LIBCURL_VERSION_NUM >= 0x074200
    return curl_multi_poll(multi, extra, count, timeout_ms, nullptr);
#else
    int ready = 0;
    const CURLMcode code = curl_multi_wait(multi, extra, count, timeout_ms, &ready);
    if (code == CURLM_OK && ready == 0) {
        // It does not wait while a name is looked up, for which it has no socket.
        (void)::poll(nullptr, 0, std::min(timeout_ms, 5));
    }
    return code;
#endif
}

}  // namespace

struct CurlTransport::Data {
    CURLM* multi = nullptr;
    std::size_t next_id = 1;
    std::map<std::size_t, std::unique_ptr<Transfer>> transfers;

    // The next transfer that libcurl reports as over.
    std::optional<Completion> next_done() {
        int left = 0;
        while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) {
                continue;
            }
            const CURLcode code = message->data.result;
            char* user = nullptr;
            CURL* easy = message->easy_handle;
            (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &user);
            auto* transfer = reinterpret_cast<Transfer*>(user);
            (void)curl_multi_remove_handle(multi, easy);
            Completion done{transfer->id, outcome(*transfer, code)};
            transfers.erase(transfer->id);
            return done;
        }
        return std::nullopt;
    }
};

CurlTransport::CurlTransport() : data_(std::make_unique<Data>()) {
    if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK) {
        data_->multi = curl_multi_init();
    }
}

CurlTransport::~CurlTransport() {
    if (data_->multi != nullptr) {
        for (auto& transfer : data_->transfers) {
            (void)curl_multi_remove_handle(data_->multi, transfer.second->easy.get());
        }
        data_->transfers.clear();
        (void)curl_multi_cleanup(data_->multi);
    }
}

bool CurlTransport::idle() const noexcept {
    return data_->transfers.empty();
}

Result<std::size_t> CurlTransport::start(HttpRequest request) {
    if (Status s = check_responder_url(request.url); !s) {
        return std::move(s).error();
    }
    if (!request.proxy.empty()) {
        if (Status s = check_responder_url(request.proxy); !s) {
            return Error(ErrorCode::OcspBadUrl, "proxy " + s.error().detail);
        }
    }
    if (data_->multi == nullptr || data_->transfers.size() >= kMaxTransfers) {
        return Error(ErrorCode::OcspTransport, "too many requests at once");
    }
    auto transfer = std::make_unique<Transfer>(std::move(request));
    transfer->id = data_->next_id++;
    transfer->easy.reset(curl_easy_init());
    if (!transfer->easy || !set_request(*transfer) ||
        curl_multi_add_handle(data_->multi, transfer->easy.get()) != CURLM_OK) {
        return Error(ErrorCode::Internal, "libcurl does not take the request");
    }
    const std::size_t id = transfer->id;
    data_->transfers.emplace(id, std::move(transfer));
    int running = 0;
    (void)curl_multi_perform(data_->multi, &running);
    return id;
}

Result<Transport::Completion> CurlTransport::wait(Deadline deadline) {
    bool readable = false;
    if (idle()) {
        return Error(ErrorCode::OcspUnavailable, "nothing is under way");
    }
    return wait_or_readable(deadline, -1, readable);
}

Result<Transport::Completion> CurlTransport::wait_or_readable(Deadline deadline, int fd,
                                                              bool& readable) {
    readable = false;
    for (;;) {
        int running = 0;
        (void)curl_multi_perform(data_->multi, &running);
        if (auto done = data_->next_done()) {
            return std::move(*done);
        }
        const int left = deadline.left_ms();
        if (readable || left == 0) {
            return Error(ErrorCode::DeadlineOver);
        }
        curl_waitfd extra{};
        extra.fd = fd;
        extra.events = CURL_WAIT_POLLIN;
        const CURLMcode code = wait_for(data_->multi, fd < 0 ? nullptr : &extra, left);
        if (code != CURLM_OK) {
            return Error(ErrorCode::Internal, "libcurl cannot wait");
        }
        readable = fd >= 0 && extra.revents != 0;
    }
}

}  // namespace piv
