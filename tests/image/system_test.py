#!/usr/bin/env python3
"""What a tree needs besides PAM: the user of the card role, its folders, GNOME's greeter.

usage: system_test.py BUILD_DIR"""
import os
import shutil
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot, text_of

USER = "piv-login:x:989:985:Smart card login:/:/sbin/nologin\n"
EXCLUSIVE = "/etc/pam.d/gdm-smartcard-piv-login"


def make(suite, profile, name):
    root = suite.path(name)
    return root, image_tree.MAKERS[profile](root)


def stage(suite, root, *words):
    return suite.enable("--ca-cert", suite.bundle, "--root", root, *words)


def without_user(root, tree):
    tree.file("etc/passwd", text_of(root, "etc/passwd").replace(USER, ""))


def check_the_package_keeps_its_files(suite):
    root, tree = make(suite, "el9", "packaged")
    for kind in ("sysusers", "tmpfiles"):
        tree.file("usr/lib/%s.d/piv-login.conf" % kind, "# the package's\n")
    before = snapshot(root)
    suite.succeeded("staged", stage(suite, root))
    for kind in ("sysusers", "tmpfiles"):
        path = "usr/lib/%s.d/piv-login.conf" % kind
        suite.equal(path + " is left alone", before[path], snapshot(root)[path])


def check_the_user_is_made_by_somebody(suite):
    by_hand = "useradd -r -U -M"
    for profile, sysusers, booted, wanted in (
            ("el9", True, False, ""), ("el9", True, True, "systemd-sysusers piv-login.conf"),
            ("debian", False, False, by_hand), ("al2", True, False, by_hand)):
        root, tree = make(suite, profile, "no-user")
        without_user(root, tree)
        if sysusers:
            tree.file("usr/bin/systemd-sysusers", "", 0o755)
        if booted:
            tree.file("etc/.updated", "")
        run = stage(suite, root)
        what = "%s, sysusers %s, booted %s" % (profile, sysusers, booted)
        suite.succeeded(what, run)
        if wanted:
            suite.ok(what + ": a warning", "warning: the user piv-login is not" in run.err, run.err)
            suite.ok(what + ": what to run", wanted in run.err, run.err)
        else:
            suite.equal(what + ": no warning", "", run.err)
            suite.ok(what + ": said", "makes it at the first boot" in run.out, run.out)
        shutil.rmtree(root)


def check_the_user_is_not_root(suite):
    root, tree = make(suite, "el8", "root-user")
    without_user(root, tree)
    tree.file("etc/passwd", text_of(root, "etc/passwd") + "piv-login:x:00:0::/:/bin/sh\n")
    before = snapshot(root)
    suite.refused("a second root", stage(suite, root), 2, "has the id 0")
    suite.same("nothing was written", before, root)


def check_real_systemd_takes_the_files(suite):
    if not shutil.which("systemd-sysusers"):
        print("left out: systemd-sysusers is not installed")
        return
    root, tree = make(suite, "debian", "first-boot")
    without_user(root, tree)
    tree.file("usr/bin/systemd-sysusers", "", 0o755)
    suite.succeeded("staged", stage(suite, root))
    for program in ("systemd-sysusers", "systemd-tmpfiles"):
        words = [program, "--root=" + root] + (["--create"] if "tmp" in program else [])
        run = subprocess.run(words + ["piv-login.conf"], capture_output=True, check=False)
        suite.equal(program + ": " + run.stderr.decode(), 0, run.returncode)
    line = [l for l in text_of(root, "etc/passwd").split("\n") if l.startswith("piv-login:")]
    suite.equal("one user", 1, len(line))
    cards = os.stat(os.path.join(root, "var/lib/piv-login/cache/cards"))
    suite.equal("its folder", (int(line[0].split(":")[2]), 0o700), (cards.st_uid, cards.st_mode & 0o777))


def check_gnome_by_authselect(suite):
    root, _ = make(suite, "el9", "gnome-el9")
    run = stage(suite, root)
    suite.succeeded("staged", run)
    suite.ok("the switch is authselect's",
             "enable-smartcard-authentication=true" in text_of(root, "etc/authselect/dconf-db"))
    suite.ok("and no second one", not os.path.exists(
        os.path.join(root, "etc/dconf/db/distro.d/20-piv-login")))
    suite.ok("what has to be run", "run in the image: dconf update" in run.out, run.out)
    run = suite.enable("--undo", "--root", root)
    suite.ok("the same on the way back", "dconf update" in run.out, run.out)


def check_gnome_without_authselect(suite):
    for profile_text, folder in (
            ("user-db:user\nsystem-db:local\nsystem-db:site\nsystem-db:distro\n", "distro"),
            ("user-db:user\nsystem-db:local \n", "local"), ("user-db:user\n", "")):
        root, tree = make(suite, "al2", "gnome-al2")
        tree.file("usr/sbin/gdm", "", 0o755)
        tree.file("etc/dconf/profile/user", profile_text)
        before = snapshot(root)
        run = stage(suite, root)
        suite.succeeded(folder or "none", run)
        found = sorted(p for p in set(snapshot(root)) - set(before) if "dconf" in p and "piv" in p)
        base = "etc/dconf/db/%s.d/" % folder
        suite.equal(folder + ": key and lock",
                    [base + "20-piv-login", base + "locks/20-piv-login"] if folder else [], found)
        suite.equal(folder + ": what has to be run", bool(folder), "dconf update" in run.out)
        if folder and shutil.which("dconf"):
            done = subprocess.run(["dconf", "compile", suite.path("db"), os.path.join(root, base)],
                                  capture_output=True, check=False)
            suite.equal("the real dconf takes it", (0, b""), (done.returncode, done.stderr))
            with open(suite.path("db"), "rb") as f:
                suite.ok("and the key is in it", b"enable-smartcard-authentication" in f.read())
        suite.succeeded("undo", suite.enable("--undo", "--root", root))
        suite.same("undone", before, root)
        shutil.rmtree(root)


def check_debian_greeter(suite):
    root, _ = make(suite, "debian", "gdm")
    before = snapshot(root)
    suite.succeeded("staged", stage(suite, root))
    suite.ok("the greeter's settings", "enable-smartcard-authentication=true" in
             text_of(root, "usr/share/gdm/dconf/50-piv-login"))
    suite.equal("chosen", EXCLUSIVE, os.readlink(os.path.join(root, "etc/alternatives/gdm-smartcard")))
    suite.ok("named in the configuration", "gdm-smartcard" in text_of(root, "etc/piv-login/piv-login.conf"))
    record = text_of(root, "var/lib/dpkg/alternatives/gdm-smartcard")
    if shutil.which("update-alternatives"):
        real = suite.path("real")
        shutil.copytree(root, real, symlinks=True)
        suite.succeeded("undone there", suite.enable("--undo", "--root", real))
        shutil.copy(root + EXCLUSIVE, real + EXCLUSIVE)
        done = subprocess.run(
            ["update-alternatives", "--root", real, "--install", "/etc/pam.d/gdm-smartcard",
             "gdm-smartcard", EXCLUSIVE, "60"], capture_output=True, check=False)
        suite.equal("the real tool", 0, done.returncode)
        suite.equal("its record", text_of(real, "var/lib/dpkg/alternatives/gdm-smartcard"), record)
        suite.equal("its choice", EXCLUSIVE,
                    os.readlink(os.path.join(real, "etc/alternatives/gdm-smartcard")))
    suite.succeeded("undo", suite.enable("--undo", "--root", root))
    suite.same("undone", before, root)


def check_a_choice_by_hand_is_kept(suite):
    root, tree = make(suite, "ubuntu", "by-hand")
    record = text_of(root, "var/lib/dpkg/alternatives/gdm-smartcard")
    tree.file("var/lib/dpkg/alternatives/gdm-smartcard", record.replace("auto", "manual", 1))
    before = snapshot(root)
    run = stage(suite, root)
    suite.succeeded("staged", run)
    suite.ok("said", "chosen by hand" in run.out, run.out)
    for path in ("etc/alternatives/gdm-smartcard", "var/lib/dpkg/alternatives/gdm-smartcard"):
        suite.equal(path, before[path], snapshot(root)[path])


def check_a_stack_that_opens_when_not_asked(suite):
    """pam_piv ignores a service that is not configured: that must never be a login."""
    root, tree = make(suite, "al2", "opens")
    tree.file("etc/pam.d/kiosk", "auth required pam_env.so\nauth [success=ok ignore=ignore default=die] "
              "pam_piv.so\nauth required pam_permit.so\n")
    run = suite.piv_image("prove", "--root", root)
    suite.equal("refused", 1, run.status)
    suite.ok("with the reason", "without card and without password" in run.err and "kiosk" in run.err,
             run.err)


def check_a_line_of_another_system(suite):
    """libpam takes the CR as part of the module's name: nobody gets in there."""
    root, tree = make(suite, "el9", "crlf")
    tree.file("etc/pam.d/kiosk", "auth [success=done default=die] pam_piv.so\nauth required pam_deny.so\r\n")
    run = suite.piv_image("prove", "--root", root)
    suite.equal("refused", 1, run.status)
    suite.ok("with the place", "/etc/pam.d/kiosk:2" in run.err and "carriage return" in run.err, run.err)


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
