#!/usr/bin/env python3
"""The fetch role as a process: what it may, what it still does, and what ends it.

usage: fetch_role_test.py PIV_OCSP [NAME...]"""
import os
import shutil
import struct
import subprocess
import sys
import time

import behaviours
from fetch_role import FetchRole, frame, request
from scenario import PROGRAM, equal, main, scenario


def has_seccomp():
    libraries = subprocess.run(["ldd", PROGRAM], capture_output=True, check=True).stdout
    return b"libseccomp" in libraries


@scenario
def confined_and_still_fetching(b):
    responder = b.responder(lambda lab, request: behaviours.good(lab, request))
    with FetchRole(PROGRAM) as role:
        # A name, not a number: the resolver of the C library works inside the filter.
        role.send(request(1, "http://localhost:%d/" % responder.port, b.request_der(), True))
        reply = role.receive()
        equal([reply["id"], reply["ok"], reply["status"]], [1, 1, 200], "reply: %r" % reply)
        equal(role.status_of("NoNewPrivs"), ["1"], "no new privileges")
        equal(role.status_of("CapEff"), ["0000000000000000"], "capabilities")
        if os.geteuid() == 0:
            assert "0" not in role.status_of("Uid"), "still root"
            assert "0" not in role.status_of("Gid"), "still root's group"
            equal(role.status_of("Groups"), [], "groups")
        if has_seccomp():
            equal(role.status_of("Seccomp"), ["2"], "system call filter")
        role.send(request(2, "http://nowhere.invalid/", timeout_ms=2000))
        assert role.receive()["code"] in ("ocsp-host-not-found", "ocsp-timeout")
        role.send(request(3, "http://127.0.0.1:1/"))
        equal(role.receive()["code"], "ocsp-connect-failed", "nobody listens")
        equal(role.close(), 0, "exit after the end")


@scenario
def eight_at_once(b):
    responder = b.responder(lambda lab, request: behaviours.good(lab, request))
    with FetchRole(PROGRAM) as role:
        for n in range(8):
            role.send(request(100 + n, "http://localhost:%d/" % responder.port, b.request_der(), True))
        replies = [role.receive() for _ in range(8)]
        equal(sorted(r["id"] for r in replies), list(range(100, 108)), "ids")
        equal({r["status"] for r in replies}, {200}, "statuses")


@scenario
def refuses_what_the_login_would_refuse(b):
    canary = b.responder("good_delegated")
    with FetchRole(PROGRAM) as role:
        for n, url in enumerate(("file:///etc/passwd", "https://127.0.0.1/", "ftp://127.0.0.1/", "http://u@127.0.0.1/",
                                 "http://127.0.0.1:%d/#f" % canary.port, "", "http://127.0.0.1:%d/ x" % canary.port,
                                 "http://127.0.0.1:%d/\r\nX: y" % canary.port)):
            role.send(request(n, url))
            equal(role.receive()["code"], "ocsp-bad-url", url)
        role.send(request(99, "http://ocsp.invalid/", proxy="socks5://127.0.0.1:%d" % canary.port))
        equal(role.receive()["code"], "ocsp-bad-url", "proxy")
    equal(canary.requests, 0, "requests")


@scenario
def broken_frames_end_it(b):
    good = request(1, "http://127.0.0.1:1/")
    for what, data in (("a length over the cap", b"\x7f\xff\xff\xff"), ("junk", frame(b"x" * 40)),
                       ("too short", frame(good[4:-1])), ("too long", frame(good[4:] + b"x")),
                       ("method 2", frame(good[4:16] + b"\x02" + good[17:])),
                       ("a response over the cap", frame(good[4:12] + struct.pack(">I", 2 << 20) + good[16:]))):
        with FetchRole(PROGRAM) as role:
            role.send(data)
            equal(role.receive(), None, what)
            equal(role.process.wait(10), 1, "exit: " + what)


@scenario
def ends_with_the_login(b):
    """Hanging up ends it, whatever is under way."""
    silent = b.responder("silence")
    with FetchRole(PROGRAM) as role:
        role.send(request(1, silent.url, b.request_der(), True))
        time.sleep(0.2)
        started = time.monotonic()
        equal(role.close(), 0, "exit")
        assert time.monotonic() - started < 2


@scenario
def the_filter_lets_pass_what_is_needed(b):
    """Nothing that an ordinary exchange needs hits the filter."""
    if not has_seccomp() or shutil.which("strace") is None or os.geteuid() != 0:
        print("  (needs libseccomp, strace and root)")
        return
    log = os.path.join(b.folder, "strace")
    responder = b.responder(lambda lab, request: behaviours.good(lab, request))
    with FetchRole(PROGRAM, ["strace", "-f", "-qq", "-o", log, "--"]) as role:
        role.send(request(1, "http://localhost:%d/" % responder.port, b.request_der(), True))
        reply = role.receive()
        if reply is None:
            print("  (strace may not trace here)")
            return
        equal(reply["status"], 200, "status")
    with open(log, encoding="ascii", errors="replace") as f:
        calls = f.read()
    assert "seccomp" in calls, "no filter seen"
    inside = calls[calls.rindex("seccomp("):]
    refused = [line for line in inside.splitlines() if "= -1 EPERM" in line]
    equal(refused, [], "refused calls")


if __name__ == "__main__":
    sys.exit(main())
