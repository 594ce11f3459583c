#include "pam_module/account/account_binding.h"

#include <map>

#include "pam_module/account/account_map.h"
#include "pam_module/account/name_service.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

namespace {

constexpr char kUpnOid[] = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:";

std::string upn_san(const std::string& upn) {
    return kUpnOid + upn;
}

struct World {
    Pki pki;
    TempDir dir;
    MappingSettings settings;
    std::map<std::string, NamedAccount> accounts{{"alice", {"alice", 1000}},
                                                 {"alice@corp.example.com", {"alice", 1000}},
                                                 {"CORP\\alice", {"alice", 1000}},
                                                 {"bob", {"bob", 1001}},
                                                 {"root", {"root", 0}},
                                                 {"toor", {"toor", 0}},
                                                 {"daemon", {"daemon", 1}},
                                                 {"www", {"www", 999}},
                                                 {"nobody", {"nobody", 65534}},
                                                 {"minus", {"minus", static_cast<uid_t>(-1)}}};

    World() {
        settings.domains = {{"corp.example.com", "CORP"}};
        settings.accounts_file = dir.write("accounts", "");
    }
    void map_lines(const std::string& text) { (void)dir.write("accounts", text); }

    Certificate leaf(const std::string& san, std::vector<Extra> more = {}) const {
        Spec spec = pki.user_spec();
        spec.extensions.pop_back();
        if (!san.empty()) {
            spec.extensions.push_back({NID_subject_alt_name, san});
        }
        spec.extensions.insert(spec.extensions.end(), more.begin(), more.end());
        return make(spec);
    }
    CertificationPath path(const Certificate& leaf) const {
        TrustStore store;
        store.add_anchor(make(pki.root_spec()));
        store.add_intermediate(make(pki.ca_spec()));
        auto path = validate_path(leaf, store, {}, {}, kNow);
        REQUIRE(path.ok());
        return std::move(path).value();
    }
    // "user/uid/rule" of the binding, or the name of the error.
    std::string bind(const Certificate& leaf, const std::string& requested) const {
        const NameService names = [this](const std::string& name) -> std::optional<NamedAccount> {
            const auto at = accounts.find(name);
            return at == accounts.end() ? std::nullopt : std::optional(at->second);
        };
        const auto r = bind_account(path(leaf), requested, settings, names, kNow);
        if (!r.ok()) {
            return std::string(info(r.code()).name);
        }
        CHECK(r->certificate().sha256_hex() == leaf.sha256_hex());
        return r->user() + "/" + std::to_string(r->uid()) + "/" + r->rule();
    }
    std::string bind_upn(const std::string& upn, const std::string& requested) const {
        return bind(leaf(upn_san(upn)), requested);
    }
};

}  // namespace

TEST_CASE("by UPN: the local part, when the suffix is ours") {
    const World w;
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "alice/1000/upn");
    CHECK(w.bind_upn("alice@CORP.Example.COM", "alice") == "alice/1000/upn");
    CHECK(w.bind_upn("alice@corp.example.com", "") == "alice/1000/upn");
    CHECK(w.bind_upn("alice@corp.example.com", "bob") == "wrong-user");
    CHECK(w.bind_upn("alice@corp.example.com", "zoe") == "user-unknown");
    CHECK(w.bind_upn("zoe@corp.example.com", "") == "user-unknown");
    CHECK(w.bind_upn("zoe@corp.example.com", "alice") == "wrong-user");
    CHECK(w.bind_upn("alice@example.com", "alice") == "not-mapped");
    CHECK(w.bind_upn("alice@example.com", "") == "not-mapped");
    CHECK(w.bind_upn("alice@corp.example.com.evil.test", "alice") == "not-mapped");
    CHECK(w.bind_upn("alice@evil-corp.example.com", "alice") == "not-mapped");
    CHECK(w.bind_upn("Alice@corp.example.com", "alice") == "wrong-user");
}

TEST_CASE("every spelling of the same account is that account, as it was typed") {
    const World w;
    CHECK(w.bind_upn("alice@corp.example.com", "alice@corp.example.com") ==
          "alice@corp.example.com/1000/upn");
    CHECK(w.bind_upn("alice@corp.example.com", "CORP\\alice") == "CORP\\alice/1000/upn");
    CHECK(w.bind_upn("bob@corp.example.com", "CORP\\alice") == "wrong-user");
}

TEST_CASE("no domain configured: nobody is mapped by UPN") {
    World w;
    w.settings.domains.clear();
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "not-mapped");
    CHECK(w.bind_upn("alice@corp.example.com", "") == "not-mapped");
}

TEST_CASE("an account that NSS knows by the whole UPN is not the local one of that name") {
    World w;
    w.accounts["alice@corp.example.com"] = {"alice@corp.example.com", 200500};
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "wrong-user");
    CHECK(w.bind_upn("alice@corp.example.com", "") == "alice@corp.example.com/200500/upn");
}

TEST_CASE("exactly one well-formed UPN") {
    const World w;
    const std::string two =
        upn_san("alice@corp.example.com") + "," + upn_san("bob@corp.example.com");
    CHECK(w.bind(w.leaf(two), "alice") == "upn-malformed");
    const std::string same =
        upn_san("alice@corp.example.com") + "," + upn_san("alice@corp.example.com");
    CHECK(w.bind(w.leaf(same), "alice") == "alice/1000/upn");
    CHECK(w.bind(w.leaf(""), "alice") == "not-mapped");
    CHECK(w.bind(w.leaf("email:alice@corp.example.com"), "alice") == "not-mapped");
    for (const char* upn :
         {"alice", "alice@", "@corp.example.com", "alice@corp.example.com@x",
          "root\\@corp.example.com", "alice $@corp.example.com", "alice*@corp.example.com"}) {
        INFO(upn);
        CHECK(w.bind_upn(upn, "alice") == "upn-malformed");
    }
    const std::string no_utf8 = "otherName:1.3.6.1.4.1.311.20.2.3;IA5:alice@corp.example.com";
    CHECK(w.bind(w.leaf(no_utf8), "alice") == "upn-malformed");
}

TEST_CASE("system accounts are barred, whatever the UPN says") {
    World w;
    for (const char* name : {"root", "daemon", "www", "nobody", "minus"}) {
        INFO(name);
        CHECK(w.bind_upn(std::string(name) + "@corp.example.com", name) == "account-barred");
        CHECK(w.bind_upn(std::string(name) + "@corp.example.com", "") == "account-barred");
    }
    w.settings.uid_min = 500;
    CHECK(w.bind_upn("www@corp.example.com", "www") == "www/999/upn");
    CHECK(w.bind_upn("root@corp.example.com", "root") == "account-barred");
}

TEST_CASE("the account map may name a system account, and then that one alone") {
    World w;
    const Certificate leaf = w.leaf(upn_san("admin@corp.example.com"));
    w.map_lines("cert-sha256 " + leaf.sha256_hex() + " -> root\n");
    CHECK(w.bind(leaf, "root") == "root/0/file: line 1");
    CHECK(w.bind(leaf, "toor") == "account-barred");
    CHECK(w.bind(leaf, "") == "root/0/file: line 1");
    w.map_lines("cert-sha256 " + leaf.sha256_hex() + " -> minus\n");
    CHECK(w.bind(leaf, "minus") == "account-barred");
    // The UPN does not get what another certificate was given.
    w.map_lines("cert-sha256 " + std::string(64, '0') + " -> root\n");
    CHECK(w.bind_upn("root@corp.example.com", "root") == "account-barred");
}

TEST_CASE("every key of the account map finds its certificate") {
    World w;
    w.settings.map = {MapKind::File};
    const Certificate leaf = w.leaf(upn_san("1234567890@mil") + ",email:Al.Ice@Mail.Example.com",
                                    {{NID_subject_key_identifier, "0102030405"}});
    for (const std::string& key :
         {std::string("upn 1234567890@MIL"), std::string("edipi 1234567890"),
          "issuer-serial " + leaf.issuer() + " " + leaf.serial_hex(),
          "issuer-serial cn=CA 0" + leaf.serial_hex(), std::string("ski 0102030405"),
          "spki-sha256 " + leaf.spki_sha256_hex(), "cert-sha256 " + leaf.sha256_hex()}) {
        INFO(key);
        w.map_lines("# first\n" + key + " -> bob\n");
        CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 2");
        CHECK(w.bind(leaf, "") == "bob/1001/file: line 2");
        CHECK(w.bind(leaf, "alice") == "wrong-user");
    }
    for (const std::string& key :
         {std::string("upn 1234567891@mil"), std::string("edipi 1234567891"),
          "issuer-serial CN=CB " + leaf.serial_hex(), "issuer-serial " + leaf.issuer() + " ff",
          std::string("ski 01020304"), "spki-sha256 " + leaf.sha256_hex(),
          "cert-sha256 " + leaf.spki_sha256_hex(), std::string("sid S-1-5-21-1-2-3-4")}) {
        INFO(key);
        w.map_lines(key + " -> bob\n");
        CHECK(w.bind(leaf, "bob") == "not-mapped");
    }
}

TEST_CASE("weak keys count only when allowed") {
    World w;
    w.settings.map = {MapKind::File};
    const Certificate leaf = w.leaf("email:Al.Ice@Mail.Example.com");
    for (const std::string& key :
         {std::string("email Al.Ice@mail.example.com"), "subject " + leaf.subject()}) {
        INFO(key);
        w.map_lines(key + " -> bob\n");
        w.settings.allow_weak = false;
        CHECK(w.bind(leaf, "bob") == "not-mapped");
        w.settings.allow_weak = true;
        CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 1");
    }
    w.map_lines("email al.ice@mail.example.com -> bob\n");  // another mailbox
    CHECK(w.bind(leaf, "bob") == "not-mapped");
}

TEST_CASE("rules apply in their order, and only those that are asked for") {
    World w;
    const Certificate leaf = w.leaf(upn_san("alice@corp.example.com"));
    w.map_lines("cert-sha256 " + leaf.sha256_hex() + " -> bob\n");
    w.settings.map = {MapKind::Upn, MapKind::File};
    CHECK(w.bind(leaf, "") == "alice/1000/upn");
    CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 1");
    w.settings.map = {MapKind::File, MapKind::Upn};
    CHECK(w.bind(leaf, "") == "bob/1001/file: line 1");
    CHECK(w.bind(leaf, "alice") == "alice/1000/upn");
    w.settings.map = {MapKind::File};
    CHECK(w.bind(leaf, "alice") == "wrong-user");
    w.settings.map = {MapKind::Upn};
    CHECK(w.bind(leaf, "bob") == "wrong-user");
    w.settings.map = {MapKind::SpkiSha256};
    CHECK(w.bind(leaf, "bob") == "not-mapped");
    w.settings.map = {MapKind::CertSha256};
    CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 1");
}

TEST_CASE("several accounts on one card: the name that was typed decides, else the first line") {
    World w;
    w.settings.map = {MapKind::File};
    const Certificate leaf = w.leaf(upn_san("x@y"));
    w.map_lines("upn x@y -> zoe\nupn x@y -> bob\nupn x@y -> alice\n");
    CHECK(w.bind(leaf, "") == "bob/1001/file: line 2");  // NSS does not know zoe
    CHECK(w.bind(leaf, "alice") == "alice/1000/file: line 3");
    CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 2");
}

TEST_CASE("a line counts until its date") {
    World w;  // kNow is 2027-01-15T08:00:00Z
    const Certificate leaf = w.leaf("");
    const std::string line = "cert-sha256 " + leaf.sha256_hex() + " -> bob until ";
    w.map_lines(line + "2027-01-15\n");
    CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 1");
    w.map_lines(line + "2027-01-14\n");
    CHECK(w.bind(leaf, "bob") == "not-mapped");
    w.map_lines(line + format_time(kNow) + "\n");
    CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 1");
    w.map_lines(line + format_time(kNow - 1) + "\n");
    CHECK(w.bind(leaf, "bob") == "not-mapped");
}

TEST_CASE("a map that cannot be trusted refuses everybody who needs it") {
    World w;
    w.map_lines("nonsense\n");
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "bad-config");
    w.map_lines("upn a@b -> alice");
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "bad-config");
    w.map_lines("");
    REQUIRE(chmod(w.settings.accounts_file.c_str(), 0666) == 0);
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "insecure-config");
    w.settings.map = {MapKind::Upn};
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "alice/1000/upn");
}

TEST_CASE("no name where one is needed, and names that are none") {
    World w;
    w.accounts["x\nroot"] = {"root", 0};
    w.accounts["a:b"] = {"alice", 1000};
    CHECK(w.bind_upn("alice@corp.example.com", "x\nroot") == "user-unknown");
    CHECK(w.bind_upn("alice@corp.example.com", "a:b") == "user-unknown");
    w.settings.user_from_card = false;
    CHECK(w.bind_upn("alice@corp.example.com", "") == "no-user-name");
    CHECK(w.bind_upn("alice@corp.example.com", "alice") == "alice/1000/upn");
}

TEST_CASE("a SID of the certificate is found in the map") {
    World w;
    w.settings.map = {MapKind::Sid};
    const int nid = sid_extension_nid();
    REQUIRE(nid != NID_undef);
    const std::string sid = "S-1-5-21-1-2-3-1104";
    // SEQUENCE { [0] { OID 1.3.6.1.4.1.311.25.2.1, [0] { OCTET STRING sid } } }
    Bytes value{0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x19, 0x02, 0x01};
    const auto size = static_cast<std::uint8_t>(sid.size());
    for (const std::uint8_t byte :
         {std::uint8_t{0xA0}, static_cast<std::uint8_t>(size + 2), std::uint8_t{0x04}, size}) {
        value.push_back(byte);
    }
    value.insert(value.end(), sid.begin(), sid.end());
    for (const std::uint8_t tag : {std::uint8_t{0xA0}, std::uint8_t{0x30}}) {
        const auto length = static_cast<std::uint8_t>(value.size());
        value.insert(value.begin(), {tag, length});
    }
    const Certificate leaf = w.leaf("", {{nid, "DER:" + to_hex(value)}});
    w.map_lines("sid " + sid + " -> bob\n");
    CHECK(w.bind(leaf, "bob") == "bob/1001/file: line 1");
    w.map_lines("sid S-1-5-21-1-2-3-1105 -> bob\n");
    CHECK(w.bind(leaf, "bob") == "not-mapped");
}

TEST_CASE("settings become types, UID_MIN comes from login.defs") {
    const TempDir dir;
    Settings text;
    text.mapping.domain = {"Corp.Example.com=CORP", "other.example"};
    text.mapping.map = {"file", "upn", "cert-sha256"};
    auto m = mapping_settings(text, dir.path());
    REQUIRE(m.ok());
    CHECK(m->uid_min == 1000);
    CHECK(m->domains[0].dns == "corp.example.com");
    CHECK(m->domains[0].netbios == "CORP");
    CHECK(m->domains[1].netbios.empty());
    CHECK(m->map == std::vector<MapKind>{MapKind::File, MapKind::Upn, MapKind::CertSha256});
    CHECK(m->accounts_file == dir.path() + "/etc/piv-login/accounts");
    (void)dir.folder("etc");
    (void)dir.write("etc/login.defs",
                    "#UID_MIN 1\nUID_MINX 2\nSYS_UID_MIN 100\nUID_MIN\t\t  500\n");
    CHECK(mapping_settings(text, dir.path())->uid_min == 500);
    text.mapping.map = {"dn"};
    CHECK(mapping_settings(text, dir.path()).code() == ErrorCode::BadConfig);
}

TEST_CASE("the machine's own name service and groups") {
    const auto root = system_name_service()("root");
    REQUIRE(root);
    CHECK(root->uid == 0);
    CHECK_FALSE(system_name_service()("no-such-account-here"));
    CHECK(*is_group_member("root", "root"));
    CHECK_FALSE(*is_group_member("daemon", "root"));
    CHECK(is_group_member("root", "no-such-group-here").code() == ErrorCode::BadConfig);
    CHECK(is_group_member("no-such-account-here", "root").code() == ErrorCode::UserUnknown);
}
