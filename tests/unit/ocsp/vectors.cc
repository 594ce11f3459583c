// The third-party OCSP vectors in ../shared/testdata/ocsp, row by row.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "ocsp_client/judge.h"
#include "ocsp_client/request.h"
#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"
#include "tests/places.h"

namespace {

using piv::Bytes;
using Row = std::map<std::string, std::string>;

const std::string kFolder = piv::test::testdata_dir() + "/ocsp/";

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> parts;
    std::stringstream stream(line);
    std::string part;
    while (std::getline(stream, part, separator)) {
        parts.push_back(part);
    }
    return parts;
}

std::vector<Row> read_index(const std::string& name) {
    std::ifstream file(kFolder + name);
    if (!file) {
        std::fprintf(stderr, "skipped: no test data at %s\n", kFolder.c_str());
        std::exit(77);
    }
    std::string line;
    std::getline(file, line);
    const auto header = split(line, '\t');
    std::vector<Row> rows;
    while (std::getline(file, line)) {
        const auto cells = split(line, '\t');
        Row row;
        for (std::size_t i = 0; i < header.size() && i < cells.size(); ++i) {
            row[header[i]] = cells[i];
        }
        rows.push_back(row);
    }
    return rows;
}

Bytes load(const std::string& path) {
    auto bytes = piv::read_file(kFolder + path, 1U << 20U);
    REQUIRE(bytes);
    return bytes.value();
}

std::optional<piv::Certificate> certificate(const std::string& path) {
    auto read = piv::read_certificate_file(kFolder + path);
    if (!read) {
        return std::nullopt;
    }
    return read->certificates.at(0);
}

std::string verdict_of(const piv::Result<piv::Judgement>& judged) {
    using piv::ErrorCode;
    if (judged) {
        return judged->status == piv::CertStatus::Good      ? "good"
               : judged->status == piv::CertStatus::Revoked ? "revoked"
                                                            : "unknown";
    }
    switch (judged.code()) {
        case ErrorCode::OcspMalformedRequest:
        case ErrorCode::OcspInternalError:
        case ErrorCode::OcspTryLater:
        case ErrorCode::OcspSigRequired:
        case ErrorCode::OcspUnauthorized:
            return "error";
        default:
            return "reject";
    }
}

bool any_of(const std::string& verdicts, const std::string& verdict) {
    for (const std::string& one : split(verdicts, '|')) {
        if (one == verdict) {
            return true;
        }
    }
    return false;
}

std::string judge_row(const Row& row, std::string& why) {
    const bool no_certificate = row.at("cert") == "-";
    const auto issuer = certificate(row.at("issuer"));
    const auto asked = no_certificate ? issuer : certificate(row.at("cert"));
    if (!issuer || !asked) {
        why = "a certificate of the row cannot be read";
        return "reject";
    }
    auto subject = piv::CertSubject::make(*asked, *issuer);
    REQUIRE(subject);
    piv::JudgeOptions options;
    options.now = std::stoll(row.at("at"));
    options.already_produced = false;
    if (row.at("max_age") != "-") {
        options.max_age = std::stoll(row.at("max_age"));
        options.max_age_of_all = options.max_age;
    }
    auto judged = piv::judge_response(load(row.at("response")), subject.value(), options);
    std::string verdict = verdict_of(judged);
    if (!judged) {
        why = std::string(piv::info(judged.code()).name) + ": " + judged.error().detail;
        // Without a certificate the question is only whether the signature and the signer hold.
        if (no_certificate && judged.code() == piv::ErrorCode::OcspNoMatch) {
            verdict = "verify-ok";
        }
    }
    return verdict;
}

}  // namespace

TEST_CASE("the answers of other projects' suites are judged as they say", "[ocsp][vectors]") {
    const auto rows = read_index("ocsp.tsv");
    std::size_t scored = 0;
    for (const Row& row : rows) {
        std::string why;
        const std::string verdict = judge_row(row, why);
        const std::string& wanted = row.at("verdict");
        INFO(row.at("id") << ": wanted " << wanted << ", got " << verdict << " " << why);
        if (row.at("score") == "1") {
            ++scored;
            CHECK(any_of(wanted, verdict));
        } else if (!any_of(wanted, verdict)) {
            UNSCOPED_INFO("unscored row differs: " << row.at("id") << " " << verdict << " " << why);
        }
    }
    CHECK(scored == 186);
}

TEST_CASE("malformed responses are refused, and only those", "[ocsp][vectors]") {
    std::size_t scored = 0;
    for (const Row& row : read_index("parse.tsv")) {
        const Bytes bytes = load(row.at("response"));
        const auto parsed = piv::parse_response(bytes);
        std::string wanted = row.at("expect");
        bool accepted = parsed.ok();
        // "not-good" and a critical extension: refused at the latest when it is judged.
        if (accepted && wanted != "accept") {
            const auto all = [](const piv::CertIdView&) { return true; };
            piv::JudgeOptions options;
            options.now = parsed->produced_at;
            accepted = parsed->status == piv::ResponderStatus::Successful &&
                       piv::find_answer(parsed.value(), all, options).ok();
            wanted = "reject";
        }
        if (wanted == "not-good") {
            wanted = "reject";
        }
        INFO(row.at("id") << ": " << (parsed ? "" : parsed.error().detail));
        if (row.at("score") == "1") {
            ++scored;
            CHECK((accepted ? "accept" : "reject") == wanted);
        }
    }
    CHECK(scored == 95);
}

TEST_CASE("the answer is found by the request's CertID among many", "[ocsp][vectors]") {
    for (const Row& row : read_index("byrequest.tsv")) {
        INFO(row.at("id"));
        const Bytes request = load(row.at("request"));
        const Bytes bytes = load(row.at("response"));
        const auto id = piv::request_cert_id(request);
        const auto response = piv::parse_response(bytes);
        REQUIRE(id);
        REQUIRE(response);
        piv::JudgeOptions options;
        options.now = response->produced_at;
        const auto answer = piv::find_answer(
            response.value(),
            [&id](const piv::CertIdView& other) { return piv::cert_id_equal(id.value(), other); },
            options);
        if (row.at("expect") == "good") {
            REQUIRE(answer);
            CHECK(answer->status == piv::CertStatus::Good);
        } else {
            CHECK(answer.code() == piv::ErrorCode::OcspNoMatch);
        }
    }
}
