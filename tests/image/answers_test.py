#!/usr/bin/env python3
"""--ocsp-response and --crl: what a login would not use is refused before anything is written.

usage: answers_test.py BUILD_DIR"""
import os
import subprocess
import sys

import image_tree
from authority import Authority, day, openssl
from harness import Suite, build_folder, snapshot


def serial_of(ca, name):
    return openssl(ca.folder, "x509", "-in", name + ".pem", "-noout",
                   "-serial").decode().strip().split("=")[1]


def ocsp(ca, name, about, issuer, signer=None, status="V", days="7", clock=None):
    """An answer of openssl's responder, in the file NAME."""
    gone = day(-1)[2:] if status == "R" else ""
    ca.write(name + ".index", ("%s\t%s\t%s\t%s\tunknown\t/CN=x\n" % (
        status, day(300)[2:], gone, serial_of(ca, about))).encode())
    signer = signer or issuer
    words = ["openssl", "ocsp", "-index", name + ".index", "-CA", issuer + ".pem", "-rsigner",
             signer + ".pem", "-rkey", signer + ".key", "-issuer", issuer + ".pem", "-cert",
             about + ".pem", "-no_nonce", "-ndays", days, "-respout", name, "-noverify",
             "-resp_no_certs"]
    env = dict(os.environ)
    if clock:
        words = ["faketime", clock] + words
    done = subprocess.run(words, cwd=ca.folder, capture_output=True, check=False, env=env)
    if done.returncode != 0 or not os.path.exists(ca.path(name)):
        raise RuntimeError("openssl ocsp: " + done.stderr.decode())
    return ca.path(name)


def crl(ca, name, issuer, form="PEM", days="30", clock=None):
    words = ["openssl", "ca", "-gencrl", "-config", "ca.cnf", "-name", "db", "-cert",
             issuer + ".pem", "-keyfile", issuer + ".key", "-md", "sha256", "-crldays", days,
             "-out", name]
    ca.write("index", b"")
    subprocess.run((["faketime", clock] if clock else []) + words, cwd=ca.folder, check=True,
                   capture_output=True)
    if form == "DER":
        openssl(ca.folder, "crl", "-in", name, "-outform", "DER", "-out", name)
    return ca.path(name)


def stage(suite, root, *words):
    return suite.enable("--ca-cert", suite.bundle, "--root", root, *words)


def check_good_ones(suite):
    ca = suite.ca
    root = suite.path("good")
    image_tree.MAKERS["el9"](root)
    before = snapshot(root)
    words = ["--ocsp-response", ocsp(ca, "leaf.ors", "leaf", "int"), "--ocsp-response",
             ocsp(ca, "int.ors", "int", "root", days="3"), "--crl", crl(ca, "int.crl", "int"),
             "--crl", crl(ca, "root.crl", "root", "DER", "9")]
    run = stage(suite, root, *words)
    suite.succeeded("an answer about a card, about a CA, and two CRLs", run)
    suite.equal("no warning", "", run.err)
    suite.ok("says which response ends first, and when", "2 OCSP responses staged; the first to end "
             "is int.ors, at 2" in run.out, run.out)
    suite.ok("says which CRL ends first", "2 CRLs staged; the first to end is root.crl" in run.out,
             run.out)
    suite.equal("both answers", 2, len(os.listdir(os.path.join(root, "var/lib/piv-login/ocsp"))))
    suite.equal("both CRLs", 2, len(os.listdir(os.path.join(root, "var/lib/piv-login/crl"))))
    staged = snapshot(root)
    run = stage(suite, root, *words)
    suite.ok("nothing to do twice", "nothing to do" in run.out, run.out)
    suite.same("wrote nothing", staged, root)
    suite.enable("--undo", "--root", root)
    suite.same("undone", before, root)
    # A successor that is in the image already may be what an answer is about.
    run = stage(suite, root, "--ocsp-response", ocsp(ca, "gone.ors", "leaf", "int", status="R"))
    suite.succeeded("an answer that revokes", run)
    suite.ok("it is said", "is revoked" in run.err, run.err)


def check_refused_ones(suite):
    ca = suite.ca
    root = suite.path("refused")
    image_tree.MAKERS["debian"](root)
    before = snapshot(root)
    with open(ocsp(ca, "forged.ors", "leaf", "int"), "rb") as f:
        forged = bytearray(f.read())
    forged[-1] ^= 1  # in the signature
    unsigned = ca.write("unsigned.ors", bytes(forged))
    ca.root("fake", "/O=Example/CN=Example Issuing CA")
    old = "-40 days"
    cases = [
        ("a stale answer", ["--ocsp-response", ocsp(ca, "stale.ors", "leaf", "int", clock=old)],
         "stale.ors", "would not use"),
        ("an answer of another CA", ["--ocsp-response", ocsp(ca, "alien.ors", "stranger", "other")],
         "alien.ors", "no certificate that a CA of this chain issued"),
        ("an answer signed by another CA", ["--ocsp-response",
                                            ocsp(ca, "wrong.ors", "leaf", "int", signer="other")],
         "wrong.ors", "would not use"),
        ("a broken signature", ["--ocsp-response", unsigned], "unsigned.ors", "would not use"),
        ("no answer at all", ["--ocsp-response", ca.path("root.cer")], "root.cer"),
        ("a file that is not there", ["--ocsp-response", ca.path("nowhere")], "nowhere"),
        ("an old CRL", ["--crl", crl(ca, "old.crl", "int", clock=old)], "old.crl", "ended at"),
        ("a CRL of another CA", ["--crl", crl(ca, "other.crl", "other")], "other.crl",
         "no CA of this chain"),
        ("a CRL of a CA that has only the name", ["--crl", crl(ca, "fake.crl", "fake")], "fake.crl",
         "is not signed by"),
        ("no CRL at all", ["--crl", ca.path("leaf.pem")], "leaf.pem", "is no CRL"),
    ]
    for what, words, *said in cases:
        run = stage(suite, root, *words)
        suite.ok(what + ": refused", run.status in (65, 2), "%d %s" % (run.status, run.err))
        for word in said:
            suite.ok("%s: says %r" % (what, word), word in run.err, run.err)
        suite.ok(what + ": advice", "\n  try: " in run.err, run.err)
        suite.same(what + ": nothing written", before, root)


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.ca.root("other", "/O=Example/CN=Other Root CA")
    suite.ca.issue("stranger", "/O=Example/CN=Stranger", "leaf", "other", 300)
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
