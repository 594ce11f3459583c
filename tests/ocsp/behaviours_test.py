#!/usr/bin/env python3
"""Every behaviour of the misbehaving responder against piv-ocsp: the verdict, its code, and the time.

usage: behaviours_test.py PIV_OCSP [--one-for-each-code | NAME...]
With --one-for-each-code it also prints "seen CODE" for each code that piv-ocsp gave."""
import concurrent.futures
import json
import subprocess
import sys
import tempfile
import time

from behaviours import ALL
from lab import Lab
from responder import Responder

TIMEOUT_MS = 3000  # the responder signs by starting openssl: on a busy machine that takes a while
MARGIN_S = 1.0


def check(name, lab, program, canary):
    spec = ALL[name]
    responder = Responder(lab, spec, {b"{canary}": str(canary.port).encode()})
    command = [program, "--json", "--no-cache", "--issuer", lab.ca.pem, "--url", responder.url,
               "--timeout", str(TIMEOUT_MS)] + spec["options"] + [lab.user.pem]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    took = time.monotonic() - started
    responder.close()
    problems = ["responder: %r" % e for e in responder.errors]
    result = json.loads(done.stdout)["results"][0]
    if result["status"] != spec["status"]:
        problems.append("is %s, should be %s" % (result["status"], spec["status"]))
    if spec["codes"] and result["code"] not in spec["codes"]:
        problems.append("code %s, should be %s" % (result["code"], " or ".join(spec["codes"])))
    if done.returncode != {"good": 0, "revoked": 1}.get(spec["status"], 2):
        problems.append("exit status %d" % done.returncode)
    if took > TIMEOUT_MS / 1000 + MARGIN_S:
        problems.append("took %.2f s" % took)
    if spec["status"] != "good" and b"  try: " not in done.stderr:
        problems.append("no advice on stderr")
    if problems:
        problems.append("detail: %s" % result["detail"])
    return name, problems, result["code"]


def one_for_each_code():
    """Behaviours that leave no choice of code: the first one for each."""
    first = {}
    for name, spec in ALL.items():
        if spec["status"] != "good" and len(spec["codes"]) == 1:
            first.setdefault(spec["codes"][0], name)
    return list(first.values())


def main():
    program = sys.argv[1]
    telling = sys.argv[2:] == ["--one-for-each-code"]
    names = one_for_each_code() if telling else sys.argv[2:] or list(ALL)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(folder)
        canary = Responder(lab, ALL["good_delegated"])  # where redirects point: never to be asked
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for name, problems, code in pool.map(lambda n: check(n, lab, program, canary), names):
                failed += bool(problems)
                if telling:
                    print("seen " + code)
                for problem in problems:
                    print("%s: %s" % (name, problem))
        if canary.requests:
            failed += 1
            print("%d redirects were followed" % canary.requests)
    print("%d behaviours, %d failed" % (len(names), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
