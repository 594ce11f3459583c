#!/usr/bin/env python3
"""Signed trust bundles between two machines: what is refused changes nothing, and the last good one is
kept."""
import os
import sys

import lab
from lab import day

NOW = day("2030-06-01")
LAST = "/var/lib/piv-login/trust-bundle.p7m"


class Bundle(lab.Case):
    def setUp(self):
        super().setUp()
        self.lab.issue("root", "root", day("2030-01-01"), day("2035-01-01"), subject="/CN=Root")
        self.lab.issue("int1", "ca", day("2030-01-01"), day("2032-01-01"), subject="/CN=Int",
                       issuer="root")
        self.lab.issue("int2", "ca", day("2030-01-01"), day("2034-01-01"), subject="/CN=Int",
                       issuer="root")
        self.lab.issue("fleet", "signing", day("2030-01-01"), day("2031-01-01"))
        self.lab.issue("foreign", "signing", day("2030-01-01"), day("2031-01-01"))
        self.machine = self.tree
        self.source = os.path.join(self.folder, "source")
        os.makedirs(self.source + "/etc/piv-login")
        self.on_source("add", self.lab.path("root.pem"), self.lab.path("int1.pem"))

    def on_source(self, *arguments, when=NOW, **options):
        self.tree = self.source
        try:
            return self.trust(*arguments, when=when, **options)
        finally:
            self.tree = self.machine

    def bundle(self, name, *options, when=NOW, signer="fleet"):
        path = self.lab.path(name)
        self.on_source("bundle", "create", "--sign", self.lab.key_of(signer), "--signer",
                       self.lab.path(signer + ".pem"), "-o", path, *options, when=when)
        return path

    def apply(self, path, *options, signer="fleet", when=NOW, status=0):
        before = self.snapshot()
        answer = self.trust("bundle", "apply", "--signer", self.lab.path(signer + ".pem"), path,
                            *options, when=when, status=status)
        if status != 0:
            self.assertEqual(self.snapshot(), before)
        return answer

    def test_overlap_and_idempotence(self):
        self.apply(self.bundle("one"))
        self.assertEqual(self.states(NOW), {"Root": "active", "Int": "active"})
        self.on_source("add", self.lab.path("int2.pem"), when=day("2030-06-02"))
        two = self.bundle("two", when=day("2030-06-02"))
        before = self.snapshot()
        self.assertIn("would be: ", self.apply(two, "--dry-run").out)
        self.assertEqual(self.snapshot(), before)
        self.assertTrue(self.apply(two, "--json").json()["changed"])
        rows = {r["sha256"]: r["state"] for r in self.trust("list", "--json", when=NOW).json()
                ["certificates"]}
        self.assertEqual(rows[self.lab.sha256("int2")], "next")
        self.assertEqual(rows[self.lab.sha256("int1")], "active")
        before = self.snapshot()
        self.assertFalse(self.apply(two, "--json").json()["changed"])
        self.assertEqual(self.snapshot(), before)
        with open(two, "rb") as f:
            self.assertEqual(before[self.inside(LAST)], f.read())

    def test_refused(self):
        one = self.bundle("one", "--sequence", "1")
        two = self.bundle("two", "--sequence", "2")
        self.apply(two)
        self.assertIn("older than the one applied last", self.apply(one, status=1).err)
        self.on_source("add", self.lab.path("int2.pem"))
        self.assertIn("says something else", self.apply(self.bundle("b", "--sequence", "2"), status=1).err)
        three = self.bundle("three", "--sequence", "3")
        self.apply(three, signer="foreign", status=1)
        self.apply(self.bundle("f", "--sequence", "4", signer="foreign"), status=1)
        self.assertIn("not valid at", self.apply(three, when=day("2031-01-02"), status=1).err)
        self.apply(three, when=day("2029-01-02"), status=1)
        with open(three, "rb") as f:
            content = f.read()
        for name, bad in (("cut", content[:-1]), ("more", content + b"\0"), ("empty", b""),
                          ("text", b"hello"), ("changed", content.replace(b"active", b"retire"))):
            with open(self.lab.path(name), "wb") as f:
                f.write(bad)
            self.apply(self.lab.path(name), status=1)
        self.apply(self.lab.path("none"), status=2)
        self.apply(three)

    def test_the_last_one_cannot_be_read(self):
        one = self.bundle("one")
        self.write(LAST, b"damaged")
        self.assertIn("trust-bundle.p7m", self.apply(one, status=1).err)
        os.remove(self.inside(LAST))
        self.apply(one)
        os.chmod(self.inside(LAST), 0o666)
        self.apply(one, status=78)

    def test_a_failure_changes_nothing(self):
        self.apply(self.bundle("one"))
        self.on_source("add", self.lab.path("int2.pem"), when=day("2030-06-02"))
        two = self.bundle("two", when=day("2030-06-02"))
        folder = self.inside("/etc/piv-login/trust/intermediates")
        name, = [n for n in os.listdir(self.source + "/etc/piv-login/trust/intermediates")
                 if self.lab.sha256("int2")[:16] in n]
        os.makedirs(os.path.join(folder, name, "in the way"))
        before = self.snapshot()
        done = lab.Answer(lab.subprocess.run(
            [self.piv_trust, "bundle", "apply", "--signer", self.lab.path("fleet.pem"), two, "--root",
             self.tree, "--at", lab.at(NOW)], capture_output=True, check=False))
        self.assertEqual(done.status, 2, done.err)
        self.assertEqual(self.snapshot(), before)
        os.removedirs(os.path.join(folder, name, "in the way"))
        self.apply(two)

    def test_key_and_certificate_in_one_file(self):
        both = self.lab.path("both.pem")
        with open(both, "wb") as out:
            for part in ("fleet.key", "fleet.pem"):
                with open(self.lab.path(part), "rb") as f:
                    out.write(f.read())
        self.on_source("bundle", "create", "--sign", both, "-o", self.lab.path("one"))
        self.apply(self.lab.path("one"))
        self.on_source("bundle", "create", "--sign", self.lab.key_of("fleet"), "-o", self.lab.path("x"),
                       status=64)
        self.on_source("bundle", "create", "--sign", self.lab.key_of("foreign"), "--signer",
                       self.lab.path("fleet.pem"), "-o", self.lab.path("x"), status=65)
        self.assertFalse(os.path.exists(self.lab.path("x")))

    def test_another_program_reads_it(self):
        text = lab.run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in",
                       self.bundle("one"), "-certfile", self.lab.path("fleet.pem"), "-noverify",
                       "-nointern")
        self.assertIn(b'"format":"piv-trust bundle 1"', text)


if __name__ == "__main__":
    lab.main(sys.argv, names=["piv_trust"])
