#!/usr/bin/env python3
"""What piv-image export writes does, in another tool's hands, what was staged.

usage: export_test.py BUILD_DIR"""
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile

import awstoe
import image_tree
from authority import Authority, openssl
from harness import Suite, build_folder, difference, snapshot

try:
    import yaml
except ImportError:
    yaml = None

FORMATS = ("overlay-tar", "image-builder-component", "packer", "ansible")
OPTIONS = ["--domain", "corp.example.com=CORP", "--domain", "example.org", "--ocsp", "soft",
           "--ocsp-url", "http://ocsp.example.com/", "--mode", "required"]


def staged(suite, name, profile="el9"):
    root = suite.path(name)
    image_tree.MAKERS[profile](root)
    suite.succeeded("staged", suite.enable("--ca-cert", suite.bundle, "--crl", suite.crl, "--root", root,
                                           *OPTIONS))
    return root


def export(suite, root, form, name, *words):
    out = suite.path(name)
    run = suite.piv_image("export", "--format", form, "--root", root, "-o", out, *words)
    suite.succeeded(form, run)
    return out


def content(path):
    with open(path, "rb") as f:
        return f.read()


def without_records(tree):
    """Without undo data, and without times of folders."""
    return {p: v[:4] + ((0,) if v[0] == stat.S_IFDIR else (v[4],)) + v[5:] for p, v in tree.items()
            if not p.startswith("var/lib/piv-login/staging")}


def tools_folder(suite, root):
    """The programs as an image has them: there, the root is /."""
    folder = suite.path("tools")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    for name, text in (("enable-smartcard", 'exec %s/enable-smartcard --root "%s" "$@"' % (suite.bin, root)),
                       ("piv-image", 'verb=$1; shift\nfor w in "$@"; do [ "$w" != / ] || w=%s; set -- "$@" "$w"; '
                        'shift; done\nexec %s/piv-image "$verb" "$@"' % (root, suite.bin)),
                       ("aws", 'printf "%%s\\n" "$*" >>%s' % suite.path("aws.log"))):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n%s\n" % text)
        os.chmod(path, 0o755)
    return {"PATH": folder + ":" + os.environ["PATH"], "SOURCE_DATE_EPOCH": "1700000000",
            "TMPDIR": suite.temp, "LC_ALL": "C"}


def shell(suite, what, script, root, *words):
    done = subprocess.run(["sh", "-c", script, "sh"] + list(words), env=tools_folder(suite, root),
                          capture_output=True, timeout=60, check=False)
    suite.ok(what + ": runs", done.returncode == 0, done.stderr.decode() + done.stdout.decode())


def pristine(suite, name, profile="el9"):
    root = suite.path(name)
    shutil.rmtree(root, ignore_errors=True)
    image_tree.MAKERS[profile](root)
    return root


def check_overlay(suite):
    for profile in ("el9", "al2", "debian"):
        root = staged(suite, "overlay-" + profile, profile)
        tar = export(suite, root, "overlay-tar", profile + ".tar")
        with tarfile.open(tar) as archive:
            names = archive.getnames()
            suite.equal(profile + ": in order", sorted(names), names)
            suite.equal(profile + ": all of root's", {(0, 0)}, {(m.uid, m.gid) for m in archive})
            suite.equal(profile + ": one time", {1700000000}, {m.mtime for m in archive})
            suite.ok(profile + ": no undo data", not any("staging" in n for n in names), names)
        other = pristine(suite, "unpacked-" + profile, profile)
        subprocess.run(["tar", "-xpf", tar, "-C", other], check=True)
        suite.equal(profile + ": unpacked over a copy, it is as staged", [],
                    difference(without_records(snapshot(root)), without_records(snapshot(other))))
        again = staged(suite, "again-" + profile, profile)
        suite.equal(profile + ": the same bytes from another copy", hashlib.sha256(content(tar)).digest(),
                    hashlib.sha256(content(export(suite, again, "overlay-tar", profile + "-2.tar"))).digest())


def check_component(suite):
    root = staged(suite, "component")
    text = content(export(suite, root, "image-builder-component", "component.yml")).decode()
    if yaml is None:
        print("component: parsed as text only, python3-yaml is not installed")
        return
    document = yaml.safe_load(text)
    suite.equal("the form of component documents", [], awstoe.problems(document))
    suite.equal("phases", ["build", "validate", "test"], [p["name"] for p in document["phases"]])
    suite.ok("no template of AWSTOE by accident", "{{" not in text)
    other = pristine(suite, "component-other")
    for phase in document["phases"]:
        for step in phase["steps"]:
            suite.equal("action", "ExecuteBash", step["action"])
            for command in step["inputs"]["commands"]:
                shell(suite, phase["name"], command, other)
    suite.equal("the component makes the same tree", [],
                difference(without_records(snapshot(root)), without_records(snapshot(other))))


def real_packer(suite, provisioner):
    """Packer's own parser, with a source that does nothing and a step that is ours."""
    folder = suite.path("packer-folder")
    os.mkdir(folder)
    with open(os.path.join(folder, "build.pkr.hcl"), "w", encoding="ascii") as f:
        f.write('source "null" "image" {\n  communicator = "none"\n}\n\nbuild {\n'
                '  sources = ["source.null.image"]\n' + provisioner + "}\n")
    env = {"PATH": os.environ["PATH"], "CHECKPOINT_DISABLE": "1", "HOME": suite.temp}
    done = subprocess.run(["packer", "validate", folder], env=env, capture_output=True, timeout=120,
                          check=False)
    suite.equal("packer validate: " + (done.stdout + done.stderr).decode(), 0, done.returncode)


def check_packer(suite):
    root = staged(suite, "packer")
    text = content(export(suite, root, "packer", "piv.pkr.hcl")).decode()
    script = re.search(r"<<EOT\n(.*)\nEOT\n", text, re.S).group(1)
    suite.ok("no interpolation of HCL by accident", "${" not in script and "%{" not in script, script)
    other = pristine(suite, "packer-other")
    shell(suite, "packer", script, other)
    suite.equal("the provisioner makes the same tree", [],
                difference(without_records(snapshot(root)), without_records(snapshot(other))))
    if shutil.which("packer"):
        real_packer(suite, text)
    else:
        print("packer: not validated, it is not installed")


def check_ansible(suite):
    root = staged(suite, "ansible")
    text = content(export(suite, root, "ansible", "playbook.yml")).decode()
    if yaml is None:
        print("playbook: not parsed, python3-yaml is not installed")
        return
    other = pristine(suite, "ansible-other")
    folder = suite.path("ansible-copies")
    tasks = yaml.safe_load(text)[0]["tasks"]
    here = lambda words: [w.replace("/root/piv-login-export", folder) for w in words]
    env = tools_folder(suite, other)
    for task in tasks:  # the four modules that it uses, done as their documentation says
        if "ansible.builtin.file" in task:
            path = here([task["ansible.builtin.file"]["path"]])[0]
            if task["ansible.builtin.file"]["state"] == "directory":
                os.mkdir(path, 0o700)
            else:
                shutil.rmtree(path)
        elif "ansible.builtin.copy" in task:
            copy = task["ansible.builtin.copy"]
            with open(here([copy["dest"]])[0], "w", encoding="ascii") as f:
                f.write(copy["content"])
        elif "ansible.builtin.shell" in task:
            step = task["ansible.builtin.shell"]
            subprocess.run(["sh", "-c", here([step["cmd"]])[0]], input=step["stdin"].encode(), check=True)
        else:
            argv = here(task["ansible.builtin.command"]["argv"])
            done = subprocess.run(argv, env=env, capture_output=True, check=False)
            suite.ok(task["name"], done.returncode == 0, done.stderr.decode())
    suite.ok("no copy is left", not os.path.exists(folder))
    suite.equal("the playbook makes the same tree", [],
                difference(without_records(snapshot(root)), without_records(snapshot(other))))
    if shutil.which("ansible-playbook"):
        done = subprocess.run(["ansible-playbook", "--syntax-check", "-i", "localhost,",
                               suite.path("playbook.yml")], capture_output=True, check=False)
        suite.ok("ansible-playbook --syntax-check", done.returncode == 0, done.stderr.decode())
    if shutil.which("ansible-lint"):
        env = {"PATH": os.environ["PATH"], "HOME": suite.temp}
        done = subprocess.run(["ansible-lint", "--offline", "--nocolor", "-q", "playbook.yml"],
                              capture_output=True, cwd=suite.temp, env=env, timeout=200, check=False)
        suite.equal("ansible-lint: " + (done.stdout + done.stderr).decode(), 0, done.returncode)
    else:
        print("ansible: not linted, ansible-lint is not installed")


def check_ad_connector(suite):
    root = staged(suite, "ad-root")
    folder = export(suite, root, "ad-connector", "ad")
    names = sorted(os.listdir(folder))
    suite.equal("one PEM for each CA, and the commands", 3, len(names))
    suite.ok("the root first", names[0].startswith("01-Example-Root-CA"), names)
    env = tools_folder(suite, root)
    script = os.path.join(folder, "register.sh")
    done = subprocess.run([script], env=env, capture_output=True, check=False)
    suite.ok("usage without a directory", done.returncode != 0 and b"DIRECTORY-ID" in done.stderr)
    done = subprocess.run([script, "d-1234567890"], env=env, capture_output=True, check=False)
    suite.ok("runs", done.returncode == 0, done.stderr)
    with open(suite.path("aws.log"), encoding="ascii") as f:
        calls = f.read().split("\n")
    suite.equal("two registrations", 2, sum("register-certificate" in c for c in calls))
    for call in calls[:2]:
        suite.ok("with the responder", "OCSPUrl=http://ocsp.example.com/" in call, call)
        path = call.split("file://")[1]
        text = openssl(folder, "x509", "-in", path, "-noout", "-subject").decode()
        suite.ok("each file is a certificate", "Example" in text, text)
    run = suite.piv_image("export", "--format", "ad-connector", "--root", root, "-o", folder)
    suite.refused("a folder with such files", run, 65, "exists")
    root = suite.path("short")
    image_tree.MAKERS["el9"](root)
    suite.ca.issue("short", "/O=Example/CN=Short CA", "int", "root", 60)
    suite.enable("--ca-cert", suite.ca.path("root.cer"), suite.ca.path("short.cer"), "--root", root)
    run = suite.piv_image("export", "--format", "ad-connector", "--root", root, "-o", suite.path("short-set"))
    suite.succeeded("a CA that ends soon", run)
    suite.ok("is warned about", "90 days" in run.err and "Short-CA" in run.err, run.err)


def check_refusals(suite):
    root = pristine(suite, "unstaged")
    for form in FORMATS + ("ad-connector",):
        out = suite.path("refused-" + form)
        words = ["export", "--format", form, "-o", out, "--root"]
        suite.refused(form + " of an unstaged tree", suite.piv_image(*words, root), 1, "nothing is staged")
        suite.ok(form + ": nothing written", not os.path.exists(out))
    root = staged(suite, "drifted")
    with open(os.path.join(root, "etc/piv-login/piv-login.conf"), "a", encoding="ascii") as f:
        f.write("# mine\n")
    run = suite.piv_image("export", "--format", "packer", "-o", suite.path("x"), "--root", root)
    suite.refused("of a tree that was changed", run, 1, "piv-login.conf")
    root = staged(suite, "kept")
    before = snapshot(root)
    out = export(suite, root, "packer", "kept.hcl")
    run = suite.piv_image("export", "--format", "packer", "-o", out, "--root", root)
    suite.refused("a file that is there", run, 65, "kept.hcl")
    export(suite, root, "packer", "kept.hcl", "--force")
    run = suite.piv_image("export", "--format", "zip", "-o", out, "--root", root)
    suite.refused("a format that is none", run, 64, "zip")
    suite.same("export writes nothing to the tree", before, root)
    path = os.path.join(root, "var/lib/piv-login/staging/manifest.json")
    good = content(path).decode()
    for bad in ("$(reboot)", "a'b", "a b`x`", "x\\ny"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(good.replace("ocsp=soft", "ocsp=" + bad.replace("\\", "\\\\")))
        run = suite.piv_image("export", "--format", "packer", "-o", suite.path("evil"), "--root", root)
        suite.refused("a manifest with %r in an option" % bad, run, 2, "not understood")


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    suite.ca.write("index", b"")
    openssl(suite.ca.folder, "ca", "-gencrl", "-config", "ca.cnf", "-name", "db", "-cert", "int.pem",
            "-keyfile", "int.key", "-md", "sha256", "-crldays", "30", "-out", "int.crl.pem")
    openssl(suite.ca.folder, "crl", "-in", "int.crl.pem", "-outform", "DER", "-out", "int.crl")
    suite.crl = suite.ca.path("int.crl")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
