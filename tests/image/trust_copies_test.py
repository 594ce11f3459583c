#!/usr/bin/env python3
"""--system-trust and --compat: copies of the chain for other programs, read back by those programs.

usage: trust_copies_test.py BUILD_DIR"""
import os
import shutil
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot, text_of

P11_CHILD = "/usr/libexec/sssd/p11_child"
SOURCE = {True: ("usr/local/share/ca-certificates", ".crt"),
          False: ("etc/pki/ca-trust/source/anchors", ".pem")}
BUNDLE = "etc/sssd/pki/sssd_auth_ca_db.pem"
CACERTS = "etc/pam_pkcs11/cacerts"


def new_tree(suite, profile, name, prepare=None):
    root = suite.path(name + "-" + profile)
    tree = image_tree.MAKERS[profile](root)
    if prepare:
        prepare(tree)
        tree.age()
    return root, snapshot(root)


def stage(suite, root, *words):
    return suite.enable("--ca-cert", suite.bundle, "--root", root, *words)


def round_trip(suite, what, root, before, *words):
    """A second run writes nothing; undo takes everything back."""
    staged = snapshot(root)
    run = stage(suite, root, *words)
    suite.succeeded(what + ": second run", run)
    suite.ok(what + ": has nothing to do", "nothing to do" in run.out, run.out)
    suite.same(what + ": wrote nothing", staged, root)
    run = suite.enable("--undo", "--root", root)
    suite.succeeded(what + ": undo", run)
    suite.same(what + ": undone", before, root)
    return run


def openssl_says(*words):
    done = subprocess.run(("openssl",) + words, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def fingerprints(path):
    """SHA-256 of each certificate of a bundle, in order, as openssl reads them."""
    with open(path, encoding="ascii") as f:
        blocks = f.read().split("-----BEGIN CERTIFICATE-----")[1:]
    out = []
    for block in blocks:
        shown = subprocess.run(["openssl", "x509", "-noout", "-subject"], capture_output=True,
                               input=("-----BEGIN CERTIFICATE-----" + block).encode(), check=True)
        out.append(shown.stdout.decode().split("CN = ")[-1].strip())
    return out


def check_system_trust(suite):
    for profile in image_tree.MAKERS:
        folder, suffix = SOURCE[profile in ("ubuntu", "debian")]
        root, before = new_tree(suite, profile, "system")
        run = stage(suite, root)
        suite.ok(profile + ": not unless asked for", not os.path.exists(os.path.join(root, folder)))
        suite.succeeded(profile + ": undo", suite.enable("--undo", "--root", root))
        run = stage(suite, root, "--system-trust")
        suite.succeeded(profile, run)
        names = os.listdir(os.path.join(root, folder))
        suite.equal(profile + ": the root and nothing else", 1, len(names))
        path = os.path.join(root, folder, names[0])
        suite.ok(profile + ": the suffix that the tool reads", path.endswith(suffix), names)
        suite.equal(profile + ": is the root", ["Example Root CA"], fingerprints(path))
        command = "update-ca-certificates" if suffix == ".crt" else "update-ca-trust extract"
        suite.ok(profile + ": names the command", command in run.out, run.out)
        suite.ok(profile + ": that the tool is missing is said", "ca-certificates into" in run.err,
                 run.err)
        undone = round_trip(suite, profile, root, before, "--system-trust")
        suite.ok(profile + ": undo names it too", command in undone.out, undone.out)


def check_debian_tool_takes_it(suite):
    """The real update-ca-certificates makes its bundle of it, and openssl verifies by that."""
    tool = shutil.which("update-ca-certificates", path="/usr/sbin:/usr/bin")
    if not tool:
        print("skipped: no update-ca-certificates here")
        return
    root, _ = new_tree(suite, "debian", "tool")
    suite.succeeded("staged", stage(suite, root, "--system-trust"))
    certs = suite.path("ssl-certs")
    os.makedirs(certs)
    empty = suite.path("empty.conf")
    with open(empty, "w", encoding="ascii"):
        pass
    hooks = suite.path("hooks")
    os.makedirs(hooks)
    done = subprocess.run([tool, "--certsconf", empty, "--certsdir", hooks, "--localcertsdir",
                           os.path.join(root, SOURCE[True][0]), "--etccertsdir", certs,
                           "--hooksdir", hooks], capture_output=True, check=False)
    suite.equal("update-ca-certificates: " + done.stderr.decode(), 0, done.returncode)
    chain = ["-untrusted", suite.ca.path("int.pem"), suite.ca.path("leaf.pem")]
    status, said = openssl_says("verify", "-no-CAfile", "-CApath", certs, *chain)
    suite.equal("openssl verify by its hash links: " + said, 0, status)
    status, said = openssl_says("verify", "-CAfile", os.path.join(certs, "ca-certificates.crt"),
                                "-no-CApath", *chain)
    suite.equal("openssl verify by its bundle: " + said, 0, status)


def check_sssd_bundle(suite):
    for profile in image_tree.MAKERS:
        root, before = new_tree(suite, profile, "sssd", lambda t: t.folder("etc/sssd/pki", 0o711))
        run = stage(suite, root, "--compat", "sssd")
        suite.succeeded(profile, run)
        path = os.path.join(root, BUNDLE)
        suite.equal(profile + ": the root first", ["Example Root CA", "Example Issuing CA"],
                    fingerprints(path))
        suite.equal(profile + ": mode", 0o644, os.stat(path).st_mode & 0o777)
        suite.ok(profile + ": pam_cert_auth is not touched, and it is said", "pam_cert_auth" in
                 run.out, run.out)
        round_trip(suite, profile, root, before, "--compat", "sssd")


def check_sssd_bundle_of_others(suite):
    """What is in the bundle already stays, byte for byte, with its mode and group."""
    foreign = text_of(suite.ca.folder, "other.pem")

    def prepare(tree):
        tree.folder("etc/sssd/pki", 0o750)
        tree.file(BUNDLE, "# the mail department's\n" + foreign, 0o640)
        os.chown(os.path.join(tree.root, BUNDLE), 0, 986)

    root, before = new_tree(suite, "el9", "merge", prepare)
    suite.succeeded("staged", stage(suite, root, "--compat", "sssd"))
    path = os.path.join(root, BUNDLE)
    suite.equal("ours around theirs", ["Example Root CA", "Other Root CA", "Example Issuing CA"],
                fingerprints(path))
    suite.ok("theirs is untouched", "# the mail department's\n" + foreign in text_of(root, BUNDLE))
    st = os.stat(path)
    suite.equal("mode and group as found", (0o640, 986), (st.st_mode & 0o777, st.st_gid))
    round_trip(suite, "merged", root, before, "--compat", "sssd")
    # SSSD since 2.10 runs as its own user: the folder's group says so.
    root, before = new_tree(suite, "el9", "group", lambda t: (
        t.folder("etc/sssd/pki", 0o750), os.chown(os.path.join(t.root, "etc/sssd/pki"), 0, 986)))
    suite.succeeded("staged", stage(suite, root, "--compat", "sssd"))
    st = os.stat(os.path.join(root, BUNDLE))
    suite.equal("readable for SSSD's group", (0o640, 986), (st.st_mode & 0o777, st.st_gid))
    round_trip(suite, "of a group", root, before, "--compat", "sssd")
    # Not a bundle at all: refused, nothing written.
    root, before = new_tree(suite, "el9", "junk", lambda t: t.file(BUNDLE, "hello\n"))
    run = stage(suite, root, "--compat", "sssd")
    suite.refused("a bundle of something else", run, 65, "sssd_auth_ca_db.pem", "no PEM file")
    suite.same("nothing written", before, root)


def check_sssd_takes_it(suite):
    if not os.access(P11_CHILD, os.X_OK):
        print("skipped: no p11_child of SSSD here")
        return
    root, _ = new_tree(suite, "debian", "p11")
    suite.succeeded("staged", stage(suite, root, "--compat", "sssd"))

    def verified(leaf):
        with open(suite.ca.path(leaf), "rb") as f:
            der = f.read()
        word = subprocess.run(["base64", "-w0"], input=der, capture_output=True, check=True)
        done = subprocess.run([P11_CHILD, "--verification", "--certificate", word.stdout.decode(),
                               "--verify", "no_ocsp", "--ca_db", os.path.join(root, BUNDLE)],
                              capture_output=True, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    status, said = verified("leaf.cer")
    suite.equal("a card of the chain: " + said, 0, status)
    status, said = verified("stranger.cer")
    suite.ok("a card of another CA is refused", status != 0, said)


def check_pam_pkcs11(suite):
    for profile in image_tree.MAKERS:
        root, before = new_tree(suite, profile, "pkcs11", lambda t: t.file(
            "etc/pam_pkcs11/pam_pkcs11.conf", "pam_pkcs11 {\n  pkcs11_module opensc {\n"
            "    #ca_dir = /elsewhere;\n    ca_dir = /etc/pam_pkcs11/cacerts;\n  }\n}\n"))
        run = stage(suite, root, "--compat", "pam_pkcs11")
        suite.succeeded(profile, run)
        folder = os.path.join(root, CACERTS)
        links = {n: os.readlink(os.path.join(folder, n)) for n in os.listdir(folder)
                 if os.path.islink(os.path.join(folder, n))}
        suite.equal(profile + ": two CAs, two links", 2, len(links))
        copy = suite.path("rehash-" + profile)
        os.makedirs(copy)
        for name in os.listdir(folder):
            if name not in links:
                shutil.copy(os.path.join(folder, name), copy)
        subprocess.run(["openssl", "rehash", copy], check=True, capture_output=True)
        made = {n: os.readlink(os.path.join(copy, n)) for n in os.listdir(copy)
                if os.path.islink(os.path.join(copy, n))}
        suite.equal(profile + ": as openssl rehash makes them", made, links)
        status, said = openssl_says("verify", "-no-CAfile", "-CApath", folder,
                                    suite.ca.path("leaf.pem"))
        suite.equal(profile + ": openssl verifies by it: " + said, 0, status)
        suite.equal(profile + ": NSS builds are told of", profile == "al2", "certutil -A" in run.err)
        round_trip(suite, profile, root, before, "--compat", "pam_pkcs11")


def check_pam_pkcs11_of_others(suite):
    """Links of others keep their numbers; a ca_dir that is one file gets the CAs into that file."""
    def foreign(tree):
        """Another CA of the same name: the same hash."""
        tree.file(CACERTS + "/twin.pem", text_of(suite.ca.folder, "twin.pem"))
        subprocess.run(["openssl", "rehash", os.path.join(tree.root, CACERTS)], check=True,
                       capture_output=True)

    root, before = new_tree(suite, "debian", "twin", foreign)
    suite.succeeded("staged", stage(suite, root, "--compat", "pam_pkcs11"))
    links = sorted(n for n in os.listdir(os.path.join(root, CACERTS)) if ".pem" not in n)
    suite.equal("the twin's .0 and our .1", 1, len([n for n in links if n.endswith(".1")]))
    for leaf in ("leaf.pem", "twin-leaf.pem"):
        status, said = openssl_says("verify", "-no-CAfile", "-CApath", os.path.join(root, CACERTS),
                                    suite.ca.path(leaf))
        suite.equal(leaf + " verifies: " + said, 0, status)
    round_trip(suite, "twin", root, before, "--compat", "pam_pkcs11")

    def one_file(tree):
        tree.file("etc/pam_pkcs11/pam_pkcs11.conf", "pam_pkcs11 {\n  ca_dir = \"/etc/cas.pem\";\n}\n")
        tree.file("etc/cas.pem", text_of(suite.ca.folder, "other.pem"))

    root, before = new_tree(suite, "ubuntu", "file", one_file)
    suite.succeeded("staged", stage(suite, root, "--compat", "pam_pkcs11"))
    suite.equal("in that file", ["Example Root CA", "Other Root CA", "Example Issuing CA"],
                fingerprints(os.path.join(root, "etc/cas.pem")))
    suite.ok("and no folder", not os.path.exists(os.path.join(root, CACERTS)))
    round_trip(suite, "file", root, before, "--compat", "pam_pkcs11")


def check_usage(suite):
    root, before = new_tree(suite, "debian", "usage")
    run = stage(suite, root, "--compat", "ssd")
    suite.refused("a program that is not known", run, 64, "did you mean sssd")
    suite.same("nothing written", before, root)
    suite.succeeded("both at once", stage(suite, root, "--compat", "sssd,pam_pkcs11",
                                          "--system-trust"))
    status = suite.enable("--status", "--root", root, "--json").json()
    suite.ok("status names them", "compat=sssd,pam_pkcs11" in status["options"] and
             "system-trust=yes" in status["options"], status["options"])
    round_trip(suite, "both", root, before, "--compat", "sssd", "--compat", "pam_pkcs11",
               "--system-trust")


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.ca.root("other", "/O=Example/CN=Other Root CA")
    suite.ca.root("twin", "/O=Example/CN=Example Root CA")
    suite.ca.issue("twin-leaf", "/O=Example/CN=Twin", "leaf", "twin", 300)
    suite.ca.issue("stranger", "/O=Example/CN=Stranger", "leaf", "other", 300)
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
