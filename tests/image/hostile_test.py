#!/usr/bin/env python3
"""Image roots that belong to somebody else: nothing outside of them is read, written or waited for.

usage: hostile_test.py BUILD_DIR"""
import json
import os
import shutil
import sys
import threading
import time

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot


class Ground:
    """A root, and beside it what a way out of it would lead to."""

    def __init__(self, suite, profile="debian"):
        self.suite = suite
        self.base = suite.path("ground")
        shutil.rmtree(self.base, ignore_errors=True)
        self.root = os.path.join(self.base, "root")
        self.outside = os.path.join(self.base, "outside")
        self.tree = image_tree.MAKERS[profile](self.root)
        # A whole copy: a way out would find everything it wants there.
        shutil.copytree(self.root, self.outside, symlinks=True)
        self.before = snapshot(self.outside)

    def path(self, name):
        return os.path.join(self.root, name)

    def replace(self, name, target):
        """What is at `name` becomes a link."""
        path = self.path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)

    def enable(self, *words):
        return self.suite.enable("--ca-cert", self.suite.bundle, "--root", self.root, *words)

    def outside_is_untouched(self, what):
        self.suite.same(what + ": outside", self.before, self.outside)


def check_ways_out(suite):
    """Links that lead out by an absolute path, by dots, and by both."""
    for name in ("etc", "etc/pam.d", "var", "var/lib", "usr", "usr/share", "etc/systemd",
                 "etc/systemd/system", "usr/share/polkit-1", "usr/share/polkit-1/rules.d",
                 "usr/share/pam-configs"):
        for kind in ("absolute", "dots", "deep"):
            ground = Ground(suite)
            inside = os.path.join(ground.outside, name)
            up = "../" * (name.count("/") + 1)
            ground.replace(name, {"absolute": inside, "dots": up + "outside/" + name,
                                  "deep": "../" * 40 + inside.lstrip("/")}[kind])
            before = snapshot(ground.root)
            what = "%s (%s)" % (name, kind)
            run = ground.enable()
            ground.outside_is_untouched(what)
            if run.status != 0:
                suite.ok(what + ": advice", "\n  try: " in run.err, run.err)
                suite.same(what + ": nothing written inside either", before, ground.root)
            else:
                suite.succeeded(what + ": undo", suite.enable("--undo", "--root", ground.root))
                suite.same(what + ": undone", before, ground.root)
                ground.outside_is_untouched(what + " undone")


def check_links_inside(suite):
    """Absolute links are the root's own: an image's /etc/nsswitch.conf is one."""
    ground = Ground(suite)
    os.rename(ground.path("etc"), ground.path("real-etc"))
    os.symlink("/real-etc", ground.path("etc"))
    before = snapshot(ground.root)
    suite.succeeded("etc is a link inside", ground.enable())
    suite.ok("the link is still one", os.path.islink(ground.path("etc")))
    suite.ok("written to where it leads", os.path.isdir(ground.path("real-etc/piv-login")))
    suite.succeeded("undo", suite.enable("--undo", "--root", ground.root))
    suite.same("undone", before, ground.root)


def check_files_that_are_links(suite):
    """A file that is replaced is replaced where the link leads inside the root, or not at all."""
    for name in ("etc/nsswitch.conf", "etc/pam.d/common-auth", "etc/piv-login/piv-login.conf",
                 "var/lib/pam/auth", "var/lib/pam/seen", "etc/systemd/system-preset/20-piv-login.preset",
                 "usr/share/polkit-1/rules.d/50-piv-login.rules", "usr/share/pam-configs/piv-login",
                 "etc/os-release", "etc/passwd"):
        ground = Ground(suite)
        os.makedirs(os.path.dirname(ground.path(name)), exist_ok=True)
        secret = os.path.join(ground.outside, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write("passwd: files\nID=debian\nauth required pam_unix.so\n")
        ground.before = snapshot(ground.outside)
        ground.replace(name, secret)
        before = snapshot(ground.root)
        run = ground.enable()
        ground.outside_is_untouched(name)
        if run.status == 0:
            suite.succeeded(name + ": undo", suite.enable("--undo", "--root", ground.root))
        suite.same(name + ": as before", before, ground.root)


def check_things_that_are_no_files(suite):
    """FIFOs, devices, folders and loops where files are expected: no waiting, a plain sentence."""
    for name in ("etc/os-release", "etc/nsswitch.conf", "etc/pam.d/login", "etc/pam.d/common-auth",
                 "etc/piv-login/piv-login.conf", "usr/share/pam-configs/unix", "var/lib/pam/auth",
                 "var/lib/piv-login/staging/manifest.json", "var/lib/piv-login/staging/journal.json",
                 "etc/piv-login", "var/lib/piv-login", "etc/systemd/system"):
        for kind in ("fifo", "folder", "loop", "zero"):
            ground = Ground(suite)
            path = ground.path(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
            if kind == "fifo":
                os.mkfifo(path)
            elif kind == "folder":
                os.mkdir(path, 0o755)
            elif kind == "loop":
                os.symlink(os.path.basename(path), path)
            else:
                os.mknod(path, 0o20666, os.makedev(1, 5))
            what = "%s is a %s" % (name, kind)
            before = snapshot_kinds(ground.root)
            started = time.monotonic()
            run = ground.enable()
            suite.ok(what + ": does not wait", time.monotonic() - started < 10)
            suite.ok(what + ": no crash", 0 <= run.status <= 78, run.status)
            if run.status == 0:
                suite.succeeded(what + ": undo", suite.enable("--undo", "--root", ground.root))
            else:
                suite.ok(what + ": advice", "\n  try: " in run.err, run.err)
            suite.equal(what + ": as before", before, snapshot_kinds(ground.root))


def snapshot_kinds(root):
    """As snapshot, for trees with entries that must not be opened."""
    return {path: value[:4] for path, value in snapshot(root).items()}


def check_folders_of_others(suite):
    """Somebody who can write to a folder could put anything in our place after us."""
    for name in ("etc", "etc/pam.d", "var/lib", "usr/share/polkit-1/rules.d", "etc/systemd/system"):
        ground = Ground(suite)
        os.chmod(ground.path(name), 0o777)
        before = snapshot(ground.root)
        suite.refused(name + " is writable by all", ground.enable(), 2, "/" + name, "writable")
        suite.same(name + ": nothing written", before, ground.root)
        os.chmod(ground.path(name), 0o755)
        os.chown(ground.path(name), 12345, 0)
        before = snapshot(ground.root)
        suite.refused(name + " is somebody's", ground.enable(), 2, "/" + name, "belong")
        suite.same(name + ": nothing written", before, ground.root)


def check_planted_temporaries(suite):
    """Names that we write to before renaming, taken by links that lead to something of value."""
    donor = Ground(suite)
    suite.succeeded("donor", donor.enable())
    written = [p for p in snapshot(donor.root) if ".piv-" in p]
    suite.equal("no temporary is left", [], written)
    for prefix in (".", ""):
        for suffix in (".piv-login-new", ".piv-new", ".tmp", ".new", "~"):
            ground = Ground(suite)
            victim = os.path.join(ground.outside, "etc/passwd")
            os.symlink(victim, ground.path("etc/pam.d/%scommon-auth%s" % (prefix, suffix)))
            before = snapshot(ground.root)
            run = ground.enable()
            ground.outside_is_untouched("temporary " + suffix)
            if run.status == 0:
                suite.succeeded("undo", suite.enable("--undo", "--root", ground.root))
                suite.same("as before", before, ground.root)


def check_forged_records(suite):
    """A manifest or journal in a tree is the tree's word: it cannot make us write elsewhere."""
    ground = Ground(suite)
    suite.succeeded("staged", ground.enable())
    path = ground.path("var/lib/piv-login/staging/manifest.json")
    with open(path, encoding="utf-8") as f:
        good = json.load(f)
    bad_paths = ["../../outside/etc/passwd", "/../outside/etc/passwd", "/etc/../../outside/etc/passwd",
                 "", "/", "/etc/pam.d/", "etc/passwd", "/etc\0/x"]
    for bad in bad_paths:
        for where in ("entry", "folder", "time"):
            forged = json.loads(json.dumps(good))
            if where == "entry":
                forged["entries"][0]["path"] = bad
            elif where == "folder":
                forged["folders"].append(bad)
            else:
                forged["folder_times"][bad] = "5.000000000"
            for name in ("manifest.json", "journal.json"):
                target = os.path.join(os.path.dirname(path), name)
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                with open(target, "w", encoding="utf-8") as f:
                    json.dump(forged, f)
                run = suite.enable("--undo", "--root", ground.root)
                suite.ok("forged %s %s %r: a plain refusal" % (name, where, bad),
                         run.status in (0, 1, 2), run.err)
                ground.outside_is_untouched("forged %s %s %r" % (name, where, bad))
                if name == "journal.json" and os.path.exists(target):
                    os.unlink(target)
            if not os.path.exists(path):  # "/" as a folder to remove or to stamp does no harm
                shutil.rmtree(ground.root)
                shutil.copytree(ground.outside, ground.root, symlinks=True)
                suite.succeeded("staged again", ground.enable())
    for text in ("", "{", "[]", '"x"', "{}", "[" * 100000, '{"format": 1, "product": "piv-login"}',
                 '{"format": 99, "product": "piv-login"}', "\0" * 100):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        run = suite.enable("--undo", "--root", ground.root)
        suite.refused("a manifest of %r" % text[:20], run, 2, "manifest")


def check_racing_renamer(suite):
    """Somebody exchanges /etc with a link to the outside while we work."""
    ground = Ground(suite)
    stop = threading.Event()

    def race():
        etc, spare, link = ground.path("etc"), ground.path("spare"), ground.path("link")
        os.symlink(os.path.join(ground.outside, "etc"), link)
        while not stop.is_set():
            try:
                os.rename(etc, spare)
                os.rename(link, etc)
                os.rename(etc, link)
                os.rename(spare, etc)
            except OSError:
                pass

    racer = threading.Thread(target=race)
    racer.start()
    outcomes = set()
    try:
        for _ in range(40):
            outcomes.add(ground.enable().status)
            outcomes.add(suite.enable("--undo", "--root", ground.root, "--force").status)
    finally:
        stop.set()
        racer.join()
    ground.outside_is_untouched("after 80 races")
    suite.ok("statuses of the contract only", outcomes <= {0, 1, 2, 65}, outcomes)


def check_two_at_once(suite):
    """Two runs on one tree: one waits for nobody, says so, and the tree is whole."""
    ground = Ground(suite)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(ground.enable())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [r for r in statuses if r.status == 0]
    suite.ok("at least one did it", good, [r.err for r in statuses])
    for run in statuses:
        if run.status != 0:
            suite.refused("another is working on it", run, 2, "another run")
    suite.succeeded("whole", suite.piv_image("verify", "--root", ground.root))


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
