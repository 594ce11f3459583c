#!/usr/bin/env python3
"""Killed, or out of space, at every system call that writes: each command that changes a tree leaves
the old chain or the new one, and the next run completes it. strace injects the faults."""
import os
import re
import shutil
import subprocess
import sys
import unittest

import lab
from lab import day

NOW = day("2030-06-01")
LATER = day("2030-06-10")
CALLS = "openat write mkdirat mkdir fchmod fsync rename renameat renameat2 unlink unlinkat".split()
STATE = "/var/lib/piv-login"


class Faults(lab.Case):
    """A chain with a `next` CA; every command is run with faults in a copy of that tree."""

    def setUp(self):
        super().setUp()
        for name, kind, issuer in (("root", "root", None), ("int1", "ca", "root"), ("int2", "ca", "root"),
                                   ("int3", "ca", "root"), ("root2", "root", None)):
            self.lab.issue(name, kind, day("2030-01-01"), day("2035-01-01" if name != "int2" else
                                                              "2036-01-01"),
                           subject="/CN=" + name.rstrip("12").title(), issuer=issuer)
        self.lab.issue("fleet", "signing", day("2030-01-01"), day("2031-01-01"))
        self.trust("add", self.pem("root"), self.pem("int1"), when=NOW)
        self.trust("add", self.pem("int2"), when=NOW)
        self.old_tree, self.tree = self.tree, os.path.join(self.folder, "copy")
        self.runs = 0

    def pem(self, name):
        return self.lab.path(name + ".pem")

    def fresh(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.copytree(self.old_tree, self.tree)

    def run_with(self, command, *strace):
        prefix = ["strace", "-f", "-qq", *strace] if strace else []
        return lab.Answer(subprocess.run(
            [*prefix, self.piv_trust, *command, "--root", self.tree, "--at", lab.at(LATER)],
            capture_output=True, check=False, timeout=120))

    def files(self):
        """{path in the tree: octets}, without what a kill may leave of a file that was being written."""
        return {path[len(self.tree):]: content for path, content in self.snapshot().items()
                if not re.search(r"\.tmp-\w{6}$", path)}

    def chain(self):
        """What a login sees: each certificate with its state."""
        listed = self.trust("list", "--json", when=LATER).json()["certificates"]
        return {(c["sha256"], c["state"]) for c in listed if c["role"] in ("anchor", "intermediate")}

    def writing_calls(self, command):
        """[(system call, which of its calls)] on the way from the old to the new tree."""
        self.fresh()
        self.before, self.old_chain = self.files(), self.chain()
        log = os.path.join(self.folder, "strace.log")
        done = self.run_with(command, "-o", log, "-e", "trace=" + ",".join("?" + c for c in CALLS))
        self.assertIn(done.status, (0, 1), done.err)
        self.after, self.new_chain = self.files(), self.chain()
        self.assertNotEqual(self.before, self.after)
        found, counts = [], {}
        with open(log, encoding="utf-8", errors="replace") as f:
            for line in f:
                m = re.match(r"\d+ +(\w+)\((.*)", line)
                if m:
                    counts[m.group(1)] = counts.get(m.group(1), 0) + 1
                    if m.group(1) != "openat" or "O_CREAT" in m.group(2):  # the others read
                        found.append((m.group(1), counts[m.group(1)]))
        self.assertGreater(len(found), 4, command)
        return found

    def check(self, what, command, done, killed):
        files = self.files()
        for path in set(files) | set(self.before) | set(self.after):
            self.assertIn(files.get(path), (self.before.get(path), self.after.get(path)), (what, path))
        chain = self.chain()
        self.assertLessEqual(self.old_chain & self.new_chain, chain, what)
        self.assertLessEqual({sha for sha, _ in chain},
                             {sha for sha, _ in self.old_chain | self.new_chain}, what)
        if not killed and done.status not in (0, 1):
            self.assertEqual(done.status, 2, (what, done.err))
            self.assertRegex(done.err, r"piv-trust: .+\n  try: .+\n", what)
            if command[0] != "rollover":  # what it promoted stays; the next run writes the rest
                self.assertEqual(chain, self.old_chain, what)
        elif not killed:
            self.assertEqual(chain, self.new_chain, what)
        if command[0] not in ("remove",) or chain == self.old_chain:
            again = self.run_with(command)
            self.assertIn(again.status, (0, 1), (what, again.err))
        self.assertEqual(self.chain(), self.new_chain, what)

    def every_fault(self, *command):
        for call, number in self.writing_calls(command):
            for kind in ("signal=KILL", "error=ENOSPC", "error=ENOSPC, from then on"):
                when = "%d+" % number if "from" in kind else str(number)
                if when[-1] == "+" and call in ("openat", "write"):
                    continue  # reads and messages would fail too
                self.fresh()
                done = self.run_with(command, "-o", "/dev/null", "-e", "trace=" + call, "-e",
                                     "inject=%s:%s:when=%s" % (call, kind.split(",")[0], when))
                self.check("%s: %s at %s of %s" % (command[0], kind, when, call), command, done,
                           "KILL" in kind)
                self.runs += 1
        print("%s: %d faults" % (command[0], self.runs))

    def test_add(self):
        self.every_fault("add", self.pem("root2"), self.pem("int3"))

    def test_promote(self):
        self.every_fault("promote", self.lab.sha256("int2")[:16])

    def test_retire(self):
        self.every_fault("retire", self.lab.sha256("int1")[:16])

    def test_remove(self):
        self.every_fault("remove", self.lab.sha256("int2")[:16])

    def test_rollover(self):
        self.every_fault("rollover")

    def test_rollover_with_metrics_elsewhere(self):
        self.every_fault("rollover", "--metrics", self.tree + STATE + "/node.prom")

    def test_bundle_apply(self):
        source, self.tree = self.tree, os.path.join(self.folder, "source")
        shutil.copytree(self.old_tree, self.tree)
        self.trust("add", self.pem("int3"), when=NOW)
        self.trust("bundle", "create", "--sign", self.lab.key_of("fleet"), "--signer", self.pem("fleet"),
                   "-o", self.lab.path("bundle"), when=NOW)
        self.tree = source
        self.every_fault("bundle", "apply", "--signer", self.pem("fleet"), self.lab.path("bundle"))


if __name__ == "__main__":
    if not shutil.which("strace"):
        print("skipped: strace is not installed (scripts/install-deps)")
        sys.exit(77)
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode != 0:
        print("skipped: processes may not be traced here")
        sys.exit(77)
    lab.main(sys.argv, names=["piv_trust"])
