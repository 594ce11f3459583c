#!/usr/bin/env python3
"""Everything that must not be staged is refused, by name, before anything is written.

usage: refusals_test.py BUILD_DIR"""
import os
import shutil
import socket
import sys

import image_tree
from authority import Authority, openssl
from harness import Suite, build_folder, snapshot


def expect(suite, what, files, status, *words, options=(), root=None, profile="el9", problems=None):
    """One line for each problem, the status, and the tree as it was."""
    if root is None:
        root = suite.path("root")
        if not os.path.isdir(root):
            image_tree.MAKERS[profile](root)
    before = snapshot(root)
    run = suite.enable("--ca-cert", *[f if os.path.isabs(str(f)) else suite.ca.path(f) for f in files],
                       "--root", root, *options)
    suite.refused(what, run, status, *words)
    suite.same(what + ": nothing was written", before, root)
    lines = [l for l in run.err.split("\n") if l.startswith("enable-smartcard: ") and
             not l.startswith("enable-smartcard: warning")]
    if problems is not None:
        suite.equal(what + ": one line for each problem", problems, len(lines))
    json_run = suite.enable("--ca-cert", *[f if os.path.isabs(str(f)) else suite.ca.path(f)
                                           for f in files], "--root", root, "--json", *options)
    suite.equal(what + ": the same status with --json", status, json_run.status)
    suite.ok(what + ": one JSON document that names the problem", json_run.json(), json_run.out)
    return run


def check_what_is_no_ca(suite):
    expect(suite, "a leaf in place of a CA", ["root.cer", "leaf.cer"], 65, "leaf.cer", "person",
           "Example Issuing CA", problems=1)
    expect(suite, "a leaf beside its chain", ["root.cer", "int.cer", "leaf.cer"], 65, "leaf.cer",
           problems=1)
    expect(suite, "a private key", ["root.cer", "int.key"], 65, "int.key", "private key", problems=1)
    expect(suite, "a certificate with its key in one file", ["root.cer", "mixed.pem"], 65,
           "mixed.pem", "private key", problems=1)
    expect(suite, "PKCS#12", ["root.cer", "int.p12"], 65, "int.p12", problems=1)
    expect(suite, "CA:FALSE", ["root.cer", "not-ca.cer"], 65, "not-ca.cer", "CA:TRUE", problems=1)
    expect(suite, "no keyCertSign", ["root.cer", "no-sign.cer"], 65, "no-sign.cer", "keyCertSign",
           problems=1)
    expect(suite, "a version 1 root", ["v1.cer"], 65, "v1.cer", "version 1", problems=1)
    expect(suite, "text", ["root.cer", "notes.txt"], 65, "notes.txt", problems=1)
    expect(suite, "nothing", ["root.cer", "empty.cer"], 65, "empty.cer", problems=1)
    expect(suite, "a CSR", ["root.cer", "int.csr"], 65, "int.csr", problems=1)
    expect(suite, "a damaged certificate", ["root.cer", "damaged.cer"], 65, "damaged.cer", problems=1)
    expect(suite, "half a certificate", ["root.cer", "half.cer"], 65, "half.cer", problems=1)


def check_chains(suite):
    run = expect(suite, "no root", ["int.cer"], 65, "int.cer", "issuer is missing",
                 "Example Root CA", "http://pki.example.com/root.cer", problems=1)
    suite.ok("the missing CA is named by its key, too", "key id " in run.err, run.err)
    expect(suite, "a missing intermediate", ["root.cer", "sub.cer"], 65, "sub.cer",
           "issuer is missing", "Example Issuing CA", problems=1)
    expect(suite, "an intermediate of another root", ["root.cer", "int.cer", "orphan.cer"], 65,
           "orphan.cer", "Other Root CA", problems=1)
    expect(suite, "the right name, the wrong key", ["twin.cer", "int.cer"], 65, "int.cer",
           "does not verify", problems=1)
    expect(suite, "two keys of one CA", ["root.cer", "int.cer", "rekeyed.cer"], 65, "rekeyed.cer",
           "int.cer", "rollover pair", problems=1)
    root = suite.path("pair")
    image_tree.MAKERS["el9"](root)
    files = [suite.ca.path(n) for n in ("root.cer", "int.cer", "rekeyed.cer")]
    run = suite.enable("--ca-cert", *files, "--rollover", "--root", root)
    suite.succeeded("two keys on purpose", run)
    suite.ok("and it is said", "rollover pair" in run.err, run.err)
    run = expect(suite, "several problems at once", ["root.cer", "leaf.cer", "expired.cer", "int.key"],
                 65, "leaf.cer", "expired.cer", "int.key", problems=3)


def check_times(suite):
    expect(suite, "expired", ["root.cer", "expired.cer"], 65, "expired.cer", "expired at", problems=1)
    expect(suite, "not yet valid", ["root.cer", "early.cer"], 65, "early.cer", "not valid before",
           problems=1)
    expect(suite, "ends in 20 days", ["root.cer", "short.cer"], 65, "short.cer", "ends in",
           "--min-ca-days", problems=1)
    root = suite.path("short")
    image_tree.MAKERS["el9"](root)
    run = suite.enable("--ca-cert", suite.ca.path("root.cer"), suite.ca.path("short.cer"),
                       "--min-ca-days", "10", "--root", root)
    suite.succeeded("--min-ca-days 10", run)
    suite.ok("warns below 90", "warning" in run.err and "short.cer" in run.err, run.err)
    expect(suite, "--min-ca-days 4000", ["root.cer", "int.cer"], 65, "int.cer", options=[
        "--min-ca-days", "4000"], problems=1)


def check_image_life(suite):
    """An image of so many days needs every CA, or its successor, for as long."""
    life = ["--image-lives", "540"]
    expect(suite, "a CA that ends before the image", ["root.cer", "year.cer"], 65, "year.cer",
           "before the 540 days", "--rollover", options=life, problems=1)
    for files, words in ((["root.cer", "int.cer"], life), (["root.cer", "year.cer", "year-next.cer"], life + ["--rollover"]),
                         (["root.cer", "year.cer"], ["--image-lives", "300"])):
        root = suite.path("life")
        image_tree.MAKERS["el9"](root)
        run = suite.enable("--ca-cert", *[suite.ca.path(f) for f in files], "--root", root, *words)
        suite.succeeded("long enough: %s" % files, run)
        suite.ok("and says which CA ends first", "the first CA to end is" in run.out, run.out)
        shutil.rmtree(root)
    # A successor that piv-trust has put into the image counts; one that is too short does not.
    for successor, status in (("year.cer", 65), ("year-next.cer", 0)):
        root = suite.path("life-next")
        image_tree.MAKERS["el9"](root)
        folder = os.path.join(root, "etc/piv-login/trust/intermediates")
        os.makedirs(folder)
        shutil.copy(suite.ca.path(successor), os.path.join(folder, "next.pem"))
        with open(os.path.join(folder, "junk.pem"), "w") as junk:
            junk.write("no certificate")
        run = suite.enable("--ca-cert", suite.ca.path("root.cer"), suite.ca.path("year.cer"), "--root", root, *life)
        suite.ok("%s installed before" % successor, run.status == status, run.err)
        shutil.rmtree(root)


def check_strength(suite):
    expect(suite, "SHA-1", ["root.cer", "sha1.cer"], 65, "sha1.cer", "sha1", problems=1)
    expect(suite, "MD5", ["rsa.cer", "md5.cer"], 65, "md5.cer", "md5", problems=1)
    expect(suite, "RSA 1024", ["root.cer", "weak.cer"], 65, "weak.cer", "1024", problems=1)
    expect(suite, "a root of RSA 1024", ["weak-root.cer"], 65, "weak-root.cer", "1024", problems=1)
    root = suite.path("sha1-root")
    image_tree.MAKERS["el9"](root)
    run = suite.enable("--ca-cert", suite.ca.path("sha1-root.cer"), "--root", root)
    suite.succeeded("SHA-1 on a self-signed root does no harm", run)


def check_files(suite):
    expect(suite, "a file that is not there", ["root.cer", "absent.cer"], 65, "absent.cer", problems=1)
    expect(suite, "a folder", ["root.cer", suite.temp], 65, problems=1)
    expect(suite, "50 MB of junk", ["root.cer", "junk.cer"], 65, "junk.cer", problems=1)
    expect(suite, "50 MB of PEM lines", ["root.cer", "junk.pem"], 65, "junk.pem", problems=1)
    expect(suite, "a FIFO", ["root.cer", "fifo.cer"], 65, "fifo.cer", problems=1)
    expect(suite, "a socket", ["root.cer", "socket.cer"], 65, "socket.cer", problems=1)
    expect(suite, "a device", ["root.cer", "/dev/zero"], 65, "/dev/zero", problems=1)
    expect(suite, "a dangling link", ["root.cer", "dangling.cer"], 65, "dangling.cer", problems=1)


def check_odd_names(suite):
    """Names are shown so that a terminal cannot be fooled, and files of any name are read."""
    odd = {"new\nline.cer": "new\\x0aline", "esc\x1b[2J.cer": "\\x1b", "sp ace.cer": "sp ace", "-dash.cer": "-dash",
           "tab\t.cer": "tab\\x09", "bidi\u202e.cer": "bidi"}
    good = open(suite.ca.path("int.cer"), "rb").read()
    bad = open(suite.ca.path("leaf.cer"), "rb").read()
    for name, shown in odd.items():
        path = suite.ca.write(name, bad)
        run = expect(suite, "odd name " + repr(name), ["root.cer", path], 65, problems=1)
        suite.ok(repr(name) + " is shown escaped", "\x1b" not in run.err and "\u202e" not in run.err and
                 "new\nline" not in run.err, repr(run.err))
        suite.ok(repr(name) + " can be recognised", shown in run.err, repr(run.err))
        suite.ca.write(name, good)
        root = suite.path("odd")
        image_tree.MAKERS["debian"](root)
        run = suite.enable("--ca-cert", suite.ca.path("root.cer"), path, "--root", root)
        suite.succeeded(repr(name) + " is read", run)
        suite.ok(repr(name) + ": no control character in the tree's file names", all(
            c.isprintable() for c in "".join(snapshot(root))))
        suite.enable("--undo", "--root", root)
        shutil.rmtree(root)
    long = suite.ca.write("l" * 250 + ".cer", bad)
    expect(suite, "a long name", ["root.cer", long], 65, "lll", problems=1)


def check_usage(suite):
    root = suite.path("root")
    for words, text in (
            ([], "--ca-cert"), (["--ca-cert"], "--ca-cert"),
            (["--ca-cert", "x", "--profile", "al3"], "al3"), (["--ca-cert", "x", "--bogus"], "--bogus"),
            (["--ca-cert", "x", "--mode", "maybe"], "maybe"), (["--ca-cert", "x", "--ocsp", "no"], "no"),
            (["--undo", "--status"], "--status"), (["--undo", "--ca-cert", "x"], "--ca-cert"),
            (["--ca-cert", "x", "--min-ca-days", "soon"], "soon"),
            (["--ca-cert", "x", "--domain", "bad domain"], "bad domain"),
            (["--ca-cert", "x", "--map", "upn,shoe-size"], "shoe-size"),
            (["--ca-cert", "x", "--ocsp-url", "ftp://x"], "ftp://x"),
            (["--ca-cert", "x", "--service", "../login"], "../login")):
        before = snapshot(root)
        run = suite.enable("--root", root, *words)
        suite.refused("usage %r" % words, run, 64, text)
        suite.same("usage %r" % words, before, root)
    run = suite.enable("--root", root, "--ca-cert", "x", env={"SOURCE_DATE_EPOCH": "yesterday"})
    suite.refused("SOURCE_DATE_EPOCH", run, 64, "yesterday")
    run = suite.enable("--root", suite.path("no-such-root"), "--ca-cert", suite.ca.path("root.cer"))
    suite.refused("a root that is not there", run, 2, "no-such-root")


def check_mistakes_of_the_guide(suite):
    """What the WorkSpaces procedure lets through, to fail at the greeter."""
    # DER where its tool wants PEM, a bundle where it wants one certificate a file: simply taken.
    for files in (["root.cer", "int.cer"], ["root.pem", "int.pem"], ["both.pem"], ["chain.p7b"],
                  ["chain-pem.p7b"], ["root.b64", "int.b64"], ["bom.pem", "int.cer"],
                  ["utf16.pem", "int.cer"], ["crlf.pem", "int.cer"], ["chatty.pem"]):
        root = suite.path("forms")
        image_tree.MAKERS["al2"](root)
        run = suite.enable("--ca-cert", *[suite.ca.path(f) for f in files], "--root", root)
        suite.succeeded("taken: " + " ".join(files), run)
        suite.equal("both CAs of " + " ".join(files), 2, sum(
            len(os.listdir(os.path.join(root, "etc/piv-login/trust", d)))
            for d in ("anchors", "intermediates")))
        suite.enable("--undo", "--root", root)
        shutil.rmtree(root)
    # Its tool cannot tell that the innermost intermediate is missing: a card proves it.
    root = suite.path("innermost")
    image_tree.MAKERS["al2"](root)
    before = snapshot(root)
    run = suite.enable("--ca-cert", suite.ca.path("root.cer"), "--verify-with",
                       suite.ca.path("leaf.cer"), "--root", root)
    suite.refused("the innermost intermediate is missing", run, 65, "leaf.cer", "would be refused")
    suite.same("nothing written", before, root)
    run = suite.enable("--ca-cert", suite.ca.path("root.cer"), "--root", root)
    suite.succeeded("roots only", run)
    suite.ok("is warned about", "only roots were given" in run.err, run.err)


def check_directory_lints(suite):
    """What AD Connector and the AL2 guide ask for beyond RFC 5280: said, not refused."""
    for files, profile, text in ((["root.cer", "pss.cer"], "el9", "RSASSA-PSS"),
                                 (["root.cer", "https.cer"], "el9", "https://ocsp.example.com/"),
                                 (["root.cer", "int.cer", "sub.cer", "subsub.cer"], "al2", "takes 4"),
                                 (["root.cer", "sixty.cer"], "el9", "90 days")):
        root = suite.path("lint")
        image_tree.MAKERS[profile](root)
        run = suite.enable("--ca-cert", *[suite.ca.path(f) for f in files], "--root", root)
        suite.succeeded(text, run)
        suite.ok(text + " is said", "warning" in run.err and text in run.err, run.err)
        shutil.rmtree(root)


def make_inputs(suite):
    ca = suite.ca
    ca.root("other", "/O=Example/CN=Other Root CA")
    ca.root("twin", "/O=Example/CN=Example Root CA")
    ca.issue("orphan", "/O=Example/CN=Orphan CA", "int", "other", 3000)
    ca.issue("rekeyed", "/O=Example/CN=Example Issuing CA", "int", "root", 3000)
    ca.issue("sub", "/O=Example/CN=Sub CA", "int", "int", 2000)
    ca.issue("subsub", "/O=Example/CN=Sub Sub CA", "int", "sub", 2000)
    ca.issue("not-ca", "/O=Example/CN=Not a CA", "not_ca", "root", 3000)
    ca.issue("no-sign", "/O=Example/CN=No Sign CA", "no_sign", "root", 3000)
    ca.issue("expired", "/O=Example/CN=Expired CA", "int", "root", -1, start=-9)
    ca.issue("early", "/O=Example/CN=Early CA", "int", "root", 3000, start=5)
    ca.issue("short", "/O=Example/CN=Short CA", "int", "root", 20)
    ca.issue("sixty", "/O=Example/CN=Sixty CA", "int", "root", 60)
    ca.issue("year", "/O=Example/CN=Year CA", "int", "root", 365)
    ca.issue("year-next", "/O=Example/CN=Year CA", "int", "root", 1200)
    ca.issue("sha1", "/O=Example/CN=SHA-1 CA", "int", "root", 3000, digest="sha1")
    ca.root("rsa", "/O=Example/CN=RSA Root CA", rsa=2048)
    ca.issue("md5", "/O=Example/CN=MD5 CA", "int", "rsa", 3000, digest="md5")
    ca.issue("weak", "/O=Example/CN=Weak CA", "int", "root", 3000, rsa=1024)
    ca.issue("https", "/O=Example/CN=HTTPS CA", "https_ocsp", "root", 3000)
    ca.root("weak-root", "/O=Example/CN=Weak Root CA", rsa=1024)
    ca.root("sha1-root", "/O=Example/CN=SHA-1 Root CA", digest="sha1")
    ca.issue_pss("pss", "/O=Example/CN=PSS CA")
    openssl(ca.folder, "req", "-new", "-key", "root.key", "-subj", "/CN=V1", "-config", "ca.cnf",
            "-out", "v1.csr")
    openssl(ca.folder, "x509", "-req", "-in", "v1.csr", "-signkey", "root.key", "-days", "900",
            "-outform", "DER", "-out", "v1.cer")
    openssl(ca.folder, "pkcs12", "-export", "-in", "int.pem", "-inkey", "int.key", "-passout",
            "pass:x", "-out", "int.p12")
    read = lambda name: open(ca.path(name), "rb").read()
    ca.write("mixed.pem", read("int.pem") + read("int.key"))
    ca.write("notes.txt", b"The root CA is in the other mail.\n")
    ca.write("empty.cer", b"")
    der = bytearray(read("int.cer"))
    ca.write("half.cer", bytes(der[:len(der) // 2]))
    der[len(der) - 20] ^= 0x55  # in the signature
    ca.write("damaged.cer", bytes(der))
    ca.write("both.pem", read("root.pem") + read("int.pem"))
    ca.write("chatty.pem", b"subject=/CN=x\n" + read("root.pem") + b"issuer:\n\n" + read("int.pem") + b"end")
    ca.write("bom.pem", b"\xef\xbb\xbf" + read("root.pem"))
    ca.write("utf16.pem", read("root.pem").decode().encode("utf-16"))
    ca.write("crlf.pem", read("root.pem").replace(b"\n", b"\r\n"))
    for name in ("root", "int"):
        body = b"".join(l for l in read(name + ".pem").split(b"\n") if b"-----" not in l)
        ca.write(name + ".b64", body)
    ca.bundle("chain.p7b", ["root", "int"], "DER")
    ca.bundle("chain-pem.p7b", ["int", "root"], "PEM")
    with open(ca.path("junk.cer"), "wb") as f:
        f.write(os.urandom(1 << 20) * 50)
    with open(ca.path("junk.pem"), "wb") as f:
        f.write(b"-----BEGIN CERTIFICATE-----\nTm8gY2VydGlmaWNhdGU=\n" * (1 << 20))
    os.mkfifo(ca.path("fifo.cer"))
    suite.listener = socket.socket(socket.AF_UNIX)
    suite.listener.bind(ca.path("socket.cer"))
    os.symlink("nowhere", ca.path("dangling.cer"))


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    return suite.main([make_inputs] + [value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
