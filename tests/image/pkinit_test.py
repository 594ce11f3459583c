#!/usr/bin/env python3
"""--pkinit: what MIT Kerberos' own library reads out of the staged krb5.conf.

usage: pkinit_test.py BUILD_DIR"""
import ctypes
import ctypes.util
import os
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot, text_of

DROP_IN = "/etc/krb5.conf.d/50-piv-login"
KRB5_CONF = {"folder": "includedir /etc/krb5.conf.d/\n\n[libdefaults]\n    rdns = false\n",
             "plain": "[libdefaults]\n\tdefault_realm = CORP.EXAMPLE.COM\n\n[realms]\n"
                      "\tCORP.EXAMPLE.COM = {\n\t\tkdc = dc1.corp.example.com\n\t}\n"}


def profile_value(path, *names):
    """The first value of a relation, by libkrb5's profile library; None if it is not set."""
    name = ctypes.util.find_library("krb5")
    lib = ctypes.CDLL(name)
    profile = ctypes.c_void_p()
    code = lib.profile_init_path(path.encode(), ctypes.byref(profile))
    if code != 0:
        raise RuntimeError("profile_init_path(%s): %d" % (path, code))
    words = (ctypes.c_char_p * (len(names) + 1))(*[n.encode() for n in names], None)
    values = ctypes.POINTER(ctypes.c_char_p)()
    code = lib.profile_get_values(profile, words, ctypes.byref(values))
    value = values[0].decode() if code == 0 and values[0] else None
    lib.profile_release(profile)
    return value


def tree_with(suite, profile, conf, name, module=True):
    root = suite.path(name)
    tree = image_tree.MAKERS[profile](root)
    debian = profile in ("ubuntu", "debian")
    library = "usr/lib/x86_64-linux-gnu" if debian else "usr/lib64"
    if conf:
        tree.file("etc/krb5.conf", KRB5_CONF[conf])
    if module:
        tree.file(library + "/krb5/plugins/preauth/pkinit.so", "not loaded here\n")
        tree.file(library + ("/" if debian else "/pkcs11/") + "opensc-pkcs11.so", "nor this\n")
    tree.age()
    return root, snapshot(root)


def readable_conf(suite, root):
    """krb5.conf of the tree, its folder named as it is here."""
    copy = suite.path("krb5.conf." + os.path.basename(root))
    with open(copy, "w", encoding="ascii") as f:
        f.write(text_of(root, "/etc/krb5.conf").replace(
            "/etc/krb5.conf.d", os.path.join(root, "etc/krb5.conf.d")))
    return copy


def check_profiles(suite):
    if ctypes.util.find_library("krb5") is None:
        print("skipped: no libkrb5 here")
        return
    for profile in image_tree.MAKERS:
        debian = profile in ("ubuntu", "debian")
        root, before = tree_with(suite, profile, "plain" if debian else "folder", profile)
        words = ["--ca-cert", suite.bundle, "--root", root, "--pkinit",
                 "CORP.EXAMPLE.COM=dc1.corp.example.com", "--pkinit", "OTHER.EXAMPLE"]
        run = suite.enable(*words)
        suite.succeeded(profile, run)
        suite.equal(profile + ": nothing is missing", "", run.err)
        conf = readable_conf(suite, root)
        suite.equal(profile + ": krb5.conf is changed only where it does not include the folder",
                    debian, "piv-login" in text_of(root, "/etc/krb5.conf"))
        module = ("/usr/lib/x86_64-linux-gnu" if debian else "/usr/lib64/pkcs11") + \
            "/opensc-pkcs11.so"
        for realm, kdc in (("CORP.EXAMPLE.COM", "dc1.corp.example.com"), ("OTHER.EXAMPLE", None)):
            for name, wanted in (("pkinit_anchors", "DIR:/etc/piv-login/trust/anchors"),
                                 ("pkinit_pool", "DIR:/etc/piv-login/trust/intermediates"),
                                 ("pkinit_identities", "PKCS11:module_name=" + module),
                                 ("pkinit_kdc_hostname", kdc),
                                 ("pkinit_eku_checking", kdc and "kpServerAuth")):
                suite.equal("%s: %s of %s" % (profile, name, realm), wanted,
                            profile_value(conf, "realms", realm, name))
        if debian:
            suite.equal(profile + ": the file's own settings count", "dc1.corp.example.com",
                        profile_value(conf, "realms", "CORP.EXAMPLE.COM", "kdc"))
        staged = snapshot(root)
        run = suite.enable(*words)
        suite.ok(profile + ": nothing to do twice", "nothing to do" in run.out, run.out)
        suite.same(profile + ": wrote nothing", staged, root)
        suite.succeeded(profile + ": undo", suite.enable("--undo", "--root", root))
        suite.same(profile + ": undone", before, root)


def check_what_is_missing(suite):
    root, _ = tree_with(suite, "debian", None, "bare", module=False)
    run = suite.enable("--ca-cert", suite.ca.path("root.cer"), "--root", root, "--pkinit", "A.EXAMPLE")
    suite.succeeded("staged", run)
    for word in ("krb5.conf is not in this tree", "krb5-pkinit", "opensc-pkcs11"):
        suite.ok("warns of " + word, word in run.err, run.err)
    text = text_of(root, DROP_IN)
    suite.ok("no pool without intermediates", "pkinit_pool" not in text, text)


def check_usage(suite):
    root, before = tree_with(suite, "el9", "folder", "usage")
    for realm in ("", "A B", "A=", "=kdc", "A\n[x]", "A}", ".A"):
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--pkinit=" + realm)
        suite.refused("--pkinit %r" % realm, run, 64)
    suite.same("nothing written", before, root)


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
