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


def verify(lab, folder):
    saved = os.path.join(folder, "response.der")
    with open(saved, "wb") as f:
        f.write(behaviours.good(lab, None))
    row("# one stored response, RSA 2048, delegated signer: %s"
        % number(BENCH, "judge", lab.user.pem, lab.ca.pem, saved, "2"), "judged per second in process")
    ours = median_ms([PIV_OCSP, "--issuer", lab.ca.pem, "--no-cache", "--response", saved, lab.user.pem])
    peer = median_ms(["openssl", "ocsp", "-respin", saved, "-issuer", lab.ca.pem, "-cert", lab.user.pem,
                      "-CAfile", lab.ca.pem, "-partial_chain"])
    row("one stored response judged, process", "ms", "%.1f" % ours, "openssl ocsp -respin",
        "%.1f" % peer, "-")


def chain(lab):
    certs = [lab.user, lab.sibling, lab.no_eku]
    responder = delayed(lab, 0.3, certs)

    def ask(which):
        return median_ms([PIV_OCSP, "--issuer", lab.ca.pem, "--no-cache", "--url", responder.url] +
                         [c.pem for c in which], 5)
    one, three = ask(certs[:1]), ask(certs)
    row("three certificates, responder of 300 ms", "ms", "%.0f" % three, "one after another",
        "%.0f" % (3 * one), 2)


def behind_the_pin(lab):
    for delay in (0, 100, 300, 1000):
        responder = delayed(lab, delay / 1000, [lab.user])
        times = [number(BENCH, "join", PIV_OCSP, lab.user.pem, lab.ca.pem, responder.url, "2000") / 1000
                 for _ in range(5)]
        row("after the PIN of 2 s, responder of %d ms" % delay, "ms", "%.2f" % statistics.median(times),
            "limit of 3 ms over a cached answer", 3, 1)


def main():
    for program in (PIV_OCSP, BENCH):
        if not os.path.exists(program):
            print("skipped: %s is not built" % program)
            return 77
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(folder)
        verify(lab, folder)
        chain(lab)
        behind_the_pin(lab)
    return 0


if __name__ == "__main__":
    sys.exit(main())
