// The trust store with its index, and CRLs with their lookup table.
#include <sys/stat.h>
#include <unistd.h>

#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/crl.h"
#include "pki/x509/crl_index.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

namespace {

void put(const std::string& path, ByteView content) {
    REQUIRE(write_file_atomically(path, content, 0644).ok());
}

void put(const std::string& path, const Certificate& c) {
    const std::string pem = to_pem(c);
    put(path, ByteView(std::string_view(pem)));
}

// Long enough for an index not to be as young as its folders.
void settle() {
    (void)usleep(40000);
}

struct Installed {
    TempDir dir;
    Pki pki;
    std::string anchors = dir.path() + "/anchors";
    std::string intermediates = dir.path() + "/intermediates";
    std::string index = dir.path() + "/index";

    Installed() {
        REQUIRE(mkdir(anchors.c_str(), 0755) == 0);
        REQUIRE(mkdir(intermediates.c_str(), 0755) == 0);
        put(anchors + "/root.pem", make(pki.root_spec()));
        put(intermediates + "/ca.pem", make(pki.ca_spec()));
        for (int i = 0; i < 10; ++i) {
            Spec other = pki.ca_spec();
            other.subject = "Other " + std::to_string(i);
            put(intermediates + "/other" + std::to_string(i) + ".pem", make(other));
        }
        settle();
    }
    Result<CertificationPath> login() const {
        Result<TrustStore> store = TrustStore::open(anchors, intermediates, false, index);
        if (!store) {
            return std::move(store).error();
        }
        return validate_path(make(pki.user_spec()), *store, {}, {}, kNow);
    }
};

}  // namespace

TEST_CASE("a store with an index finds what one without finds") {
    const Installed s;
    CHECK(s.login().ok());  // makes the index
    struct stat st {};
    REQUIRE(stat(s.index.c_str(), &st) == 0);
    settle();
    CHECK(s.login().ok());  // by the index
    auto store = TrustStore::open(s.anchors, s.intermediates, false, s.index);
    REQUIRE(store.ok());
    CHECK(store->anchor_count() == 1);
    CHECK(store->intermediate_count() == 11);
    CHECK(store->all().size() == 12);
}

TEST_CASE("a new CA is found, and a removed anchor is not trusted any more") {
    const Installed s;
    REQUIRE(unlink((s.intermediates + "/ca.pem").c_str()) == 0);
    settle();
    CHECK(s.login().code() == ErrorCode::IssuerMissing);
    settle();
    CHECK(s.login().code() == ErrorCode::IssuerMissing);
    put(s.intermediates + "/late.pem", make(s.pki.ca_spec()));
    CHECK(s.login().ok());
    settle();
    CHECK(s.login().ok());
    Spec other = s.pki.root_spec();
    other.subject = other.issuer = "Another root";
    put(s.anchors + "/another.pem", make(other));
    REQUIRE(unlink((s.anchors + "/root.pem").c_str()) == 0);
    CHECK(s.login().code() == ErrorCode::IssuerMissing);
}

TEST_CASE("a file rewritten in place is noticed when it is used") {
    const Installed s;
    CHECK(s.login().ok());
    settle();
    // swap two certificates without touching the folder
    const std::string ca = to_pem(make(s.pki.ca_spec()));
    Spec other = s.pki.ca_spec();
    other.subject = "Other 3";
    const std::string wrong = to_pem(make(other));
    FILE* f = fopen((s.intermediates + "/ca.pem").c_str(), "w");
    REQUIRE(f != nullptr);
    REQUIRE(fwrite(wrong.data(), 1, wrong.size(), f) == wrong.size());
    REQUIRE(fclose(f) == 0);
    f = fopen((s.intermediates + "/other3.pem").c_str(), "w");
    REQUIRE(f != nullptr);
    REQUIRE(fwrite(ca.data(), 1, ca.size(), f) == ca.size());
    REQUIRE(fclose(f) == 0);
    CHECK(s.login().ok());
}

TEST_CASE("a torn, foreign or writable index is not believed") {
    const Installed s;
    CHECK(s.login().ok());
    settle();
    Result<Bytes> good = read_file(s.index, 1U << 20U);
    REQUIRE(good.ok());
    Bytes torn(good->begin(), good->begin() + static_cast<std::ptrdiff_t>(good->size() / 2));
    put(s.index, torn);
    CHECK(s.login().ok());
    Bytes zeros(good->size(), 0);
    put(s.index, zeros);
    CHECK(s.login().ok());
    // the right head, and records that say that every intermediate is an anchor
    Bytes lies = *good;
    for (std::size_t i = 104; i + 12 <= lies.size(); i += 256) {
        lies[i + 8] = 0;
    }
    settle();
    put(s.index, lies);
    auto store = TrustStore::open(s.anchors, s.intermediates, false, s.index);
    REQUIRE(store.ok());
    for (const auto& c : store->issuers_of(make(s.pki.user_spec()))) {
        CHECK_FALSE(c.anchor);
    }
    REQUIRE(chmod(s.index.c_str(), 0666) == 0);
    CHECK(s.login().ok());
}

TEST_CASE("--ca: self-signed are anchors; without any, all are") {
    const Installed s;
    auto store = TrustStore::from_paths({s.anchors, s.intermediates + "/ca.pem"});
    REQUIRE(store.ok());
    CHECK(store->anchor_count() == 1);
    CHECK(store->intermediate_count() == 1);
    store = TrustStore::from_paths({s.intermediates + "/ca.pem"});
    REQUIRE(store.ok());
    CHECK(store->anchor_count() == 1);
    CHECK(validate_path(make(s.pki.user_spec()), *store, {}, {}, kNow).ok());
    CHECK(TrustStore::from_paths({s.dir.path() + "/nothing"}).code() == ErrorCode::FileNotFound);
    CHECK(TrustStore::from_paths({}).code() == ErrorCode::NoTrustAnchors);
}

namespace {

struct CrlSpec {
    std::string issuer = "CA";
    EVP_PKEY* key = nullptr;
    UnixTime from = kNow - 3600;
    UnixTime to = kNow + 3600;
    std::vector<long> serials;
    long filler = 0;  // so many more entries
};

Bytes make_crl(const CrlSpec& spec) {
    OpenSslPtr<X509_CRL> crl(X509_CRL_new());
    X509_CRL_set_version(crl.get(), 1);
    OpenSslPtr<X509_NAME> name(X509_NAME_new());
    set_name(name.get(), spec.issuer);
    X509_CRL_set_issuer_name(crl.get(), name.get());
    ASN1_TIME* time = ASN1_TIME_set(nullptr, static_cast<time_t>(spec.from));
    X509_CRL_set1_lastUpdate(crl.get(), time);
    (void)ASN1_TIME_set(time, static_cast<time_t>(spec.to));
    X509_CRL_set1_nextUpdate(crl.get(), time);
    const auto add = [&](long serial) {
        ASN1_INTEGER* number = ASN1_INTEGER_new();
        ASN1_INTEGER_set(number, serial);
        X509_REVOKED* one = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(one, number);
        X509_REVOKED_set_revocationDate(one, time);
        X509_CRL_add0_revoked(crl.get(), one);
        ASN1_INTEGER_free(number);
    };
    for (const long serial : spec.serials) {
        add(serial);
    }
    for (long i = 0; i < spec.filler; ++i) {
        add(1000000 + i);
    }
    ASN1_TIME_free(time);
    REQUIRE(X509_CRL_sign(crl.get(), spec.key, EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int length = i2d_X509_CRL(crl.get(), &der);
    REQUIRE(length > 0);
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

struct Revocation {
    TempDir dir;
    Pki pki;
    std::string file = dir.path() + "/ca.crl";
    long serial = 7;

    CrlVerdict ask(const std::string& tables = {}) const {
        Spec user = pki.user_spec();
        user.serial = serial;
        TrustStore store;
        store.add_anchor(make(pki.root_spec()));
        const std::vector<Certificate> none;
        const std::vector<Certificate> chain = {make(user), make(pki.ca_spec()),
                                                make(pki.root_spec())};
        Result<CrlSet> set = CrlSet::open({file}, tables);
        REQUIRE(set.ok());
        return check_crls(chain, *set, {store, none, PathPolicy(), kNow, 0});
    }
};

}  // namespace

TEST_CASE("a CRL says good, revoked, or nothing") {
    Revocation r;
    CrlSpec spec;
    spec.key = r.pki.ca_key.get();
    spec.serials = {5, 9};
    put(r.file, make_crl(spec));
    CHECK(r.ask().state == CrlState::Good);
    r.serial = 9;
    CHECK(r.ask().state == CrlState::Revoked);
    CHECK(r.ask().why.code == ErrorCode::Revoked);
    spec.to = kNow - 1;
    put(r.file, make_crl(spec));
    CHECK(r.ask().state == CrlState::Undetermined);
    spec.to = kNow + 1;
    spec.from = kNow + 1;
    put(r.file, make_crl(spec));
    CHECK(r.ask().state == CrlState::Undetermined);
    spec.from = kNow - 1;
    spec.key = r.pki.root_key.get();  // the right name, another key
    put(r.file, make_crl(spec));
    CHECK(r.ask().state == CrlState::Undetermined);
    spec.issuer = "Root";
    put(r.file, make_crl(spec));
    CHECK(r.ask().state == CrlState::Undetermined);
}

TEST_CASE("a table gives the answers of its list, and a bad one is made again") {
    Revocation r;
    const std::string tables = r.dir.path() + "/tables";
    REQUIRE(mkdir(tables.c_str(), 0755) == 0);
    CrlSpec spec;
    spec.key = r.pki.ca_key.get();
    spec.serials = {9};
    spec.filler = 20000;
    put(r.file, make_crl(spec));
    const auto both = [&] {
        r.serial = 7;
        CHECK(r.ask(tables).state == CrlState::Good);
        r.serial = 9;
        CHECK(r.ask(tables).state == CrlState::Revoked);
        r.serial = 1000000 + 19999;
        CHECK(r.ask(tables).state == CrlState::Revoked);
    };
    both();
    auto names = list_folder(tables, ".index");
    REQUIRE(names.ok());
    REQUIRE(names->size() == 1);
    both();
    const std::string table = tables + "/" + names->front();
    Result<Bytes> good = read_file(table, 1U << 24U);
    REQUIRE(good.ok());
    SECTION("torn") {
        put(table, ByteView(good->data(), good->size() / 2));
        both();
    }
    SECTION("zeros behind a good head: every page is checked when it is read") {
        Bytes bad = *good;
        std::fill(bad.begin() + 4096, bad.end(), std::uint8_t{0});
        put(table, bad);
        both();
    }
    SECTION("flipped bits anywhere") {
        Bytes bad = *good;
        for (std::size_t i = 4096 + 17; i < bad.size(); i += 512) {
            bad[i] ^= 0x40U;
        }
        put(table, bad);
        both();
    }
    SECTION("of another version of the list") {
        spec.serials = {9, 7};
        put(r.file, make_crl(spec));
        r.serial = 7;
        CHECK(r.ask(tables).state == CrlState::Revoked);
    }
    SECTION("of a list that another key has signed") {
        spec.key = r.pki.root_key.get();
        put(r.file, make_crl(spec));
        CHECK(r.ask(tables).state == CrlState::Undetermined);
        CHECK(r.ask(tables).state == CrlState::Undetermined);
    }
}
