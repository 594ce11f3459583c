#!/usr/bin/env python3
"""Killed, or out of space, at any system call that writes: the tree is the old or the new one.

strace injects the faults. Each system call that changes a tree is made to fail, and to kill the
program, at a sample of its calls that is spread over the run (all calls with --all).
usage: faults_test.py BUILD_DIR [--all]"""
import os
import re
import shutil
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, difference, snapshot

WRITING = ("write openat mkdirat renameat renameat2 symlinkat unlinkat fchmod fchown fchownat fsync "
           "fdatasync syncfs utimensat ftruncate fsetxattr").split()
PER_CALL = 4  # of each system call and kind of fault, in each of the three runs
STAGING = "var/lib/piv-login"


def essence(tree):
    """What must come back after a fault: all but the times of folders, which a kill can leave as
    they are at that moment, the notes about them, and a state folder with nothing in it."""
    out = {}
    for path, value in tree.items():
        folder = value[0] == 0o040000
        value = value[:4] + (0, "" if path.endswith("/manifest.json") else value[5])
        if not (folder and path == STAGING):
            out[path] = value
    return out


class Case:
    """One run of a program on a copy of a tree: from `old`, and when it is done, `new`."""

    def __init__(self, suite, name, old_root, command):
        self.suite = suite
        self.name = name
        self.old_root = old_root
        self.command = command
        self.old = snapshot(old_root)
        root = self.copy()
        log = suite.path("strace.log")
        run = self.run(root, ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(
            "?" + n for n in WRITING)])
        suite.succeeded(name + ": without a fault", run)
        self.new = snapshot(root)
        suite.ok(name + ": changes the tree", difference(self.old, self.new))
        self.counts = {}
        with open(log, encoding="utf-8", errors="replace") as f:
            for line in f:
                m = re.match(r"\d+ +(\w+)\(", line)
                if m:
                    self.counts[m.group(1)] = self.counts.get(m.group(1), 0) + 1

    def copy(self):
        root = self.suite.path("copy")
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["cp", "-a", self.old_root, root], check=True)
        return root

    def run(self, root, prefix=()):
        return self.suite.run(*[root if w == "ROOT" else w for w in self.command], prefix=prefix)

    def whole(self, what, root):
        """Each file is the old or the new one; what is ours to keep records in does not count."""
        for path, value in snapshot(root).items():
            if path.startswith(STAGING) or value[0] == 0o040000:
                continue
            known = [tree[path][:4] + tree[path][5:] for tree in (self.old, self.new) if path in tree]
            temporary = not known and "piv" in os.path.basename(path)
            self.suite.ok("%s: %s is old or new" % (what, path),
                          temporary or value[:4] + value[5:] in known, value)

    def heal(self, what, root):
        """The next run brings the new tree, and --undo the one before everything."""
        self.suite.succeeded(what + ": the next run", self.run(root))
        self.suite.equal(what + ": healed", [], difference(essence(self.new), essence(snapshot(root))))

    def fault(self, syscall, number, kind):
        root = self.copy()
        what = "%s: %s at call %d of %s" % (self.name, kind, number, syscall)
        action = "signal=KILL" if kind == "killed" else "error=" + kind
        run = self.run(root, ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + syscall, "-e",
                              "inject=%s:%s:when=%d" % (syscall, action, number)])
        self.whole(what, root)
        if run.status == 0:
            after = {p: v for p, v in essence(snapshot(root)).items() if not p.startswith(STAGING)}
            new = {p: v for p, v in essence(self.new).items() if not p.startswith(STAGING)}
            self.suite.equal(what + ": it says done", [], difference(new, after))
        elif kind != "killed":
            self.suite.ok(what + ": a plain refusal", run.status in (1, 2, 65) and
                          "\n  try: " in run.err, run.err)
            if self.name != "undo":  # which goes on where it was when it is run again
                after = essence(snapshot(root))
                self.suite.equal(what + ": nothing changed", [], difference(essence(self.old), after))
        self.heal(what, root)


def numbers(count, everything):
    if everything or count <= PER_CALL:
        return range(1, count + 1)
    return sorted({1 + i * (count - 1) // (PER_CALL - 1) for i in range(PER_CALL)})


def every_fault(suite, case):
    done = 0
    for syscall, count in sorted(case.counts.items()):
        for number in numbers(count, suite.everything):
            case.fault(syscall, number, "killed")
            case.fault(syscall, number, "EIO" if syscall in ("fsync", "syncfs") else "ENOSPC")
            done += 2
    suite.ok(case.name + ": there were faults to make", done > 40, case.counts)
    print("%s: %d faults over %d calls" % (case.name, done, sum(case.counts.values())))


def ca_words(suite, *words):
    return ["enable-smartcard", "--ca-cert", suite.bundle, "--root", "ROOT"] + list(words)


def check_first_staging(suite):
    root = suite.path("fresh")
    image_tree.MAKERS["al2"](root)
    every_fault(suite, Case(suite, "first staging", root, ca_words(suite)))


def check_second_staging(suite):
    """Other options, another CA: files are rewritten, and some are put back."""
    root = suite.path("staged")
    image_tree.MAKERS["debian"](root)
    suite.succeeded("staged", suite.enable("--ca-cert", suite.bundle, "--root", root))
    every_fault(suite, Case(suite, "second staging", root, [
        "enable-smartcard", "--ca-cert", suite.ca.path("other.cer"), "--mode", "required", "--root",
        "ROOT"]))


def check_undo(suite):
    root = suite.path("undo")
    image_tree.MAKERS["al2"](root)
    before = snapshot(root)
    suite.succeeded("staged", suite.enable("--ca-cert", suite.bundle, "--root", root))
    case = Case(suite, "undo", root, ["enable-smartcard", "--undo", "--root", "ROOT"])
    suite.equal("undo goes all the way back", [], difference(before, case.new))
    every_fault(suite, case)


def check_small_file_systems(suite):
    """A real full disk: file systems from too small to just large enough."""
    mount = suite.path("small")
    os.mkdir(mount)
    refused = 0
    for pages in range(40, 120, 2):
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dk,mode=755" % (pages * 4), "none",
                               mount], capture_output=True, check=False)
        if made.returncode != 0:
            print("file systems of every size: left out, mount: " + made.stderr.decode().strip())
            return
        try:
            root = os.path.join(mount, "root")
            try:
                image_tree.MAKERS["al2"](root)
            except OSError:
                continue
            before = snapshot(root)
            run = suite.enable("--ca-cert", suite.bundle, "--root", root)
            if run.status == 0:
                suite.succeeded("whole", suite.piv_image("verify", "--root", root))
                suite.succeeded("undo", suite.enable("--undo", "--root", root))
            else:
                refused += 1
                suite.refused("%d pages" % pages, run, 2)
            suite.same("%d pages: as before" % pages, before, root)
        finally:
            subprocess.run(["umount", mount], check=True)
    suite.ok("some were too small", refused > 0)


def main():
    everything = "--all" in sys.argv
    suite = Suite(build_folder())
    if not shutil.which("strace"):
        print("skipped: strace is not installed (scripts/install-deps)")
        return 77
    suite.everything = everything
    suite.ca = Authority(suite.path("ca"))
    suite.ca.root("other", "/O=Example/CN=Other Root CA")
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([check_first_staging, check_second_staging, check_undo,
                       check_small_file_systems])


if __name__ == "__main__":
    sys.exit(main())
