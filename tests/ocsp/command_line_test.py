#!/usr/bin/env python3
"""piv-ocsp as people type it: forms of input files, several certificates, options, JSON, exit statuses.

usage: command_line_test.py PIV_OCSP [NAME...]"""
import base64
import json
import os
import re
import subprocess
import sys
import time

import behaviours
from answers import Answer, cert_id, revoked, single, stamp
from lab import run as run_openssl
from scenario import equal, main, scenario

KEYS = ["cert", "status", "code", "detail", "hint", "this_update", "next_update", "revocation_time", "reason",
        "responder_url", "responder_id", "signer", "nonce", "source", "elapsed_ms"]


def write(b, name, content):
    path = os.path.join(b.folder, name)
    with open(path, "wb") as f:
        f.write(content)
    return path


def about(*certs):
    """Answers good for each of the certificates."""
    return lambda lab, request: Answer(lab, request, singles=[
        single(cert_id(lab, serial=c.serial)) for c in certs]).encode()


@scenario
def every_form_of_a_certificate(b):
    with open(b.lab.user.pem, "rb") as f:
        pem = f.read()
    bundle = run_openssl("openssl", "crl2pkcs7", "-nocrl", "-certfile", b.lab.user.pem)
    forms = {
        "der.pem": b.lab.user.der,
        "crlf.der": pem.replace(b"\n", b"\r\n"),
        "around.txt": b"subject=x\n\n" + pem + b"\nand more text\n",
        "bom": b"\xef\xbb\xbf" + pem,
        "utf16.cer": pem.decode().encode("utf-16"),
        "utf16be": b"\xfe\xff" + pem.decode().encode("utf-16-be"),
        "bare.crt": base64.encodebytes(b.lab.user.der),
        "one-line": base64.b64encode(b.lab.user.der),
        "bundle.p7b": bundle,
        "bundle-der.p7b": run_openssl("openssl", "pkcs7", "-outform", "DER", stdin=bundle),
    }
    responder = b.responder("good_delegated")
    for name, content in forms.items():
        path = write(b, name, content)
        results = b.ask_all("--no-cache", "--url", responder.url, certs=[path])
        equal([r["status"] for r in results], ["good"], name)
        equal(results[0]["cert"], path, "name")
        out = json.loads(b.raw("--json", "--no-cache", "--url", responder.url, "--issuer", write(
            b, "issuer-" + name, content), b.lab.user.pem))["results"][0]
        equal(out["code"], "ocsp-issuer-mismatch", "the user as issuer, " + name)


@scenario
def several_certificates_in_one_file(b):
    """One line each; the CA that is given anyway and self-signed ones are not asked about."""
    lab = b.lab
    chain = b""
    for c in (lab.ca, lab.user, lab.sibling):
        with open(c.pem, "rb") as f:
            chain += f.read()
    path = write(b, "chain.pem", chain)
    responder = b.responder(about(lab.user, lab.sibling))
    results = b.ask_all("--no-cache", "--url", responder.url, certs=[path])
    equal([[r["cert"], r["status"]] for r in results], [[path, "good"], [path + "#3", "good"]], "results")
    equal(b.exit, 0, "exit")
    half = b.responder(lambda l, r: Answer(l, r, singles=[
        single(cert_id(l)), single(cert_id(l, serial=l.sibling.serial), revoked(1))]).encode())
    results = b.ask_all("--no-cache", "--url", half.url, certs=[path])
    equal([r["status"] for r in results], ["good", "revoked"], "one is revoked")
    equal(b.exit, 1, "exit")
    saved = os.path.join(b.folder, "saved")
    b.raw("--issuer", lab.ca.pem, "--no-cache", "--save", saved, "--url", responder.url, path)
    equal([b.exit, os.path.exists(saved)], [64, False], "--save")


@scenario
def certificates_of_several_issuers(b):
    """--ca names the issuers of the others; a folder of them may hold other files too."""
    lab = b.lab
    folder = os.path.join(b.folder, "cas")
    os.mkdir(folder)
    for name, source in (("other.pem", lab.other_ca.pem), ("key.pem", lab.other_ca.key)):
        with open(source, "rb") as f:
            write(b, "cas/" + name, f.read())
    write(b, "cas/README", b"the CAs\n")
    os.mkdir(folder + "/sub")
    responder = b.responder("good_delegated")
    results = b.ask_all("--no-cache", "--ca", folder, "--url", responder.url,
                        certs=[lab.user.pem, lab.foreign.pem])
    equal([r["code"] for r in results], ["good", "ocsp-signer-unauthorized"], "codes")
    empty = os.path.join(b.folder, "empty")
    os.mkdir(empty)
    b.raw("--no-cache", "--issuer", lab.ca.pem, "--ca", empty, lab.user.pem)
    equal(b.exit, 65, "a folder without certificates")


@scenario
def text_says_one_line_for_each(b):
    responder = b.responder("revoked_reason_1")
    out = b.raw("--no-cache", "--issuer", b.lab.ca.pem, "--url", responder.url, b.lab.user.pem).decode()
    equal(len(out.splitlines()), 1, "lines")
    assert re.match(re.escape(b.lab.user.pem) + r": revoked  revoked-at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  "
                    r"reason keyCompromise  this-update \S+Z  next-update \S+Z  responder " +
                    re.escape(responder.url) + r"  responder-id .*  signer delegated  nonce absent  "
                    r"source network  \d+ ms$", out.strip()), out
    assert b.stderr.startswith(b"piv-ocsp: "), b.stderr
    assert b"\n  try: " in b.stderr, b.stderr


@scenario
def json_has_the_same_keys_in_every_case(b):
    for name in ("good_delegated", "revoked_reason_1", "unknown", "status_6", "refuse"):
        responder = b.responder(name)
        result = b.ask("--url", responder.url, "--timeout", "1000")
        equal(list(result), KEYS, name)
        assert isinstance(result["elapsed_ms"], int)
    result = b.ask("--url", b.responder("revoked_reason_1").url)
    for key in ("this_update", "next_update", "revocation_time"):
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", result[key]), result[key]


@scenario
def max_age_and_skew(b):
    """A limit of nothing is a limit; sums do not overflow."""
    old = b.responder(lambda l, r: Answer(l, r, singles=[single(cert_id(l), this=stamp(-400))]).encode())
    for options, code in ((["--max-age", "0"], "ocsp-stale"), (["--max-age", "50"], "ocsp-stale"),
                          (["--max-age", "200"], "good"), (["--max-age", "0", "--skew", "1000"], "good"),
                          (["--skew", "3155760000"], "good"), (["--max-age", "3155760000"], "good")):
        equal(b.ask("--url", old.url, *options)["code"], code, options)
    for options in (["--max-age", "-1"], ["--skew", "-1"], ["--skew", "9223372036854775807"],
                    ["--max-age", "9223372036854775807"], ["--timeout", "0"], ["--timeout", "x"],
                    ["--method", "put"], ["--nonce", "no"], ["--cert-id-hash", "md5"]):
        b.raw("--no-cache", "--issuer", b.lab.ca.pem, "--url", old.url, *options, b.lab.user.pem)
        equal(b.exit, 64, options)


@scenario
def options_that_exclude_each_other(b):
    stored = write(b, "response", behaviours.good(b.lab, None))
    for options in (["--save", os.path.join(b.folder, "x"), "--response", stored],
                    ["--cache", b.folder, "--no-cache"]):
        b.raw("--issuer", b.lab.ca.pem, *options, b.lab.user.pem)
        equal(b.exit, 64, options)


@scenario
def at_both_forms_of_time(b):
    stored = write(b, "response", behaviours.good(b.lab, None))
    now = int(time.time())
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    for at, status in ((str(now), "good"), (text, "good"), (str(now + 10 * 86400), "unavailable"),
                       ("2001-01-01T00:00:00Z", "unavailable")):
        equal(b.ask("--response", stored, "--at", at)["status"], status, at)
    for at in ("2026-13-01T00:00:00Z", "yesterday", "", "1.5", "99999999999999999999"):
        b.raw("--no-cache", "--issuer", b.lab.ca.pem, "--response", stored, "--at", at, b.lab.user.pem)
        equal(b.exit, 64, "exit for %r" % at)


@scenario
def a_query_in_the_url_is_kept_whole(b):
    """Then the request cannot be put behind it: POST."""
    methods = []

    def note(lab, request):
        methods.append(request.method)
        return behaviours.good(lab, request)
    responder = b.responder(note)
    equal(b.ask("--url", responder.url + "ocsp?ca=1")["status"], "good", "status")
    equal(methods, ["POST"], "methods")


@scenario
def configuration_and_command_line(b):
    configured, named = b.responder("good_delegated"), b.responder("good_delegated")
    conf = write(b, "conf", b"[revocation]\nocsp_url = %s\nnonce = off\n" % configured.url.encode())
    result = b.ask("--config", conf)
    equal([result["responder_url"], result["nonce"]], [configured.url, "off"], "configured")
    result = b.ask("--config", conf, "--url", named.url, "--nonce", "auto")
    equal([result["responder_url"], result["nonce"]], [named.url, "match"], "command line")
    equal(configured.requests, 1, "requests")
    conf = write(b, "bad", b"[revocation]\nnonse = off\n")
    b.raw("--config", conf, "--issuer", b.lab.ca.pem, b.lab.user.pem)
    equal(b.exit, 78, "bad configuration")
    assert b"nonce" in b.stderr, b.stderr


@scenario
def version_and_help(b):
    assert re.match(rb"piv-ocsp \d+\.\d+\.\d+\n$", b.raw("--version"))
    text = b.raw("--help")
    for option in (b"--issuer", b"--ca", b"--url", b"--method", b"--nonce", b"--cert-id-hash", b"--at", b"--max-age",
                   b"--skew", b"--timeout", b"--proxy", b"--cache", b"--no-cache", b"--response", b"--save", b"--json",
                   b"--config"):
        assert option in text, option


@scenario
def full_disk_is_not_good(b):
    """Results that cannot be written are no results."""
    responder = b.responder("good_delegated")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.argv[1], "--no-cache", "--issuer", b.lab.ca.pem, "--url", responder.url,
                               b.lab.user.pem], stdout=full, stderr=subprocess.PIPE, check=False)
    equal(done.returncode, 2, "exit")
    result = json.loads(b.raw("--json", "--no-cache", "--issuer", b.lab.ca.pem, "--url", responder.url, "--save",
                              "/nonexistent/answer", b.lab.user.pem))
    equal([b.exit, result["results"]], [2, []], "--save where nothing can be written")


if __name__ == "__main__":
    sys.exit(main())
