#include "pki/config/settings.h"

#include <unistd.h>

#include "pki/config/setting_table.h"
#include "tests/places.h"
#include "tests/unit/temp_dir.h"

using namespace piv;
using piv::test::TempDir;

namespace {

Result<Settings> load(const std::string& text, const std::string& service = {}) {
    const TempDir dir;
    return load_settings(dir.write("c", text), service, ConfigTrust::RootOwned);
}

std::string refused(const std::string& text) {
    const auto r = load(text);
    REQUIRE_FALSE(r.ok());
    CHECK(r.code() == ErrorCode::BadConfig);
    const std::string& detail = r.error().detail;
    return detail.substr(detail.find("/c:") + 3);
}

constexpr char kWhole[] = R"([trust]
anchors = /a
intermediates = /i
crl = /crl
fetch_issuers = yes
# a comment
[revocation]
ocsp = soft
ocsp_url = http://a.example/, http://b.example/x
nonce = off
timeout_ms = 1
skew = 2
max_age = 3
soft_max_age = 4
proxy = http://proxy:3128
cache = /cache
[mapping]
map = file , upn,sid
domain = corp.example.com=CORP, other.example
accounts = /acc
allow_weak = yes
exempt_group = wheel
[card]
backend = pkcs11
module = /m.so
reader = Yubico*
slots = 9a,9C,95
tries_floor = 1
wait = 9
[policy]
purpose = any
policies = 2.16.840.1.101.3.2.1.3.13
user_from_card = no
services = login,gdm-smartcard
deadline_ms = 20000
[rollover]
generation_threshold = 30
promotion_threshold = 6
rollover_interval = 60
expiry_notice = 7
[session]
on_card_removal = logout
removal_debounce_ms = 500
[service sudo]
card.tries_floor = 2
revocation.ocsp = require
)";

}  // namespace

TEST_CASE("every key of the contract is read into its place") {
    const auto r = load(kWhole);
    REQUIRE(r.ok());
    const Settings& s = *r;
    CHECK(s.trust.anchors == "/a");
    CHECK(s.trust.intermediates == "/i");
    CHECK(s.trust.crl == "/crl");
    CHECK(s.trust.fetch_issuers);
    CHECK(s.revocation.ocsp == Settings::Revocation::Ocsp::Soft);
    CHECK(s.revocation.ocsp_url ==
          std::vector<std::string>{"http://a.example/", "http://b.example/x"});
    CHECK(s.revocation.nonce == Settings::Revocation::Nonce::Off);
    CHECK(s.revocation.timeout_ms == 1);
    CHECK(s.revocation.skew == 2);
    CHECK(s.revocation.max_age == 3);
    CHECK(s.revocation.soft_max_age == 4);
    CHECK(s.revocation.proxy == "http://proxy:3128");
    CHECK(s.revocation.cache == "/cache");
    CHECK(s.mapping.map == std::vector<std::string>{"file", "upn", "sid"});
    CHECK(s.mapping.domain == std::vector<std::string>{"corp.example.com=CORP", "other.example"});
    CHECK(s.mapping.accounts == "/acc");
    CHECK(s.mapping.allow_weak);
    CHECK(s.mapping.exempt_group == "wheel");
    CHECK(s.card.backend == Settings::Card::Backend::Pkcs11);
    CHECK(s.card.module == "/m.so");
    CHECK(s.card.reader == "Yubico*");
    CHECK(s.card.slots == std::vector<std::string>{"9A", "9C", "95"});
    CHECK(s.card.tries_floor == 1);
    CHECK(s.card.wait == 9);
    CHECK(s.policy.purpose == Settings::Policy::Purpose::Any);
    CHECK(s.policy.policies == std::vector<std::string>{"2.16.840.1.101.3.2.1.3.13"});
    CHECK_FALSE(s.policy.user_from_card);
    CHECK(s.policy.services == std::vector<std::string>{"login", "gdm-smartcard"});
    CHECK(s.policy.deadline_ms == 20000);
    CHECK(s.rollover.generation_threshold == 30);
    CHECK(s.rollover.promotion_threshold == 6);
    CHECK(s.rollover.rollover_interval == 60);
    CHECK(s.rollover.expiry_notice == 7);
    CHECK(s.session.on_card_removal == Settings::Session::OnCardRemoval::Logout);
    CHECK(s.session.removal_debounce_ms == 500);
}

TEST_CASE("a service's own settings are for that service alone") {
    const auto sudo = load(kWhole, "sudo");
    REQUIRE(sudo.ok());
    CHECK(sudo->card.tries_floor == 2);
    CHECK(sudo->revocation.ocsp == Settings::Revocation::Ocsp::Require);
    CHECK(sudo->card.wait == 9);
    const auto other = load(kWhole, "sudo-i");
    REQUIRE(other.ok());
    CHECK(other->card.tries_floor == 1);
}

TEST_CASE("what is not known is refused with file, line and a suggestion") {
    CHECK(refused("[trus]\n") == "1: unknown section [trus]: did you mean 'trust'?");
    CHECK(refused("[Trust]\n") == "1: unknown section [Trust]: did you mean 'trust'?");
    CHECK(refused("\n[trust]\nanchor = /a\n") ==
          "3: unknown key 'anchor' in [trust]: did you mean 'anchors'?");
    CHECK(refused("[trust]\nnonce = auto\n") ==
          "2: unknown key 'nonce' in [trust]: did you mean '[revocation] nonce'?");
    CHECK(refused("[revocation]\nocsp = requre\n") ==
          "2: ocsp = requre: not require, soft or off: did you mean 'require'?");
    CHECK(refused("[service sudo]\nrevocation.ocps = soft\n") ==
          "2: unknown key 'ocps' in [revocation]: did you mean 'ocsp'?");
    CHECK(refused("[service sudo]\nocsp = soft\n") ==
          "2: in [service sudo] a key is written section.key");
    CHECK(refused("[service a b]\n") == "1: [service a b]: one name of a PAM service");
    CHECK(refused("[zzzzzzzz]\n") == "1: unknown section [zzzzzzzz]");
    // Also in a section of a service that is not asked for.
    CHECK_FALSE(load("[service sudo]\ncard.wait = x\n", "login").ok());
}

TEST_CASE("values of the wrong form are refused") {
    const char* const lines[] = {"[trust]\nanchors = relative\n",
                                 "[trust]\nanchors =\n",
                                 "[trust]\nanchors = /a/../b\n",
                                 "[revocation]\nocsp = Require\n",
                                 "[revocation]\nocsp =\n",
                                 "[revocation]\ntimeout_ms = 0\n",
                                 "[revocation]\ntimeout_ms = 5s\n",
                                 "[revocation]\ntimeout_ms = -1\n",
                                 "[revocation]\ntimeout_ms = 99999999999999999999\n",
                                 "[revocation]\nskew = 0x10\n",
                                 "[revocation]\nocsp_url = ftp://a\n",
                                 "[revocation]\nocsp_url = http://u:p@a/\n",
                                 "[revocation]\nocsp_url = http://a,,http://b\n",
                                 "[revocation]\nocsp_url = http://a,\n",
                                 "[revocation]\nocsp_url = http:// a\n",
                                 "[revocation]\nocsp_url = http://a,http://a\n",
                                 "[mapping]\nmap = \n",
                                 "[mapping]\nmap = upn,dn\n",
                                 "[mapping]\nmap = upn,upn\n",
                                 "[mapping]\ndomain = a b\n",
                                 "[mapping]\ndomain = .a\n",
                                 "[mapping]\ndomain = a..b\n",
                                 "[mapping]\ndomain = a=\n",
                                 "[mapping]\ndomain = a=0123456789ABCDEF\n",
                                 "[mapping]\nallow_weak = true\n",
                                 "[card]\nslots = 9B\n",
                                 "[card]\nslots = 81\n",
                                 "[card]\nslots = 96\n",
                                 "[card]\nslots =\n",
                                 "[card]\ntries_floor = 15\n",
                                 "[policy]\npolicies = 1\n",
                                 "[policy]\npolicies = 1.02\n",
                                 "[policy]\nservices = all,sudo\n",
                                 "[policy]\nservices = ../x\n",
                                 "[policy]\nuser_from_card = 1\n",
                                 "[mapping]\nexempt_group = a b\n",
                                 "[session]\non_card_removal = lock-screen\n",
                                 "[session]\nremoval_debounce_ms = 600001\n"};
    for (const char* text : lines) {
        INFO(text);
        CHECK(load(text).code() == ErrorCode::BadConfig);
    }
}

TEST_CASE("the form of the file is strict") {
    CHECK(refused("[trust]\nanchors = /a") ==
          "2: the last line has no end: the file was cut short");
    CHECK(refused("anchors = /a\n") == "1: 'anchors' stands before the first [section]");
    CHECK(refused("[trust]\nanchors /a\n") == "2: neither [section] nor key = value");
    CHECK(refused("[trust]\nanchors = /a\nanchors = /b\n") ==
          "3: 'anchors' is given twice in [trust]");
    CHECK(refused("[trust]\n[card]\n[trust]\n") == "3: section [trust] is given twice");
    CHECK(refused("[trust]\nanchors = /a # here\n") == "2: a comment needs a line of its own");
    CHECK(refused("[trust\n") == "1: a section is written [name]");
    CHECK(refused("[trust] x\n") == "1: a section is written [name]");
    CHECK(refused("[]\n") == "1: a section is written [name]");
    CHECK(refused(std::string("[trust]\nanchors = /a\0b\n", 23)) == "2: a control character");
    CHECK(refused("[card]\nreader = a\x1b[2J\n") == "2: a control character");
    CHECK(load("\xEF\xBB\xBF; c\r\n\r\n  [trust]  \r\n\tanchors=/a#b \r\n").value().trust.anchors ==
          "/a#b");
    // A line that a fixed buffer would split stays one line (inih does split it).
    const std::string longer(3000, 'a');
    CHECK(load("[trust]\nanchors = /" + longer + "\n").value().trust.anchors == "/" + longer);
    CHECK(load("").ok());
}

TEST_CASE("a file cut at any byte is refused, or is the file up to the end of a line") {
    const std::string whole(kWhole);
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        if (whole[cut - 1] != '\n') {
            INFO(cut);
            CHECK(load(whole.substr(0, cut)).code() == ErrorCode::BadConfig);
        }
    }
}

TEST_CASE("files that others could change are refused") {
    const TempDir dir;
    const std::string file = dir.write("c", "[trust]\n");
    REQUIRE(chmod(file.c_str(), 0666) == 0);
    CHECK(load_settings(file, "", ConfigTrust::RootOwned).code() == ErrorCode::InsecureConfig);
    CHECK(load_settings(file, "", ConfigTrust::Anyone).ok());
    REQUIRE(chmod(file.c_str(), 0644) == 0);
    REQUIRE(chmod(dir.path().c_str(), 0777) == 0);
    CHECK(load_settings(file, "", ConfigTrust::RootOwned).code() == ErrorCode::InsecureConfig);
    REQUIRE(chmod(dir.path().c_str(), 01777) == 0);
    CHECK(load_settings(file, "", ConfigTrust::RootOwned).ok());
    CHECK(load_settings(dir.file("none"), "", ConfigTrust::RootOwned).code() ==
          ErrorCode::FileNotFound);
    CHECK(load_settings(dir.file("none/none"), "", ConfigTrust::RootOwned).code() ==
          ErrorCode::FileNotFound);
}

TEST_CASE("drop-ins of the default file apply in the order of their names, below a root") {
    const TempDir dir;
    const auto load_root = [&dir] {
        return load_settings(kDefaultConfigFile, "", ConfigTrust::RootOwned, dir.path());
    };
    CHECK(load_root().ok());  // nothing there: defaults
    const std::string conf = std::string(kDefaultConfigFile).substr(1);
    (void)dir.folder(conf + ".d");
    (void)dir.write(conf, "[card]\nwait = 1\ntries_floor = 1\n");
    (void)dir.write(conf + ".d/10-a.conf", "[card]\nwait = 2\n");
    (void)dir.write(conf + ".d/20-b.conf", "[card]\nwait = 3\n");
    (void)dir.write(conf + ".d/30-c.conf.rpmsave", "[card]\nwait = 4\n");
    (void)dir.write(conf + ".d/.40-d.conf", "junk");
    REQUIRE(load_root().ok());
    CHECK(load_root()->card.wait == 3);
    CHECK(load_root()->card.tries_floor == 1);
    (void)dir.write(conf + ".d/15-b.conf", "[card]\nwaits = 3\n");
    CHECK(load_root().code() == ErrorCode::BadConfig);
}

TEST_CASE("the table names each key once, none takes everything, and the manual has each") {
    for (const SettingRow& row : setting_table()) {
        int same = 0;
        for (const SettingRow& other : setting_table()) {
            same += std::string(row.section) == other.section && std::string(row.key) == other.key;
        }
        CHECK(same == 1);
        Settings scratch;
        CHECK_FALSE(row.set(scratch, std::string(300, ' ') + ","));
    }
    CHECK(setting_table().size() == 35);
    const auto manual = read_file(test::source_dir() + "/docs/configuration.md", 1U << 20U);
    REQUIRE(manual.ok());
    const std::string_view text = ByteView(*manual).text();
    for (const SettingRow& row : setting_table()) {
        const std::string line =
            std::string("| `") + row.section + "` | `" + row.key + "` | " + row.form;
        INFO(line);
        CHECK(text.find(line) != std::string_view::npos);
    }
}
