#!/usr/bin/env python3
"""--browsers: policies read back as JSON, module lists by NSS' own tools.

usage: browsers_test.py BUILD_DIR"""
import json
import os
import shutil
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot, text_of

POLICIES = "etc/firefox/policies/policies.json"
SKELETON = "etc/skel/.pki/nssdb"


def module_of(profile):
    debian = profile in ("ubuntu", "debian")
    return "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so" if debian else \
        "/usr/lib64/pkcs11/opensc-pkcs11.so"


def tree_with(suite, profile, name, prepare=None):
    root = suite.path(name)
    tree = image_tree.MAKERS[profile](root)
    tree.file(module_of(profile).lstrip("/"), "not loaded here\n")
    if prepare:
        prepare(tree)
    tree.age()
    return root, snapshot(root)


def stage(suite, root, *words):
    return suite.enable("--ca-cert", suite.bundle, "--root", root, *words)


def check_profiles(suite):
    texts = set()
    for profile in image_tree.MAKERS:
        root, before = tree_with(suite, profile, profile)
        run = stage(suite, root, "--browsers")
        suite.succeeded(profile, run)
        suite.equal(profile + ": nothing is missing", "", run.err)
        suite.equal(profile + ": policies", {"policies": {"SecurityDevices": {
            "OpenSC": module_of(profile)}}}, json.loads(text_of(root, POLICIES)))
        listed = text_of(root, SKELETON + "/pkcs11.txt")
        texts.add(listed.replace(module_of(profile), "M"))
        suite.equal(profile + ": the old format is spoken of", profile == "al2", "--nss-db" in run.out)
        staged = snapshot(root)
        run = stage(suite, root, "--browsers")
        suite.ok(profile + ": nothing to do twice", "nothing to do" in run.out, run.out)
        suite.same(profile + ": wrote nothing", staged, root)
        suite.succeeded(profile + ": undo", suite.enable("--undo", "--root", root))
        suite.same(profile + ": undone", before, root)
    suite.equal("the same bytes everywhere but for the module's path", 1, len(texts))
    root, before = tree_with(suite, "el9", "system")
    suite.succeeded("with --system-trust", stage(suite, root, "--browsers", "--system-trust"))
    installed = json.loads(text_of(root, POLICIES))["policies"]["Certificates"]["Install"]
    suite.equal("the root is named", 1, len(installed))
    suite.ok("and is there", os.path.exists(root + installed[0]), installed)


def check_policies_are_merged(suite):
    theirs = {"policies": {"DisableTelemetry": True, "Homepage": {"URL": "https://a.example"},
                           "SecurityDevices": {"Token": "/opt/t.so"},
                           "Certificates": {"Install": ["a.der"]}}, "x": [1, 2.5, None]}

    def put(path, content):
        return lambda tree: tree.file(path, content, 0o640)

    root, before = tree_with(suite, "el9", "merge", put(POLICIES, json.dumps(theirs)))
    suite.succeeded("staged", stage(suite, root, "--browsers", "--system-trust"))
    got = json.loads(text_of(root, POLICIES))
    suite.equal("our device", module_of("el9"), got["policies"]["SecurityDevices"].pop("OpenSC"))
    suite.equal("our root after theirs", "a.der", got["policies"]["Certificates"]["Install"][0])
    del got["policies"]["Certificates"]["Install"][1:]
    suite.equal("all of theirs is there", theirs, got)
    suite.equal("mode as found", 0o640, os.stat(os.path.join(root, POLICIES)).st_mode & 0o777)
    suite.succeeded("undo", suite.enable("--undo", "--root", root))
    suite.same("undone", before, root)
    # Firefox 114 and later: {"Add": {...}}.
    newer = {"policies": {"SecurityDevices": {"Add": {}, "Delete": ["Old"]}}}
    root, _ = tree_with(suite, "el9", "newer", put(POLICIES, json.dumps(newer)))
    suite.succeeded("staged", stage(suite, root, "--browsers"))
    suite.equal("in the form that is there",
                {"Add": {"OpenSC": module_of("el9")}, "Delete": ["Old"]},
                json.loads(text_of(root, POLICIES))["policies"]["SecurityDevices"])
    # A file under /etc would hide the one beside the program: that one is added to.
    beside = "usr/lib64/firefox/distribution/policies.json"
    root, _ = tree_with(suite, "el9", "beside", put(beside, json.dumps(theirs)))
    suite.succeeded("staged", stage(suite, root, "--browsers"))
    suite.ok("added beside", "OpenSC" in text_of(root, beside))
    suite.ok("nothing under /etc", not os.path.exists(os.path.join(root, POLICIES)))
    # It has the module by another name already: left as it is, spaces and all.
    has = json.dumps({"policies": {"SecurityDevices": {"Cards": module_of("el9")}}}, indent=7)
    root, before = tree_with(suite, "el9", "has", put(POLICIES, has))
    suite.succeeded("staged", stage(suite, root, "--browsers"))
    suite.equal("untouched", before[POLICIES], snapshot(root)[POLICIES])
    for number, junk in enumerate(("{", "[]", '{"policies": 3}', '{"policies": {"SecurityDevices": []}}')):
        root, before = tree_with(suite, "el9", "junk%d" % number, put(POLICIES, junk))
        suite.refused("policies " + junk, stage(suite, root, "--browsers"), 65, "policies.json")
        suite.same("nothing written", before, root)


def modules(database):
    done = subprocess.run(["modutil", "-list", "-dbdir", "sql:" + database], capture_output=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=60)
    return done.stdout.decode() + done.stderr.decode()


def check_nss_takes_it(suite):
    """A home made from the skeleton: NSS makes its databases there and loads the real module."""
    module = module_of("debian")
    if not (shutil.which("certutil") and shutil.which("modutil") and os.path.exists(module)):
        print("skipped: no certutil, modutil or OpenSC here")
        return
    root, _ = tree_with(suite, "debian", "nss")
    suite.succeeded("staged", stage(suite, root, "--browsers"))
    home = suite.path("home")
    shutil.copytree(os.path.join(root, "etc/skel"), home)
    database = os.path.join(home, ".pki/nssdb")
    before = text_of(database, "pkcs11.txt")
    done = subprocess.run(["certutil", "-A", "-n", "root", "-t", "T,,", "-d", "sql:" + database, "-a",
                           "-i", suite.ca.path("root.pem")], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=60)
    suite.equal("the first use makes the databases: " + done.stderr.decode(), 0, done.returncode)
    suite.equal("the list stays ours", before, text_of(database, "pkcs11.txt"))
    listed = modules(database)
    suite.ok("NSS lists the module", "OpenSC" in listed and module in listed, listed)
    suite.ok("and its own", "NSS Internal PKCS #11 Module" in listed, listed)

    # A system database that modutil has made gets the module, once.
    def system(tree):
        folder = os.path.join(tree.root, "etc/pki/nssdb")
        tree.folder("etc/pki/nssdb")
        subprocess.run(["certutil", "-N", "--empty-password", "-d", "sql:" + folder], check=True,
                       capture_output=True)

    root, before = tree_with(suite, "debian", "sysdb", system)
    suite.succeeded("staged", stage(suite, root, "--browsers"))
    listed = modules(os.path.join(root, "etc/pki/nssdb"))
    suite.ok("NSS lists both there", "OpenSC" in listed and "Internal" in listed, listed)
    suite.enable("--undo", "--root", root)
    suite.same("undone", before, root)
    # Enterprise Linux has p11-kit's proxy in it, which loads OpenSC by itself.
    root, before = tree_with(suite, "el9", "proxy", lambda tree: tree.file(
        "etc/pki/nssdb/pkcs11.txt", "library=/usr/lib64/p11-kit-proxy.so\nname=p11-kit-proxy\n\n"))
    suite.succeeded("staged", stage(suite, root, "--browsers"))
    suite.equal("not loaded twice", before["etc/pki/nssdb/pkcs11.txt"],
                snapshot(root)["etc/pki/nssdb/pkcs11.txt"])


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
