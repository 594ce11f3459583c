"""What the scenario tests share: a lab, ways to ask, and a runner. Each test module defines scenarios
and calls main()."""
import json
import os
import subprocess
import sys
import tempfile
import time

import answers
import der
from behaviours import ALL, http
from lab import Lab
from responder import Responder

PROGRAM = sys.argv[1]
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


class Bench:
    """A lab, a folder of its own, and ways to ask."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.cache = os.path.join(folder, "cache")
        self.stderr = b""
        self.exit = None

    def responder(self, what, **spec):
        """`what`: a behaviour's name or a function (lab, request) -> DER."""
        if isinstance(what, str):
            return Responder(self.lab, ALL[what])

        def reply(lab, request, connection):
            connection.sendall(http(what(lab, request)))
        return Responder(self.lab, dict(run=reply, **spec))

    def request_der(self):
        """An OCSP request about the lab's user."""
        return der.seq(der.seq(der.seq(der.seq(answers.cert_id(self.lab)))))

    def raw(self, *arguments, env=None):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=60, check=False,
                              env=env)
        self.exit, self.stderr = done.returncode, done.stderr
        return done.stdout

    def ask_all(self, *arguments, certs=None, env=None):
        certs = certs or [self.lab.user.pem]
        out = self.raw("--json", "--issuer", self.lab.ca.pem, *arguments, *certs, env=env)
        return json.loads(out)["results"]

    def ask(self, *arguments, cached=False, env=None):
        where = ["--cache", self.cache] if cached else ["--no-cache"]
        return self.ask_all(*where, *arguments, env=env)[0]


def equal(actual, wanted, what):
    if actual != wanted:
        raise AssertionError("%s: %r, should be %r" % (what, actual, wanted))


def timed(function):
    started = time.monotonic()
    result = function()
    return result, time.monotonic() - started


def main():
    names = sys.argv[2:] or list(SCENARIOS)
    failed = 0
    with tempfile.TemporaryDirectory() as shared:
        lab = Lab(shared)
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                bench = Bench(lab, folder)
                try:
                    SCENARIOS[name](bench)
                except Exception as error:  # pylint: disable=broad-except
                    failed += 1
                    print("%s: %s: %s\n%s" % (name, type(error).__name__, error,
                                              bench.stderr.decode(errors="replace")))
    print("%d scenarios, %d failed" % (len(names), failed))
    return 1 if failed else 0
