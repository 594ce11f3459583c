#!/usr/bin/env python3
"""piv-ocsp against those who want a login that should fail, a file that is not theirs, or a machine that waits:
the responder, the network, other users of this machine, and who made the certificate.

usage: attacker_test.py PIV_OCSP [NAME...]"""
import fcntl
import glob
import json
import os
import shutil
import stat
import sys
import time

import answers
import behaviours
import der
from answers import Answer
from behaviours import http
from lab import run as run_openssl
from scenario import equal, main, scenario, timed


def issue_with_urls(b, name, urls, ca=None):
    """A certificate whose AIA names these responders."""
    with open(b.lab.config, "a", encoding="ascii") as f:
        f.write("[%s]\nauthorityInfoAccess = @%s_urls\n[%s_urls]\n" % (name, name, name))
        for n, url in enumerate(urls):
            f.write("OCSP;URI.%d = %s\n" % (n, url))
    return b.lab.issue(name, name, ca=ca)


def no_control_characters(b, out):
    for text in (out, b.stderr):
        bad = [octet for octet in text if octet < 0x20 and octet != 0x0a or octet == 0x7f]
        equal(bad, [], "control characters in %r" % text)


@scenario
def odd_urls_in_a_certificate(b):
    """Only http to a host is asked; the rest are named, and nothing is opened."""
    good = b.responder("good_delegated")
    secret = os.path.join(b.folder, "secret")
    with open(secret, "wb") as f:
        f.write(behaviours.good(b.lab, None))
    odd = ["file://" + secret, "ldap://127.0.0.1:%d/" % good.port, "ftp://127.0.0.1:%d/" % good.port,
           "https://127.0.0.1:%d/" % good.port, "http://root:root@127.0.0.1:%d/" % good.port,
           "dict://127.0.0.1:%d/" % good.port, "http://127.0.0.1:%d@evil.invalid/" % good.port]
    user = issue_with_urls(b, "odd_urls", odd)
    results = b.ask_all("--no-cache", certs=[user.pem])
    equal([results[0]["status"], results[0]["code"]], ["unavailable", "ocsp-bad-url"], "verdict")
    equal(good.requests, 0, "requests")


@scenario
def twenty_urls_in_a_certificate(b):
    """Eight are asked, all within the time."""
    silent = b.responder("silence")
    urls = ["http://127.0.0.1:%d/%d" % (silent.port, n) for n in range(20)]
    user = issue_with_urls(b, "many_urls", urls)
    results, took = timed(lambda: b.ask_all("--no-cache", "--timeout", "2500", certs=[user.pem]))
    equal(results[0]["code"], "ocsp-timeout", "code")
    assert took < 3.5, took
    assert silent.requests <= 8, silent.requests


@scenario
def a_certificate_that_no_given_ca_signed(b):
    """Its URL is the word of whoever made it: not asked, whatever its serial number."""
    canary = b.responder("good_delegated")
    forged = issue_with_urls(b, "forged", [canary.url], ca=b.lab.twin_ca)
    result = b.ask_all("--no-cache", certs=[forged.pem])[0]
    equal([result["status"], result["code"]], ["unavailable", "ocsp-issuer-mismatch"], "verdict")
    equal(canary.requests, 0, "requests")
    stored = os.path.join(b.folder, "stored")
    with open(stored, "wb") as f:
        f.write(behaviours.good(b.lab, None))
    # The serial number of a good certificate, under a signature of somebody else.
    copy = b.lab.issue("copied_serial", "user", ca=b.lab.twin_ca, serial="0x1122334455667788")
    result = b.ask_all("--response", stored, certs=[copy.pem])[0]
    equal([result["status"], result["code"]], ["unavailable", "ocsp-issuer-mismatch"], "copied serial")


@scenario
def nothing_shown_controls_the_terminal(b):
    def reply(lab, request, connection):
        connection.sendall(http(b"", kind="text/\x1b[2Jhtml\x07\x9b"))
    responder = b.responder("good_delegated")
    responder.spec = dict(run=reply)
    path = os.path.join(b.folder, "a\x1b]0;owned\x07\nb.pem")
    shutil.copy(b.lab.user.pem, path)
    out = b.raw("--no-cache", "--issuer", b.lab.ca.pem, "--url", responder.url, path)
    equal(b.exit, 2, "exit")
    equal(len(out.splitlines()), 1, "lines")
    no_control_characters(b, out)
    request = run_openssl("openssl", "req", "-new", "-utf8", "-config", b.lab.config, "-key", b.lab.delegate.key,
                          "-subj", "/O=OCSP test/CN=\x1b[31mred\x07")
    evil = os.path.join(b.folder, "evil.pem")
    run_openssl("openssl", "x509", "-req", "-CA", b.lab.ca.pem, "-CAkey", b.lab.ca.key, "-set_serial", "0x77",
                "-days", "9", "-sha256", "-extfile", b.lab.config, "-extensions", "good", "-out", evil, stdin=request)
    shutil.copy(b.lab.delegate.key, os.path.join(b.folder, "evil.key"))
    signer = type(b.lab.delegate)(b.folder, "evil")
    responder = b.responder(lambda lab, request: Answer(lab, request, signer=signer).encode())
    out = b.raw("--no-cache", "--issuer", b.lab.ca.pem, "--url", responder.url, b.lab.user.pem)
    equal(b.exit, 0, "exit with an odd responder name")
    no_control_characters(b, out)
    result = b.ask("--url", responder.url)
    assert "\x1b" not in json.dumps(result, ensure_ascii=False), result


@scenario
def large_keys_cost_little(b):
    """Sixteen certificates with keys of 16,384 bits that all claim to be the signer."""
    class Large:
        subject = b.lab.delegate.subject
        key_bits = b.lab.delegate.key_bits

        def __init__(self, number):
            modulus = b"\x00" + bytes([0xff]) * 2047 + bytes([number * 2 + 1])
            self.der = replace_key(b.lab.delegate.der, b.lab.delegate.key_bits, modulus)
    many = [Large(n).der for n in range(16)]
    reply = answers.wrap(der.seq(Answer(b.lab).tbs(), answers.SIGNATURES["rsa-sha256"][0],
                                 der.bits(b"\x01" * 2048, 0), der.explicit(0, der.seq(*many))))
    responder = b.responder(lambda lab, request: reply)
    plain = b.responder("signature_spoilt")
    _, base = timed(lambda: b.ask("--method", "post", "--url", plain.url))
    result, took = timed(lambda: b.ask("--method", "post", "--url", responder.url))
    equal(result["code"], "ocsp-signature-bad", "code")
    assert took < base + 1.0, (base, took)


def replace_key(certificate, old_bits, modulus):
    """The certificate with another RSA key; its signature no longer fits, which nobody has asked yet."""
    parts = der.children(der.read(certificate)[1])
    fields = [f[2] for f in der.children(parts[0][1])]
    for n, field in enumerate(fields):
        if old_bits in field:
            algorithm = der.children(der.read(field)[1])[0][2]
            key = der.seq(der.tlv(0x02, modulus), der.tlv(0x02, b"\x00" + b"\xff" * 8))
            fields[n] = der.seq(algorithm, der.tlv(0x03, b"\x00" + key))
    return der.seq(der.seq(*fields), parts[1][2], parts[2][2])


@scenario
def habits_are_not_planted_by_unsigned_words(b):
    """Refusals are not signed: they count as a habit only when a proven answer follows."""
    responder = b.responder(lambda lab, request: answers.status_only(6) if request.nonce else
                            Answer(lab, request, spoil_signature=True).encode())
    b.ask("--url", responder.url, cached=True)
    equal(glob.glob(b.cache + "/ocsp/*.responder"), [], "habits")


@scenario
def a_cache_of_somebody_else_is_not_used(b):
    """Nor one that others may write to, nor a link: neither read nor written, and it is said."""
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    folder = os.path.join(b.cache, "ocsp")

    def refused(what):
        before = sorted(os.listdir(folder + "/"))
        requests = responder.requests
        result = b.ask("--url", responder.url, cached=True)
        equal([result["status"], result["source"]], ["good", "network"], what)
        equal(responder.requests, requests + 1, what + ": requests")
        equal(sorted(os.listdir(folder + "/")), before, what + ": files")
        assert b"piv-ocsp: " in b.stderr and b"  try: " in b.stderr, b.stderr
    os.chmod(folder, 0o775)
    refused("writable by the group")
    os.chmod(folder, 0o777)
    refused("writable by all")
    os.chmod(folder, 0o755)
    elsewhere = os.path.join(b.folder, "elsewhere")
    os.rename(folder, elsewhere)
    os.symlink(elsewhere, folder)
    refused("a symbolic link")
    os.unlink(folder)
    os.rename(elsewhere, folder)
    if os.geteuid() == 0:
        os.chown(folder, 12345, 12345)
        refused("another user's")
        os.chown(folder, 0, 0)
    equal(b.ask("--url", responder.url, cached=True)["source"], "cache", "and back")
    equal(b.stderr, b"", "nothing to say")


@scenario
def odd_files_in_the_cache(b):
    """Links, pipes and folders by the names of answers: no waiting, no writing elsewhere."""
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    path = glob.glob(b.cache + "/ocsp/*.ocsp")[0]
    precious = os.path.join(b.folder, "precious")
    with open(precious, "wb") as f:
        f.write(b"keep me")

    def link():
        os.symlink(precious, path)

    def dangling():
        os.symlink(os.path.join(b.folder, "nowhere"), path)
    for make in (link, dangling, lambda: os.mkfifo(path), lambda: os.mkdir(path)):
        os.unlink(path)
        make()
        result, took = timed(lambda: b.ask("--url", responder.url, cached=True))
        equal([result["status"], result["source"]], ["good", "network"], "verdict")
        assert took < 3, took
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.rmdir(path)
            b.ask("--url", responder.url, cached=True)
        assert stat.S_ISREG(os.lstat(path).st_mode), "replaced by a regular file"
    with open(precious, "rb") as f:
        equal(f.read(), b"keep me", "the file that was pointed to")
    equal(os.path.exists(os.path.join(b.folder, "nowhere")), False, "a file elsewhere")
    lock = os.path.join(b.cache, "ocsp", ".lock")
    os.unlink(lock)
    os.symlink(precious, lock)
    equal(b.ask("--nonce", "require", "--url", responder.url, cached=True)["status"], "good", "lock is a link")


@scenario
def a_lock_that_is_held_for_ever(b):
    """By a stopped process, say: the answer counts, and in time."""
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    with open(os.path.join(b.cache, "ocsp", ".lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result, took = timed(lambda: b.ask("--nonce", "require", "--url", responder.url, cached=True))
    equal(result["status"], "good", "status")
    assert took < 2.5, took


@scenario
def an_old_answer_played_again(b):
    """Recorded while it was good: with a nonce it is refused, without one it ends with its nextUpdate."""
    recorded = behaviours.good(b.lab, None)
    nonce = Answer(b.lab, None, nonce=b"\x04\x02ab").encode()
    replay = b.responder(lambda lab, request: recorded)
    equal(b.ask("--nonce", "require", "--url", replay.url)["code"], "ocsp-nonce-missing", "without a nonce")
    equal(b.ask("--url", b.responder(lambda lab, request: nonce).url)["code"], "ocsp-nonce-mismatch", "another's")
    later = str(int(time.time()) + 2 * 86400)
    equal(b.ask("--url", replay.url, "--at", later)["code"], "ocsp-stale", "after its end")


if __name__ == "__main__":
    sys.exit(main())
