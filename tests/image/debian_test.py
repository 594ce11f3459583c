#!/usr/bin/env python3
"""What is rendered for Debian and Ubuntu, against the real pam-auth-update: the same bytes.

In a sandbox (tests/sandbox/run), in which /etc, /usr and /var are this system's with an overlay.
usage: debian_test.py BUILD_DIR"""
import os
import shutil
import subprocess
import sys

from authority import Authority
from harness import Suite, build_folder, text_of

TYPES = ("auth", "account", "password", "session", "session-noninteractive")
FILES = (["etc/pam.d/common-" + t for t in TYPES] + ["var/lib/pam/" + t for t in TYPES] +
         ["var/lib/pam/seen"])

KRB5 = """Name: Kerberos authentication
Default: yes
Priority: 704
Conflicts: krb5-openafs
Auth-Type: Primary
Auth:
\t[success=end default=ignore]\tpam_krb5.so minimum_uid=1000 try_first_pass
Auth-Initial:
\t[success=end default=ignore]\tpam_krb5.so minimum_uid=1000
Account-Type: Additional
Account:
\trequired\t\t\tpam_krb5.so minimum_uid=1000
Password-Type: Primary
Password:
\t[success=end default=ignore]\tpam_krb5.so minimum_uid=1000 try_first_pass use_authtok
Password-Initial:
\t[success=end default=ignore]\tpam_krb5.so minimum_uid=1000
Session-Type: Additional
Session:
\toptional\t\t\tpam_krb5.so minimum_uid=1000
"""
ABOVE_US = """Name: Something that comes before the card
Default: yes
Priority: 2048
Auth-Type: Primary
Auth:
\t[success=end user_unknown=ignore default=die]\tpam_early.so ignore_unknown
Auth-Initial:
\t[success=end user_unknown=ignore default=die]\tpam_early.so
"""
TWO_LINES = """Name: A profile of two lines
Default: yes
Priority: 300
Auth-Type: Primary
Auth:
\t[success=1 default=ignore]\tpam_succeed_if.so uid < 1000 quiet
\t[success=end default=ignore]\tpam_two.so
Auth-Type: Primary
Session-Interactive-Only: yes
Session-Type: Additional
Session:
\toptional\tpam_two.so\tloud
\toptional\tpam_two.so quiet
"""


SSSD = """Name: SSS authentication
Default: yes
Priority: 128
Auth-Type: Primary
Auth:
\t[success=end default=ignore]\tpam_sss.so use_first_pass
Auth-Initial:
\t[success=end default=ignore]\tpam_sss.so forward_pass
Account-Type: Additional
Account:
\tsufficient\t\t\tpam_localuser.so
\t[default=bad success=ok user_unknown=ignore]\tpam_sss.so
Session-Type: Additional
Session:
\toptional\t\t\tpam_sss.so
"""
SYSTEMD = """Name: Register user sessions in the systemd control group hierarchy
Default: yes
Priority: 0
Session-Interactive-Only: yes
Session-Type: Additional
Session:
\toptional\tpam_systemd.so
"""
MKHOMEDIR = """Name: Create home directory on login
Default: no
Priority: 0
Session-Type: Additional
Session-Interactive-Only: yes
Session:
\toptional\t\t\tpam_mkhomedir.so
"""


def tool(*words):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return subprocess.run(["pam-auth-update"] + list(words), env=env, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def edit(path, old, new):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if old not in text:
        raise RuntimeError("%s lacks %r:\n%s" % (path, old, text))
    write(path, text.replace(old, new, 1))


def state():
    out = {}
    for path in FILES:
        with open("/" + path, encoding="utf-8") as f:
            out[path] = f.read()
    return out


def restore(files):
    for path, text in files.items():
        write("/" + path, text)


def root_of_this_system(suite, name):
    root = suite.path(name)
    for folder in ("etc", "usr/share", "var/lib", "usr/lib/x86_64-linux-gnu/security"):
        os.makedirs(os.path.join(root, folder))
    shutil.copytree("/etc/pam.d", os.path.join(root, "etc/pam.d"), symlinks=True)
    shutil.copytree("/usr/share/pam-configs", os.path.join(root, "usr/share/pam-configs"))
    shutil.copytree("/var/lib/pam", os.path.join(root, "var/lib/pam"))
    for name in ("etc/os-release", "etc/passwd", "etc/nsswitch.conf"):
        shutil.copyfile("/" + name, os.path.join(root, name))
    return root


def only_stock_profiles():
    """This system's profile of pam_unix alone: what else is installed must not matter."""
    for extra in os.listdir("/usr/share/pam-configs"):
        if extra != "unix":
            os.unlink("/usr/share/pam-configs/" + extra)


def compare(suite, name, prepare, *options):
    """`prepare` changes the system; both sides start from what it leaves."""
    only_stock_profiles()
    restore(suite.base)
    prepare()
    before = state()
    root = root_of_this_system(suite, name)
    run = suite.enable("--ca-cert", suite.bundle, "--root", root, *options)
    suite.succeeded(name, run)
    shutil.copyfile(os.path.join(root, "usr/share/pam-configs/piv-login"),
                    "/usr/share/pam-configs/piv-login")
    session = os.path.join(root, "usr/share/pam-configs/piv-login-session")
    suite.equal(name + ": a profile of the session line, if it is asked for",
                "--on-card-removal" in options, os.path.exists(session))
    if os.path.exists(session):
        shutil.copyfile(session, "/usr/share/pam-configs/piv-login-session")
    done = tool("--package")
    suite.ok(name + ": the real tool agrees to work", done.returncode == 0 and
             b"ocal modifications" not in done.stderr + done.stdout, done.stderr + done.stdout)
    real = state()
    suite.ok(name + ": the real tool put the card in", "pam_piv.so" in real["etc/pam.d/common-auth"])
    ours = {path: text_of(root, path) for path in FILES}
    for path in FILES:
        suite.equal("%s: %s" % (name, path), real[path], ours[path])
    # What we made is what the tool takes for its own work: it changes nothing, and can take it out.
    restore(ours)
    done = tool("--package")
    suite.equal(name + ": the tool leaves ours as it is", ours, state())
    tool("--package", "--remove", "piv-login", "piv-login-session")
    for path in FILES[:5]:
        suite.equal("%s: removed again: %s" % (name, path), before[path], state()[path])
    suite.succeeded(name + ": undo", suite.enable("--undo", "--root", root))
    suite.equal(name + ": undone", before, {path: text_of(root, path) for path in FILES})


def check_renderings(suite):
    only_stock_profiles()
    tool("--package", "--force")
    suite.base = state()
    suite.ok("a plain system to begin with", "pam_unix.so" in suite.base["etc/pam.d/common-auth"] and
             "pam_sss.so" not in suite.base["etc/pam.d/common-auth"])

    def profiles(**texts):
        def put():
            for name, text in texts.items():
                write("/usr/share/pam-configs/" + name, text)
            done = tool("--package")
            suite.ok("profiles %s" % sorted(texts), done.returncode == 0, done.stderr)
        return put

    def local_options():
        edit("/etc/pam.d/common-auth", "pam_unix.so nullok", "pam_unix.so debug nodelay")

    def lines_around():
        path = "/etc/pam.d/common-auth"
        edit(path, "# here are the per-package", "auth required pam_faildelay.so delay=1\n\n# here are the per-package")
        with open(path, "a", encoding="utf-8") as f:
            f.write("auth optional pam_warn.so\n")

    compare(suite, "plain", lambda: None)
    compare(suite, "required", lambda: None, "--mode", "required")
    compare(suite, "required without break glass", lambda: None, "--mode", "required",
            "--no-break-glass")
    compare(suite, "mkhomedir", profiles(mkhomedir=MKHOMEDIR))
    compare(suite, "mkhomedir enabled", lambda: (profiles(mkhomedir=MKHOMEDIR)(),
                                                 tool("--enable", "mkhomedir")))
    compare(suite, "kerberos", profiles(krb5=KRB5))
    compare(suite, "above the card", profiles(early=ABOVE_US))
    compare(suite, "two lines", profiles(two=TWO_LINES))
    compare(suite, "all together", profiles(krb5=KRB5, early=ABOVE_US, two=TWO_LINES))
    compare(suite, "local options", local_options)
    compare(suite, "lines around the block", lines_around)
    compare(suite, "sssd", profiles(sss=SSSD))
    removal = ("--on-card-removal", "lock")
    compare(suite, "removal", lambda: None, *removal)
    compare(suite, "removal with systemd", profiles(systemd=SYSTEMD), *removal)
    compare(suite, "removal with all", profiles(systemd=SYSTEMD, krb5=KRB5, early=ABOVE_US, two=TWO_LINES,
                                                sss=SSSD, mkhomedir=MKHOMEDIR), *removal)
    for name, systemd in (("removal", False), ("removal with systemd", True), ("removal with all", True)):
        root = suite.path(name)
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, *removal)
        suite.succeeded(name + ": again", run)
        rows = [line.split()[2] for line in text_of(root, "etc/pam.d/common-session").split("\n")
                if line.startswith("session")]
        suite.equal(name + ": ours is the last line", "pam_piv.so", rows[-1])
        suite.equal(name + ": behind pam_systemd", systemd, "pam_systemd.so" in rows)
        suite.ok(name + ": not for sessions without a person", "pam_piv.so" not in
                 text_of(root, "etc/pam.d/common-session-noninteractive"))
        suite.equal(name + ": says so where nothing can be watched", not systemd,
                    "no session is watched" in run.err)


def check_foreign_line(suite):
    """A line of the administrator's inside the block: the tool keeps its hands off, and so do we."""
    only_stock_profiles()
    restore(suite.base)
    edit("/etc/pam.d/common-auth", "auth\t[success=1 default=ignore]\tpam_unix.so",
         "auth sufficient pam_mine.so\nauth\t[success=1 default=ignore]\tpam_unix.so")
    root = root_of_this_system(suite, "foreign")
    before = {path: text_of(root, path) for path in FILES}
    run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--on-card-removal", "logout")
    suite.succeeded("staged", run)
    session = text_of(root, "etc/pam.d/common-session")
    suite.ok("the session line in a marked section at the end",
             session.startswith(before["etc/pam.d/common-session"]) and
             "session  optional   pam_piv.so\n####" in session, session)
    text = text_of(root, "etc/pam.d/common-auth")
    suite.ok("a marked section above it", text.index("piv-login control") < text.index("pam_unix.so"))
    suite.ok("the line is still there", "pam_mine.so" in text)
    suite.ok("and it says why", "line of its own" in run.out, run.out)
    suite.succeeded("undo", suite.enable("--undo", "--root", root))
    suite.equal("undone", before, {path: text_of(root, path) for path in FILES})


def main():
    build = build_folder()
    if not shutil.which("pam-auth-update"):
        print("skipped: pam-auth-update is not installed (Debian's libpam-runtime)")
        return 77
    if os.environ.get("PIV_SANDBOX") != "yes":
        sandbox = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sandbox/run")
        os.execv(sandbox, [sandbox, "--", sys.executable, os.path.abspath(__file__), build])
    suite = Suite(build)
    suite.ca = Authority(suite.path("ca"))
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([check_renderings, check_foreign_line])


if __name__ == "__main__":
    sys.exit(main())
