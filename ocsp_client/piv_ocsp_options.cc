#include "ocsp_client/piv_ocsp_options.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "ocsp_client/url.h"
#include "pki/base/text.h"
#include "pki/cli/command_line.h"
#include "pki/cli/tool.h"
#include "pki/config/settings.h"

namespace piv {

namespace {

constexpr char kTool[] = "piv-ocsp";
constexpr std::int64_t kMaxSeconds = 3155760000;  // a century: sums stay far from overflow

// What CLI11 fills before it becomes OcspOptions.
struct RawOptions {
    OcspOptions out;
    std::vector<std::string> urls;
    std::string method = "auto";
    std::string nonce;
    std::string hash = "auto";
    std::optional<std::string> at;
    std::string cache;
    std::optional<std::int64_t> max_age;
    std::optional<std::int64_t> skew;
    std::optional<int> timeout_ms;
    std::optional<std::string> proxy;
    bool no_cache = false;
};

void declare(CommandLine& app, RawOptions& raw) {
    app.version("piv-ocsp " PIV_VERSION);
    app.add_option("CERT", raw.out.certificates, "certificates to ask about, any form")
        ->type_name("FILE");
    app.add_option("--issuer", raw.out.issuer, "the CA certificate that issued them")
        ->type_name("FILE");
    app.add_option("--ca", raw.out.cas, "more CA certificates: issuers of the other certificates")
        ->type_name("FILE|DIR")
        ->one_each();
    app.add_option("--responder-cert", raw.out.responder_certs,
                   "a responder that may sign for these CAs, although no CA says so")
        ->type_name("FILE")
        ->one_each();
    app.add_option("--url", raw.urls, "ask here instead of where the certificates say; in order")
        ->type_name("URL")
        ->one_each();
    app.add_option("--method", raw.method, "auto: GET up to 255 octets, else POST")
        ->one_of({"auto", "get", "post"});
    app.add_option("--nonce", raw.nonce, "auto: with one, and again without if it is refused")
        ->one_of({"auto", "require", "off"});
    app.add_option("--cert-id-hash", raw.hash, "auto: SHA-1, then SHA-256 where that is refused")
        ->one_of({"auto", "sha1", "sha256"});
    app.add_option("--at", raw.at, "judge at this time instead of now")->type_name("TIME");
    app.add_option("--max-age", raw.max_age,
                   "oldest answer that counts; not given: 86400 for those without nextUpdate")
        ->type_name("SECONDS")
        ->in_range(0, kMaxSeconds);
    app.add_option("--skew", raw.skew, "tolerance for clocks (300)")
        ->type_name("SECONDS")
        ->in_range(0, kMaxSeconds);
    app.add_option("--timeout", raw.timeout_ms, "for one certificate, all attempts together (5000)")
        ->type_name("MS")
        ->in_range(1, 600000);
    app.add_option("--proxy", raw.proxy, "HTTP proxy; none is taken from the environment")
        ->type_name("URL");
    app.add_option("--cache", raw.cache, "folder of answers, used and filled")->type_name("DIR");
    app.add_flag("--no-cache", raw.no_cache, "neither use nor fill the cache");
    app.add_option("--response", raw.out.response, "judge this DER response; ask nobody")
        ->type_name("FILE");
    app.add_option("--save", raw.out.save, "write the answer that decided, as DER")
        ->type_name("FILE");
    app.add_flag("--json", raw.out.json, "one JSON document");
    app.add_option("--config", raw.out.config, "configuration file")->type_name("FILE");
    app.add_flag("--prefetch", raw.out.prefetch, "renew cached answers before they end");
    app.footer(
        "Exit: 0 all good, 1 one is revoked, 2 otherwise, 64 bad usage, 65 bad input, "
        "78 bad configuration.\nExample: piv-ocsp --issuer int.cer alice.cer");
}

bool is_folder(const std::string& path) noexcept {
    struct stat st {};
    return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// Configuration first; what stands on the command line replaces it.
Status apply_config(const RawOptions& raw, InquirySettings& out) {
    const std::string file = raw.out.config.empty() ? kDefaultConfigFile : raw.out.config;
    const auto settings = load_settings(file, "", ConfigTrust::Anyone);
    if (!settings) {
        return settings.error();
    }
    const Settings::Revocation& r = settings->revocation;
    out.urls = r.ocsp_url;
    out.timeout_ms = r.timeout_ms;
    out.skew = r.skew;
    out.max_age = r.max_age;
    out.proxy = r.proxy;
    out.nonce = r.nonce == Settings::Revocation::Nonce::Require ? NonceMode::Require
                : r.nonce == Settings::Revocation::Nonce::Off   ? NonceMode::Off
                                                                : NonceMode::Auto;
    // The login's cache is shared where it exists; it is not made here.
    if (is_folder(r.cache)) {
        out.cache_dir = r.cache;
    }
    return {};
}

Status apply_line(const RawOptions& raw, InquirySettings& out) {
    if (!raw.urls.empty()) {
        out.urls = raw.urls;
    }
    out.method = raw.method == "get"    ? HttpMethod::Get
                 : raw.method == "post" ? HttpMethod::Post
                                        : HttpMethod::Auto;
    if (!raw.nonce.empty()) {
        out.nonce = raw.nonce == "require" ? NonceMode::Require
                    : raw.nonce == "off"   ? NonceMode::Off
                                           : NonceMode::Auto;
    }
    if (raw.hash != "auto") {
        out.hash = raw.hash == "sha1" ? CertIdHash::Sha1 : CertIdHash::Sha256;
    }
    if (raw.max_age) {
        out.max_age = *raw.max_age;
        out.max_age_of_all = *raw.max_age;
    }
    out.skew = raw.skew.value_or(out.skew);
    out.timeout_ms = raw.timeout_ms.value_or(out.timeout_ms);
    out.proxy = raw.proxy.value_or(out.proxy);
    if (!raw.cache.empty()) {
        out.cache_dir = raw.cache;
    }
    if (raw.no_cache) {
        out.cache_dir.clear();
    }
    for (const std::string& url : raw.urls) {
        if (Status s = check_responder_url(url); !s) {
            return Error(ErrorCode::BadUsage, "--url " + s.error().detail);
        }
    }
    return {};
}

Status check_line(const RawOptions& raw) {
    const OcspOptions& o = raw.out;
    const auto bad = [](const char* why) { return Error(ErrorCode::BadUsage, why); };
    if (o.prefetch) {
        return o.certificates.empty() ? Status() : Status(bad("--prefetch takes no certificates"));
    }
    if (o.certificates.empty()) {
        return bad("no certificate was given");
    }
    if (o.issuer.empty()) {
        return bad("--issuer is needed: the CA certificate that issued the certificate");
    }
    if (!o.save.empty() && !o.response.empty()) {
        return bad("--save keeps an answer that was asked for; --response has one already");
    }
    if (!raw.cache.empty() && raw.no_cache) {
        return bad("--cache and --no-cache contradict each other");
    }
    return {};
}

}  // namespace

int fail(const Error& error, bool json) {
    report_problem(kTool, error);
    if (json) {
        const ErrorInfo& row = info(error.code);
        nlohmann::ordered_json document;
        document["results"] = nlohmann::ordered_json::array();
        document["error"] = {{"code", std::string(row.name)},
                             {"detail", escape_for_display(error.detail)},
                             {"hint", std::string(row.hint)}};
        std::cout << document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace)
                  << "\n";
    }
    return exit_status(error);
}

ParsedOptions parse_options(int argc, char** argv, UnixTime now) {
    const bool json = wants_json(argc, argv);
    CommandLine app(
        "Asks OCSP responders whether certificates are revoked, and judges the answers.", kTool);
    RawOptions raw;
    declare(app, raw);
    if (const std::optional<int> end = app.parse(argc, argv)) {
        return {std::nullopt, *end};
    }
    raw.out.now = now;
    raw.out.cache_named = !raw.cache.empty();
    Status status = check_line(raw);
    if (status && raw.at) {
        auto at = parse_time(*raw.at);
        if (at) {
            raw.out.now = at.value();
        } else {
            status = std::move(at).error();
        }
    }
    if (status) {
        status = apply_config(raw, raw.out.inquiry);
    }
    if (status) {
        status = apply_line(raw, raw.out.inquiry);
    }
    if (!status) {
        return {std::nullopt, fail(status.error(), json)};
    }
    return {std::move(raw.out), 0};
}

}  // namespace piv
