#!/usr/bin/env python3
"""--nss-db: databases of NSS in both formats, read back by NSS' own tools.

usage: nss_test.py BUILD_DIR"""
import os
import re
import shutil
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot, text_of

FOLDER = "etc/pki/nssdb"
FILES = {"sql": ("cert9.db", "key4.db", "pkcs11.txt"), "dbm": ("cert8.db", "key3.db", "secmod.db")}
CLIENT = "C"  # certutil -V: may this certificate name a client


def formats(profile):
    return ("sql", "dbm") if profile == "al2" else ("sql",)


def module_of(profile):
    debian = profile in ("ubuntu", "debian")
    return "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so" if debian else \
        "/usr/lib64/pkcs11/opensc-pkcs11.so"


def tree_with(suite, profile, name, prepare=None):
    root = suite.path(name)
    tree = image_tree.MAKERS[profile](root)
    tree.file(module_of(profile).lstrip("/"), "not loaded here\n")
    if prepare:
        os.makedirs(os.path.join(root, FOLDER), exist_ok=True)
        prepare(os.path.join(root, FOLDER))
    tree.age()
    return root, snapshot(root)


def stage(suite, root, *words, **more):
    return suite.enable("--ca-cert", suite.bundle, "--root", root, "--nss-db", *words, **more)


def certutil(*words):
    done = subprocess.run(("certutil",) + words, capture_output=True, stdin=subprocess.DEVNULL,
                          check=False, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def add(folder, form, name, trust, pem):
    status, said = certutil("-A", "-d", form + ":" + folder, "-n", name, "-t", trust, "-a", "-i", pem)
    if status != 0:
        raise RuntimeError(said)


def copy_of(suite, root, folder=FOLDER):
    """Of the database alone, since opening one writes to it and loads what it names."""
    copy = suite.path("nss-copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(os.path.join(root, folder), copy)
    return copy


def listed(suite, root, form, folder=FOLDER):
    """{nickname: trust}"""
    status, said = certutil("-L", "-d", form + ":" + copy_of(suite, root, folder))
    if status != 0:
        raise RuntimeError(said)
    found = re.findall(r"^(\S.*?)\s+([pPcCTuw]*,[pPcCTuw]*,[pPcCTuw]*)\s*$", said, re.M)
    return {name: trust for name, trust in found if not name.startswith("SSL")}


def modules(suite, root, form):
    done = subprocess.run(["modutil", "-rawlist", "-dbdir", form + ":" + copy_of(suite, root)],
                          capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=60)
    return done.stdout.decode()


def client_verdict(suite, root, form, name):
    """What NSS says of a person's certificate with the staged database."""
    copy = copy_of(suite, root)
    add(copy, form, name, ",,", suite.ca.path(name + ".pem"))
    return certutil("-V", "-d", form + ":" + copy, "-n", name, "-u", CLIENT)[0]


def round_trip(suite, what, root, before, *words):
    staged = snapshot(root)
    run = stage(suite, root, *words)
    suite.succeeded(what + ": second run", run)
    suite.ok(what + ": has nothing to do", "nothing to do" in run.out, run.out)
    suite.same(what + ": wrote nothing", staged, root)
    suite.succeeded(what + ": verified", suite.piv_image("verify", "--root", root))
    suite.succeeded(what + ": undo", suite.enable("--undo", "--root", root))
    suite.same(what + ": undone", before, root)
    left = [name for name in os.listdir(suite.temp) if name.startswith("piv-image.")]
    suite.equal(what + ": no private folder is left", [], left)


def check_profiles(suite):
    for profile in image_tree.MAKERS:
        root, before = tree_with(suite, profile, profile)
        run = stage(suite, root)
        suite.succeeded(profile, run)
        suite.equal(profile + ": nothing is missing", "", run.err)
        for form, names in FILES.items():
            for name in names:
                path = os.path.join(root, FOLDER, name)
                suite.equal("%s: %s" % (profile, name), form in formats(profile), os.path.exists(path))
        for form in formats(profile):
            what = profile + ", " + form
            got = listed(suite, root, form)
            suite.equal(what + ": trust", [",,", "T,,"], sorted(got.values()))
            root_name = [name for name, trust in got.items() if trust == "T,,"][0]
            suite.ok(what + ": the root is trusted", root_name.startswith("Example-Root-CA-"), got)
            suite.ok(what + ": the module", "library=%s name=" % module_of(profile) in
                     modules(suite, root, form).replace('"', ""), modules(suite, root, form))
            suite.equal(what + ": NSS takes a person of that chain", 0,
                        client_verdict(suite, root, form, "leaf"))
            suite.ok(what + ": and no other", client_verdict(suite, root, form, "stranger") != 0)
        suite.equal(profile + ": modes", {0o644}, {
            os.stat(os.path.join(root, FOLDER, n)).st_mode & 0o777
            for n in os.listdir(os.path.join(root, FOLDER))})
        round_trip(suite, profile, root, before)


def check_others_stay(suite):
    """A database that others fill: theirs stays, ours is added, undo is byte for byte."""
    def prepare(folder):
        for form in ("sql", "dbm"):
            certutil("-N", "--empty-password", "-d", form + ":" + folder)
            add(folder, form, "Their CA", "C,C,", suite.ca.path("other.pem"))
            add(folder, form, "Our root, by their name", "C,,", suite.ca.path("root.pem"))
            # A certificate of the same subject as our issuing CA: NSS keeps the two together.
            add(folder, form, "Twin", ",,", suite.ca.path("twin.pem"))
        os.chmod(os.path.join(folder, "cert9.db"), 0o640)

    root, before = tree_with(suite, "al2", "others", prepare)
    suite.succeeded("staged", stage(suite, root))
    for form in ("sql", "dbm"):
        got = listed(suite, root, form)
        suite.equal(form + ": theirs", "C,C,", got.get("Their CA"))
        suite.equal(form + ": the root has their trust and ours", "CT,,",
                    got.get("Our root, by their name"))
        suite.equal(form + ": NSS takes a person", 0, client_verdict(suite, root, form, "leaf"))
    suite.equal("mode as found", 0o640, os.stat(os.path.join(root, FOLDER, "cert9.db")).st_mode & 0o777)
    round_trip(suite, "others", root, before)

    def complete(folder):
        for form in ("sql", "dbm"):
            certutil("-N", "--empty-password", "-d", form + ":" + folder)
            add(folder, form, "a", "CT,,", suite.ca.path("root.pem"))
            add(folder, form, "b", ",,", suite.ca.path("int.pem"))

    root, before = tree_with(suite, "al2", "complete", complete)
    suite.succeeded("staged", stage(suite, root))
    after = snapshot(root)
    for name in ("cert9.db", "key4.db", "cert8.db", "key3.db"):
        suite.equal("lists it all, so it is not touched: " + name, before[FOLDER + "/" + name],
                    after[FOLDER + "/" + name])
    round_trip(suite, "complete", root, before)


def check_two_keys(suite):
    """A CA that changes its key: two certificates of one subject, both trusted, in both formats."""
    root, before = tree_with(suite, "al2", "rollover")
    words = ("--ca-cert", suite.ca.path("root2.cer"), "--rollover")
    suite.succeeded("staged", stage(suite, root, *words))
    for form in ("sql", "dbm"):
        status, said = certutil("-L", "-d", form + ":" + copy_of(suite, root))
        suite.equal(form + ": two trusted roots", (0, 2), (status, said.count("T,,")))
    round_trip(suite, "rollover", root, before, *words)


EVIL = r"""
#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { creat(MARK, 0600); }
"""


def check_nothing_of_the_tree_is_loaded(suite):
    mark = suite.path("loaded")
    library = suite.path("evil.so")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        print("skipped: no C compiler for a module that tells when it is loaded")
        return
    subprocess.run([compiler, "-shared", "-fPIC", '-DMARK="%s"' % mark, "-o", library, "-xc", "-"],
                   input=EVIL.encode(), check=True)

    def prepare(folder):
        certutil("-N", "--empty-password", "-d", "dbm:" + folder)
        modutil = ["modutil", "-force", "-dbdir", "dbm:" + folder]
        subprocess.run(modutil + ["-add", "Evil", "-libfile", "libnssckbi.so"], check=True,
                       capture_output=True)
        subprocess.run(modutil + ["-rawadd", "library=%s name=Evil" % library], check=True,
                       capture_output=True)
        with open(os.path.join(folder, "pkcs11.txt"), "w", encoding="ascii") as f:
            f.write("library=%s\nname=Evil\n\n" % library)

    root, before = tree_with(suite, "al2", "evil", prepare)
    os.unlink(mark)  # modutil loads what it is given: the mark works
    run = stage(suite, root)
    suite.succeeded("staged", run)
    suite.ok("nothing was loaded", not os.path.exists(mark))
    suite.ok("theirs is left alone, and said", "secmod.db is left as it is" in run.err and
             "modutil" in run.err, run.err)
    suite.equal("secmod.db is theirs", before[FOLDER + "/secmod.db"],
                snapshot(root)[FOLDER + "/secmod.db"])
    suite.ok("pkcs11.txt has both", library in text_of(root, FOLDER + "/pkcs11.txt") and
             module_of("al2") in text_of(root, FOLDER + "/pkcs11.txt"))
    round_trip(suite, "evil", root, before)
    suite.ok("nor by a second run or undo", not os.path.exists(mark))


def check_refusals(suite):
    def refused(name, profile, prepare, *said, **more):
        root, before = tree_with(suite, profile, name, prepare)
        suite.refused(name, stage(suite, root, **more), 2, *said)
        suite.same(name + ": nothing written", before, root)

    def write(name, content):
        def prepare(folder):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(content)
        return prepare

    def password(folder):
        with open(suite.path("secret.txt"), "w", encoding="ascii") as f:
            f.write("secret\n")
        certutil("-N", "-f", suite.path("secret.txt"), "-d", "sql:" + folder)

    def distrusted(folder):
        certutil("-N", "--empty-password", "-d", "sql:" + folder)
        add(folder, "sql", "x", "p,p,p", suite.ca.path("root.pem"))

    refused("junk", "el9", write("cert9.db", b"no database\n" * 400), FOLDER)
    refused("junk-dbm", "al2", write("cert8.db", b"no database\n" * 400), FOLDER)
    refused("journal", "el9", write("cert9.db-journal", b"x"), "not finished")
    refused("password", "el9", password, FOLDER)
    refused("distrusted", "el9", distrusted, "distrusts", "Example Root CA")
    refused("a folder", "el9", lambda folder: os.mkdir(os.path.join(folder, "cert9.db")), "cert9.db")
    for tool in ("certutil", "modutil"):
        hide = ["unshare", "-m", "sh", "-c",
                'mount --bind /dev/null "$0" && exec "$@"', "/usr/bin/" + tool]
        works = subprocess.run(hide + ["true"], capture_output=True, check=False)
        if works.returncode != 0:
            print("skipped: cannot hide %s: %s" % (tool, works.stderr.decode()))
            continue
        refused("no " + tool, "al2", None, "/usr/bin/" + tool, "nss-tools", prefix=hide)
    root, _ = tree_with(suite, "el9", "no-modutil-needed")
    suite.succeeded("the new format needs certutil only", stage(
        suite, root, prefix=["unshare", "-m", "sh", "-c",
                             'mount --bind /dev/null "$0" && exec "$@"', "/usr/bin/modutil"]))


def check_with_others(suite):
    """With --browsers, and with pam_pkcs11 that reads a database of its own."""
    root, before = tree_with(suite, "al2", "browsers")
    words = ("--browsers",)
    suite.succeeded("with --browsers", stage(suite, root, *words))
    suite.equal("the module once", 1, text_of(root, FOLDER + "/pkcs11.txt").count(module_of("al2")))
    round_trip(suite, "browsers", root, before, *words)
    root, before = tree_with(suite, "el8", "pam_pkcs11")
    config = os.path.join(root, "etc/pam_pkcs11/pam_pkcs11.conf")
    os.makedirs(os.path.dirname(config))
    with open(config, "w", encoding="ascii") as f:
        f.write("pam_pkcs11 {\n  pkcs11_module opensc {\n    nss_dir = sql:/etc/cards/nss;\n  }\n}\n")
    before = snapshot(root)
    words = ("--compat", "pam_pkcs11")
    run = stage(suite, root, *words)
    suite.succeeded("with --compat pam_pkcs11", run)
    suite.ok("no command is left to people", "certutil" not in run.err + run.out, run.err + run.out)
    suite.equal("its own database", [",,", "T,,"], sorted(listed(suite, root, "sql", "etc/cards/nss").values()))
    suite.equal("and the system's", [",,", "T,,"], sorted(listed(suite, root, "sql").values()))
    round_trip(suite, "pam_pkcs11", root, before, *words)


def check_changes(suite):
    """Another CA replaces the first; what somebody added to the staged database is not lost unsaid."""
    root, before = tree_with(suite, "al2", "changes")
    suite.succeeded("staged", stage(suite, root))
    run = suite.enable("--ca-cert", suite.ca.path("other.cer"), "--root", root, "--nss-db")
    suite.succeeded("another CA", run)
    for form in ("sql", "dbm"):
        suite.equal(form + ": only that one", ["T,,"], list(listed(suite, root, form).values()))
    add(os.path.join(root, FOLDER), "sql", "added later", "C,,", suite.ca.path("root2.pem"))
    run = suite.enable("--ca-cert", suite.ca.path("other.cer"), "--root", root, "--nss-db")
    suite.refused("changed since", run, 1, "cert9.db")
    suite.succeeded("forced", suite.enable("--undo", "--force", "--root", root))
    suite.same("undone", before, root)


def main():
    suite = Suite(build_folder())
    if not (shutil.which("certutil") and shutil.which("modutil")):
        print("skipped: certutil and modutil are not installed (scripts/install-deps)")
        return 77
    suite.ca = Authority(suite.path("ca"))
    suite.ca.root("other", "/O=Other/CN=Other Root CA")
    suite.ca.root("root2", "/O=Example/CN=Example Root CA")
    suite.ca.issue("twin", "/O=Example/CN=Example Issuing CA", "int", "other", 3000)
    suite.ca.issue("stranger", "/O=Other/CN=Mallory", "leaf", "other", 300)
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
