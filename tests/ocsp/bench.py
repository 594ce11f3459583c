#!/usr/bin/env python3
"""What OCSP costs a login, as rows for scripts/bench (see tests/bench/README.md).

usage: bench.py BUILD_DIR"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import behaviours
from answers import Answer, cert_id, single
from behaviours import http
from lab import Lab
from responder import Responder

BUILD = sys.argv[1]
PIV_OCSP = os.path.join(BUILD, "ocsp_client", "piv-ocsp")
BENCH = os.path.join(BUILD, "tests", "ocsp", "ocsp_bench")


def row(*fields):
    print("\t".join(str(f) for f in fields), flush=True)


def median_ms(command, runs=15):
    times = []
    for _ in range(runs):
        started = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append((time.monotonic() - started) * 1000)
    return statistics.median(times)


def number(*command):
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


def delayed(lab, seconds, certs):
    def reply(_, request, connection):
        time.sleep(seconds)
        connection.sendall(http(Answer(lab, request, singles=[
            single(cert_id(lab, serial=c.serial)) for c in certs]).encode()))
    return Responder(lab, dict(run=reply))


def in_turns(*commands, runs=5):
    """The median that each command prints, run in turns."""
    values = [[] for _ in commands]
    for _ in range(runs):
        for command, seen in zip(commands, values):
            seen.append(number(*command))
    return [statistics.median(seen) for seen in values]


def verify(lab, folder):
    """One stored response: RSA 2048, signed by a delegate whose certificate is attached."""
    saved = os.path.join(folder, "response.der")
    with open(saved, "wb") as f:
        f.write(behaviours.good(lab, None))
    arguments = [lab.user.pem, lab.ca.pem, saved, "0.5"]
    ours, peer = in_turns([BENCH, "judge"] + arguments, [BENCH, "libcrypto"] + arguments)
    row("responses verified on one core, in one process", "1/s", "%.0f" % ours, "libcrypto OCSP_basic_verify",
        "%.0f" % peer, "-")
    ours = median_ms([PIV_OCSP, "--issuer", lab.ca.pem, "--no-cache", "--response", saved, lab.user.pem])
    peer = median_ms(["openssl", "ocsp", "-respin", saved, "-issuer", lab.ca.pem, "-cert", lab.user.pem,
                      "-CAfile", lab.ca.pem, "-partial_chain"])
    row("responses verified on one core, a process each", "1/s", "%.0f" % (1000 / ours), "openssl ocsp -respin",
        "%.0f" % (1000 / peer), "-")


def second_login(lab, folder):
    """Requests at the responder for ten questions within nextUpdate."""
    responder = delayed(lab, 0, [lab.user])
    for _ in range(10):
        subprocess.run([PIV_OCSP, "--issuer", lab.ca.pem, "--cache", os.path.join(folder, "cache"), "--url",
                        responder.url, lab.user.pem], stdout=subprocess.DEVNULL, check=True)
    row("ten questions within nextUpdate", "requests", responder.requests, "without a cache", 10, 10)


def chain(lab):
    certs = [lab.user, lab.sibling, lab.no_eku]
    responder = delayed(lab, 0.3, certs)

    def ask(which):
        return median_ms([PIV_OCSP, "--issuer", lab.ca.pem, "--no-cache", "--url", responder.url] +
                         [c.pem for c in which], 5)
    one, three = ask(certs[:1]), ask(certs)
    row("three certificates, responder of 300 ms", "ms", "%.0f" % three, "one after another",
        "%.0f" % (3 * one), 2)


def behind_the_pin(lab, folder):
    """In turns: with an answer that has to be fetched, and with one in the cache."""
    def join(url, *cache):
        return [BENCH, "join", PIV_OCSP, lab.user.pem, lab.ca.pem, url, "2000", *cache]
    for delay in (0, 100, 300, 1000):
        responder = delayed(lab, delay / 1000, [lab.user])
        cache = os.path.join(folder, "cache-%d" % delay)
        number(*join(responder.url, cache))
        fetched, cached = (us / 1000 for us in in_turns(join(responder.url), join(responder.url, cache)))
        row("from Enter to the verdict, PIN in 2 s, responder of %d ms" % delay, "ms", "%.2f" % fetched,
            "cached answer, and 3 ms", "%.2f" % (cached + 3), 1)


def main():
    for program in (PIV_OCSP, BENCH):
        if not os.path.exists(program):
            print("skipped: %s is not built" % program)
            return 77
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(folder)
        verify(lab, folder)
        chain(lab)
        second_login(lab, folder)
        behind_the_pin(lab, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
