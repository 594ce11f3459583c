#!/usr/bin/env python3
"""Killed, or out of space, at every system call that writes: the tree is the old or the new one.

strace injects the faults. Each call that changes the tree is made to fail, and to kill the program.
A state of the tree that an earlier fault has left as well is not healed again: the next run could
only do the same. A kill before a call that changes nothing is a kill before the next one.
usage: faults_test.py BUILD_DIR [--every N]      only every Nth call"""
import hashlib
import multiprocessing.pool
import os
import re
import shutil
import subprocess
import sys
import threading

import image_tree
from authority import Authority
from harness import Suite, build_folder, difference, snapshot

WRITING = ("write openat mkdirat renameat renameat2 symlinkat unlinkat fchmod fchown fchownat fsync "
           "fdatasync syncfs utimensat ftruncate fsetxattr").split()
READING = "openat2 newfstatat fstat statx read getdents64 readlinkat flock".split()
EVERY_READ = 3
STAGING = "var/lib/piv-login"
WORKERS = 2


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


def state_of(tree):
    """Two trees with the same one are healed alike: times are kept in the journal, which is in it."""
    text = repr(sorted((path, value[:4] + value[5:]) for path, value in tree.items()))
    return hashlib.sha256(text.encode()).hexdigest()


class Case:
    """One run of a program on a copy of a tree: from `old`, and when it is done, `new`."""

    def __init__(self, suite, name, old_root, command, traced=WRITING):
        self.suite = suite
        self.name = name
        self.old_root = old_root
        self.command = command
        self.old = snapshot(old_root)
        self.lock = threading.Lock()
        root = self.copy()
        log = suite.path("strace.log")
        run = self.run(root, ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(
            "?" + n for n in traced)])
        suite.succeeded(name + ": without a fault", run)
        self.new = snapshot(root)
        suite.ok(name + ": changes the tree", difference(self.old, self.new))
        self.healed = {state_of(self.old)}  # that run was the healing of the old tree
        self.heals = 0
        self.calls = []  # (system call, number, whether it changes anything)
        counts = {}
        with open(log, encoding="utf-8", errors="replace") as f:
            for line in f:
                m = re.match(r"\d+ +(\w+)\((.*)", line)
                if m:
                    counts[m.group(1)] = counts.get(m.group(1), 0) + 1
                    reads = m.group(1) == "openat" and not re.search("O_(WRONLY|RDWR|CREAT)", line)
                    said = m.group(1) == "write" and re.match("[12],", m.group(2))
                    self.calls.append((m.group(1), counts[m.group(1)], not reads and not said))

    def copy(self):
        root = self.suite.path("copy-%d" % threading.get_ident())
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["cp", "-a", self.old_root, root], check=True)
        return root

    def run(self, root, prefix=()):
        return self.suite.run(*[root if w == "ROOT" else w for w in self.command], prefix=prefix)

    def whole(self, what, tree):
        """Each file is the old or the new one; what is ours to keep records in does not count."""
        for path, value in tree.items():
            if path.startswith(STAGING) or value[0] == 0o040000:
                continue
            known = [tree[path][:4] + tree[path][5:] for tree in (self.old, self.new) if path in tree]
            temporary = not known and "piv" in os.path.basename(path)
            self.suite.ok("%s: %s is old or new" % (what, path),
                          temporary or value[:4] + value[5:] in known, value)

    def heal(self, what, root, tree):
        """The next run brings the new tree, and --undo the one before everything."""
        state = state_of(tree)
        with self.lock:
            if state in self.healed:
                return
            self.healed.add(state)
            self.heals += 1
        self.suite.succeeded(what + ": the next run", self.run(root))
        self.suite.equal(what + ": healed", [], difference(essence(self.new), essence(snapshot(root))))

    def fault(self, syscall, number, kind):
        root = self.copy()
        what = "%s: %s at call %d of %s" % (self.name, kind, number, syscall)
        action = "signal=KILL" if kind == "killed" else "error=" + kind
        # With --seccomp-bpf strace is faster, and injects no signals.
        run = self.run(root, ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + syscall, "-e",
                              "inject=%s:%s:when=%d" % (syscall, action, number)] +
                       ([] if kind == "killed" else ["--seccomp-bpf"]))
        tree = snapshot(root)
        self.whole(what, tree)
        if kind == "killed":
            self.suite.ok(what + ": it was", run.status in (137, -9), run.status)
        elif run.status == 0:
            after = {p: v for p, v in essence(tree).items() if not p.startswith(STAGING)}
            new = {p: v for p, v in essence(self.new).items() if not p.startswith(STAGING)}
            self.suite.equal(what + ": it says done", [], difference(new, after))
        else:
            # A program that cannot be loaded says so in words of the loader's.
            started = "error while loading shared libraries" not in run.err
            self.suite.ok(what + ": a plain refusal", not started or (
                run.status in (1, 2, 65) and "\n  try: " in run.err), run.err)
            if self.name != "undo":  # which goes on where it was when it is run again
                self.suite.equal(what + ": nothing changed", [], difference(self.old, tree))
        self.heal(what, root, tree)


def every_fault(suite, case):
    faults = []
    for syscall, number, changes in case.calls[::suite.every]:
        if changes:
            faults.append((syscall, number, "killed"))
        faults.append((syscall, number, "EIO" if syscall in ("fsync", "syncfs") else "ENOSPC"))
    with multiprocessing.pool.ThreadPool(WORKERS) as pool:
        pool.starmap(case.fault, faults, chunksize=1)
    suite.ok(case.name + ": there were faults to make", len(faults) > 40 // suite.every, len(faults))
    suite.ok(case.name + ": and trees to heal", case.heals > 20 // suite.every, case.heals)
    print("%s: %d faults over %d calls, %d different trees healed" % (
        case.name, len(faults), len(case.calls), case.heals), flush=True)


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


def fill(suite, mount, root, before, limit, start):
    """Runs with more and more room, one unit more each time, until it is enough. The last number."""
    for number in range(start, start + 400):
        if subprocess.run(["mount", "-o", "remount,%s=%s" % (limit, number * 4096 if limit == "size" else
                                                             number), mount],
                          capture_output=True, check=False).returncode != 0:
            continue  # fewer than are in use
        run = suite.enable("--ca-cert", suite.bundle, "--root", root)
        what = "%s of %d" % (limit, number)
        if run.status == 0:
            suite.succeeded(what + ": whole", suite.piv_image("verify", "--root", root))
            suite.succeeded(what + ": undo", suite.enable("--undo", "--root", root))
            suite.same(what + ": as before", before, root)
            return number
        suite.refused(what, run, 2)
        suite.same(what + ": as before", before, root)
    suite.ok(limit + ": enough at last", False)
    return start


def check_reading(suite):
    """From the first look at the tree on: the program's own loading is none of its business."""
    root = suite.path("read")
    image_tree.MAKERS["al2"](root)
    case = Case(suite, "reading", root, ca_words(suite), READING)
    first = [syscall for syscall, _, _ in case.calls].index("flock")
    calls = case.calls[first::suite.every * EVERY_READ]
    with multiprocessing.pool.ThreadPool(WORKERS) as pool:
        pool.starmap(case.fault, [(syscall, number, "EIO") for syscall, number, _ in calls], chunksize=1)
    suite.ok("reading: there were faults to make", len(calls) > 400 // suite.every, len(calls))
    print("reading: %d faults over %d calls" % (len(calls), len(case.calls) - first), flush=True)


def check_small_file_systems(suite):
    """A real full disk: from no page to spare, page by page, and node by node, to just enough."""
    mount = suite.path("small")
    os.mkdir(mount)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", mount],
                          capture_output=True, check=False)
    if made.returncode != 0:
        print("file systems of every size: left out, mount: " + made.stderr.decode().strip())
        return
    try:
        root = os.path.join(mount, "root")
        image_tree.MAKERS["al2"](root)
        before = snapshot(root)
        st = os.statvfs(mount)
        used = {"size": st.f_blocks - st.f_bfree, "nr_inodes": st.f_files - st.f_ffree}
        for limit, start in used.items():
            enough = fill(suite, mount, root, before, limit, start)
            suite.ok(limit + ": some were too small", enough > start + 10, (start, enough))
            print("%s: in use %d, enough %d" % (limit, start, enough), flush=True)
            subprocess.run(["mount", "-o", "remount,size=100%,nr_inodes=100000", mount], check=True)
    finally:
        subprocess.run(["umount", mount], check=True)


def main():
    suite = Suite(build_folder())
    if not shutil.which("strace"):
        print("skipped: strace is not installed (scripts/install-deps)")
        return 77
    suite.every = int(sys.argv[sys.argv.index("--every") + 1]) if "--every" in sys.argv else 1
    suite.ca = Authority(suite.path("ca"))
    suite.ca.root("other", "/O=Example/CN=Other Root CA")
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([check_first_staging, check_second_staging, check_undo,
                       check_reading, check_small_file_systems])


if __name__ == "__main__":
    sys.exit(main())
