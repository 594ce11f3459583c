// The prover's answer is libpam's own: random stacks of modules that return what they are told
// (pam_debug.so), and the modules that the prover says it knows, one by one.
#include "image_builder/pam_stack.h"

#include <security/pam_appl.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>

#include "tests/unit/temp_dir.h"

using namespace piv;
using piv::test::TempDir;

namespace {

extern "C" int no_conversation(int, const pam_message**, pam_response**, void*) {
    return PAM_CONV_ERR;
}

int ask_libpam(const std::string& folder, const std::string& service, const char* user) {
    const pam_conv conversation{no_conversation, nullptr};
    pam_handle_t* handle = nullptr;
    const int started =
        pam_start_confdir(service.c_str(), user, &conversation, folder.c_str(), &handle);
    if (started != PAM_SUCCESS) {
        return started;
    }
    const int status = pam_authenticate(handle, 0);
    pam_end(handle, status);
    return status;
}

class Files {
  public:
    Files() : root_(RootDir::open(dir_.path()).value()), disk_(root_), tree_(disk_) {}
    void put(const std::string& name, const std::string& text) {
        std::ofstream(dir_.file(name)) << text;
        tree_.put_file("/etc/pam.d/" + name, ByteView(text).copy(), 0644);
        tree_.put_file(path(name), ByteView(text).copy(), 0644);
    }
    // libpam 1.5 looks for included files in its own folder, whatever it was started with; by a whole
    // path it finds ours.
    [[nodiscard]] std::string path(const std::string& name) const { return dir_.file(name); }
    [[nodiscard]] PamVerdict prove(const std::string& service, const PamScene& scene) const {
        const Result<PamStack> stack = load_pam_stack(tree_, service, PamType::Auth);
        REQUIRE(stack.ok());
        return run_pam_stack(*stack, scene);
    }
    [[nodiscard]] int real(const std::string& service, const char* user = "root") const {
        return ask_libpam(dir_.path(), service, user);
    }

  private:
    TempDir dir_;
    RootDir root_;
    DiskTree disk_;
    OverlayTree tree_;
};

class RandomStacks {
  public:
    RandomStacks(unsigned seed, const Files& files) : random_(seed), files_(files) {}

    std::string file(int depth) {
        std::string text;
        const int lines = 1 + below(5);
        for (int i = 0; i < lines; ++i) {
            text += line(depth) + "\n";
        }
        return text;
    }

  private:
    int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
    std::string one_of(const std::vector<std::string>& words) {
        return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
    }
    std::string control() {
        if (below(3) == 0) {
            return one_of({"required", "requisite", "sufficient", "optional"});
        }
        std::string list = "[";
        for (const char* value : {"success", "auth_err", "authinfo_unavail", "ignore", "maxtries",
                                  "new_authtok_reqd", "default"}) {
            if (below(3) != 0) {
                list += std::string(value) + "=" +
                        one_of({"ok", "ok", "ok", "done", "done", "bad", "die", "ignore", "ignore",
                                "ignore", "ignore", "reset", "1", "1", "2", "3"}) +
                        " ";
            }
        }
        return (list.size() == 1 ? list + "default=bad" : list) + "]";
    }
    std::string line(int depth) {
        if (depth < 3 && below(4) == 0) {
            const std::string other = files_.path(depth == 1 ? "first" : "second");
            return one_of({"auth include " + other, "auth substack " + other, "@include " + other});
        }
        return "auth " + control() + " pam_debug.so auth=" +
               one_of({"success", "success", "success", "success", "auth_err", "authinfo_unavail",
                       "ignore", "maxtries", "perm_denied", "user_unknown", "new_authtok_reqd"});
    }
    std::mt19937 random_;
    const Files& files_;
};

}  // namespace

TEST_CASE("random stacks end as libpam ends them") {
    Files files;
    int granted = 0;
    constexpr int kStacks = 1500;
    for (unsigned seed = 1; seed <= kStacks; ++seed) {
        RandomStacks stacks(seed, files);
        const std::string service = stacks.file(1);
        const std::string first = stacks.file(2);
        const std::string second = stacks.file(3);
        files.put("service", service);
        files.put("first", first);
        files.put("second", second);
        const int real = files.real("service");
        const PamVerdict verdict =
            files.prove("service", {"service", "root", 0, true, false, "ignore", true});
        INFO("seed " << seed << "\n"
                     << service << "--- first\n"
                     << first << "--- second\n"
                     << second);
        INFO("libpam: " << real);
        REQUIRE(verdict.can_be_granted == (real == PAM_SUCCESS));
        REQUIRE(verdict.can_be_refused == (real != PAM_SUCCESS));
        granted += real == PAM_SUCCESS ? 1 : 0;
    }
    // Both answers are common, or this would show nothing.
    CHECK(granted > kStacks / 10);
    CHECK(granted < kStacks * 9 / 10);
}

TEST_CASE("lines that libpam does not take end as it ends them") {
    Files files;
    for (const char* text : {
             "auth required\n",
             "auth\n",
             "nonsense required pam_permit.so\n",
             "auth wrong pam_permit.so\nauth required pam_permit.so\n",
             "auth [success=ok default=perhaps] pam_permit.so\nauth required pam_permit.so\n",
             "auth [success=1] pam_permit.so\n",
             "auth [default=ok default=die] pam_permit.so\n",
             "auth [default=die default=ok] pam_permit.so\n",
             "auth [success=die default=ok success=ok] pam_permit.so\n",
             "auth required pam_debug.so auth=nonsense\n",
             "auth [Success=ok default=bad] pam_permit.so\n",
             "auth [success=OK default=bad] pam_permit.so\n",
             "auth [success=2 default=bad] pam_permit.so\nauth required pam_permit.so\n",
             "auth required pam_piv.so\nauth required pam_permit.so\n",
             "-auth required pam_piv.so\nauth required pam_permit.so\n",
             "auth sufficient pam_piv.so\nauth required pam_permit.so\n",
             "auth include not-there\nauth required pam_permit.so\n",
             "auth substack not-there\nauth required pam_permit.so\n",
             "@include not-there\nauth required pam_permit.so\n",
             "auth include service\n",
             "AUTH REQUIRED pam_permit.so\n",
             "auth required pam_permit.so # comment\n",
             "# auth required pam_deny.so\nauth required pam_permit.so\n",
             "auth required \\\n pam_permit.so\n",
             "account required pam_permit.so\n",
             "\n\n",
             // Line ends of another system: to libpam the carriage return is part of the last word.
             "auth required pam_permit.so\r\n",
             "auth required pam_debug.so auth=success\r\n",
             "auth required pam_permit.so \r\n",
             "auth required\r\n",
             "\r\nauth required pam_permit.so\n",
             "# comment\r\nauth required pam_permit.so\n",
             "auth required pam_permit.so # comment\r\n",
             "auth sufficient pam_permit.so\r\nauth required pam_deny.so\n",
             "auth sufficient pam_deny.so\r\nauth required pam_permit.so\n",
             "auth optional pam_permit.so\r\nauth required pam_permit.so\n",
             "-auth required pam_permit.so\r\nauth required pam_permit.so\n",
             "auth required \\\r\n pam_permit.so\n",
             "account required pam_permit.so\r\nauth required pam_permit.so\n",
             "@include service2\r\nauth required pam_permit.so\n",
             "\r\n",
             "\r",
             "auth required pam_permit.so\r",
             "auth required pam_permit.so\fdebug\n",
             "auth required pam_permit.so\vdebug\nauth required pam_permit.so\n",
         }) {
        files.put("service", text);
        const int real = files.real("service");
        const PamVerdict verdict =
            files.prove("service", {"service", "root", 0, true, false, "module_unknown", false});
        INFO(text << "libpam: " << real);
        CHECK(verdict.can_be_granted == (real == PAM_SUCCESS));
        CHECK(verdict.can_be_refused == (real != PAM_SUCCESS));
    }
}

TEST_CASE("modules that are said to be known answer so") {
    Files files;
    int installed = 0;
    for (const char* module : {"pam_env.so",
                               "pam_faildelay.so",
                               "pam_permit.so",
                               "pam_deny.so",
                               "pam_nologin.so",
                               "pam_keyinit.so",
                               "pam_group.so",
                               "pam_mail.so",
                               "pam_motd.so",
                               "pam_warn.so",
                               "pam_cap.so",
                               "pam_localuser.so",
                               "pam_usertype.so isregular",
                               "pam_usertype.so issystem",
                               "pam_succeed_if.so uid eq 0 quiet",
                               "pam_succeed_if.so uid >= 1000 quiet",
                               "pam_succeed_if.so user = root",
                               "pam_succeed_if.so user in a:root:b",
                               "pam_succeed_if.so service notin login:gdm",
                               "pam_succeed_if.so service in login:service quiet use_uid",
                               "pam_succeed_if.so user =~ r*t",
                               "pam_succeed_if.so uid ne 0 user = root",
                               "pam_echo.so x",
                               "pam_umask.so"}) {
        // Each of the four answers that matter is told from the others by where the jump leads.
        for (const char* probe : {"[success=ok default=die]", "[ignore=1 default=ignore]"}) {
            files.put("service",
                      std::string("auth ") + probe + " " + module +
                          "\nauth requisite pam_permit.so\nauth optional pam_permit.so\n");
            const std::string name = std::string(module).substr(0, std::string(module).find(' '));
            const int real = files.real("service");
            const PamVerdict verdict =
                files.prove("service", {"service", "root", 0, true, true, "ignore", false});
            INFO(probe << " " << module << ": libpam says " << real);
            CHECK(is_known_pam_module(name));
            CHECK((real == PAM_SUCCESS ? verdict.can_be_granted : verdict.can_be_refused));
            ++installed;
        }
    }
    CHECK(installed > 0);
}

TEST_CASE("every answer of a module that is not known is tried") {
    Files files;
    files.put("service", "auth sufficient pam_strange.so\nauth required pam_deny.so\n");
    const PamScene may{"service", "alice", 1000, true, false, "ignore", true};
    PamScene may_not = may;
    may_not.strangers_may_grant = false;
    CHECK(files.prove("service", may).can_be_granted);
    CHECK(files.prove("service", may).can_be_refused);
    CHECK(files.prove("service", may_not).surely_refused());
    CHECK_FALSE(is_known_pam_module("pam_strange.so"));
}

TEST_CASE("a stack of too many answers is given up, not worked on") {
    Files files;
    std::string text;
    for (int i = 0; i < 4000; ++i) {
        text += "auth optional pam_strange.so\n";
    }
    files.put("service", text + "auth required pam_deny.so\n");
    const auto begin = std::chrono::steady_clock::now();
    const PamVerdict verdict =
        files.prove("service", {"service", "alice", 1000, true, false, "ignore", true});
    CHECK(verdict.can_be_granted);  // not known: both are possible
    CHECK(verdict.can_be_refused);
    // 250 runs of it; 20,000 runs take minutes.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

namespace {

// A tree with one service that asks the card, and what it had before us.
PamProof prove_one(const std::string& session, const std::string& before_session) {
    const TempDir dir;
    const RootDir root = RootDir::open(dir.path()).value();
    const DiskTree disk(root);
    OverlayTree before(disk);
    OverlayTree after(disk);
    const std::string auth = "auth sufficient pam_unix.so\nauth required pam_deny.so\n";
    before.put_file("/etc/pam.d/lightdm", ByteView(auth + before_session).copy(), 0644);
    after.put_file("/etc/pam.d/lightdm",
                   ByteView("auth [success=done authinfo_unavail=ignore ignore=ignore default=die] "
                            "pam_piv.so\n" +
                            auth + session)
                       .copy(),
                   0644);
    PamProofSettings settings;
    settings.before = &before;
    return prove_pam(after, settings).value();
}

}  // namespace

TEST_CASE("a session line that keeps nobody out, behind the one that makes the session") {
    const std::string stock = "session required pam_limits.so\n-session optional pam_systemd.so\n";
    const PamProof good = prove_one(stock + "session optional pam_piv.so\n", stock);
    CHECK(good.problems.empty());
    CHECK(good.watched == std::vector<std::string>{"lightdm"});
    CHECK(good.unwatched.empty());
    REQUIRE(good.session_rows.size() == 5);
    for (const PamProof::SessionRow& row : good.session_rows) {
        CHECK(row.opened.surely_granted());
    }
}

TEST_CASE("a session line in the wrong place watches nothing") {
    const std::string stock = "session required pam_limits.so\n";
    for (const std::string& wrong :
         {stock + "session optional pam_piv.so\nsession optional pam_systemd.so\n",
          stock + "session optional pam_piv.so\n", stock + "session optional pam_systemd.so\n"}) {
        CAPTURE(wrong);
        const PamProof proof = prove_one(wrong, stock);
        CHECK(proof.problems.empty());
        CHECK(proof.watched.empty());
        CHECK(proof.unwatched == std::vector<std::string>{"lightdm"});
    }
    CHECK(prove_one("", "").unwatched.empty());  // opens no session
}

TEST_CASE("a session line that keeps somebody out is a problem, unless it was there before us") {
    const std::string stock = "session required pam_limits.so\nsession optional pam_systemd.so\n";
    const std::string required = stock + "session required pam_piv.so\n";
    const PamProof ours = prove_one(required, stock);
    REQUIRE(ours.problems.size() == 1);
    CHECK(ours.problems[0].find("lightdm: no session is opened") == 0);
    CHECK(ours.problems[0].find("session_err, service_err, module_unknown") != std::string::npos);
    CHECK(prove_one(required, required).problems.empty());
    // The added line takes the place that a jump of the service's own led to.
    const PamProof jump = prove_one(
        "session [success=1 default=ignore] pam_limits.so\nsession optional pam_piv.so\n"
        "session required pam_deny.so\nsession required pam_permit.so\n",
        "session [success=1 default=ignore] pam_limits.so\n"
        "session required pam_deny.so\nsession required pam_permit.so\n");
    CHECK(jump.problems.size() == 1);
}
