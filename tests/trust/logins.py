"""Logins at any time, judged by piv-check with what is installed in a tree."""
import json
import os
import subprocess

import lab


class Logins:
    """For a Case: a system with users, and whether a certificate of the lab would log in."""

    def make_system(self, *users):
        self.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n" + "".join(
            "%s:x:%d:%d::/home/%s:/bin/sh\n" % (u, 2001 + i, 2001 + i, u) for i, u in enumerate(users)))
        self.write("/etc/piv-login/piv-login.conf", "[mapping]\ndomain = corp.example.com\n")
        self.answer_files = []

    def login(self, name, when, ocsp=False):
        """The code of the decision: "ok", or why not."""
        command = [self.piv_check, "--json", "--root", self.tree, "--at", lab.at(when), "--cert",
                   self.lab.path(name + ".pem")]
        if ocsp:
            for path in self.answer_files:
                command += ["--ocsp-response", path]
        else:
            command += ["--ocsp", "off"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        return json.loads(done.stdout)["code"]

    def seen(self, name):
        """Its card logged in here: the card role keeps its certificate."""
        self.write("/var/lib/piv-login/cache/cards/" + name, b"\x53\x82" + self.lab.der(name))

    def answers(self, when, signer):
        """OCSP answers of that time: on the user by `signer`, on the issuing CA by the root."""
        self.answer_files = [self.answer("old", "int1", signer, when),
                             self.answer("int1", "root", "root", when)]

    def answer(self, name, issuer, signer, when):
        base = self.lab.path("answer-" + name)
        pem = self.lab.path(name + ".pem")
        serial = lab.run("openssl", "x509", "-in", pem, "-noout", "-serial").decode().split("=")[1].strip()
        with open(base + ".idx", "w", encoding="ascii") as f:
            f.write("V\t350101000000Z\t\t%s\tunknown\t/CN=%s\n" % (serial, name))
        lab.run("faketime", when.strftime("%Y-%m-%d %H:%M:%S"), "openssl", "ocsp", "-index",
                base + ".idx", "-CA", self.lab.path(issuer + ".pem"), "-rsigner",
                self.lab.path(signer + ".pem"), "-rkey", self.lab.key_of(signer), "-issuer",
                self.lab.path(issuer + ".pem"), "-cert", pem, "-ndays", "7", "-respout", base + ".der",
                "-noverify", env=dict(os.environ, TZ="UTC"))
        return base + ".der"
