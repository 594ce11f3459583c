#!/usr/bin/env python3
"""What enable-smartcard makes of an image root of each of the six profiles.

usage: profiles_test.py BUILD_DIR"""
import json
import os
import shutil
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, difference, snapshot, text_of

CARD_SERVICES = ["login", "sudo", "su", "gdm-password", "lightdm", "mate-screensaver",
                 "cinnamon-screensaver", "xrdp-sesman", "polkit-1"]
RED_HAT = ("al2", "al2023", "el8", "el9")
SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def stage(suite, profile, *words, name=None):
    root = suite.path(name or profile)
    image_tree.MAKERS[profile](root)
    before = snapshot(root)
    run = suite.enable("--ca-cert", suite.ca.path("root.cer"), suite.ca.path("int.cer"), "--root",
                       root, *words)
    return root, before, run


def contract_paths(suite, root, profile):
    for folder, subject in (("anchors", "Example Root CA"), ("intermediates", "Example Issuing CA")):
        path = os.path.join(root, "etc/piv-login/trust", folder)
        names = os.listdir(path)
        suite.equal(profile + ": one file in " + folder, 1, len(names))
        shown = subprocess.run(["openssl", "x509", "-in", os.path.join(path, names[0]), "-noout",
                                "-subject", "-fingerprint", "-sha256"], capture_output=True, check=True)
        text = shown.stdout.decode()
        suite.ok(profile + ": " + subject, subject in text, text)
        digest = text.split("Fingerprint=")[1].replace(":", "").strip().lower()
        suite.ok(profile + ": the file is named from its SHA-256", digest[:16] in names[0], names[0])
        mode = os.stat(os.path.join(path, names[0])).st_mode & 0o777
        suite.equal(profile + ": mode", 0o644, mode)
    config = text_of(root, "/etc/piv-login/piv-login.conf")
    suite.ok(profile + ": configuration names services", "services = " in config, config)
    for service in CARD_SERVICES:
        suite.ok(profile + ": covers " + service, service in config, config)
    for service in ("sshd", "crond", "cron", "lightdm-greeter"):
        named = [w.strip() for w in config.split("services = ")[1].split("\n")[0].split(",")]
        suite.ok(profile + ": leaves out " + service, service not in named, named)
    suite.equal(profile + ": pcscd is enabled by link", "/lib/systemd/system/pcscd.socket"
                if profile in ("ubuntu", "debian") else "/usr/lib/systemd/system/pcscd.socket",
                os.readlink(os.path.join(root, "etc/systemd/system/sockets.target.wants/pcscd.socket")))
    suite.ok(profile + ": and by preset", "enable pcscd.socket" in
             text_of(root, "/etc/systemd/system-preset/20-piv-login.preset"))
    rule = text_of(root, "/usr/share/polkit-1/rules.d/50-piv-login.rules")
    suite.ok(profile + ": polkit names one user and no group",
             'subject.user == "piv-login"' in rule and "isInGroup" not in rule, rule)
    for kind in ("sysusers", "tmpfiles"):
        path = "usr/lib/%s.d/piv-login.conf" % kind
        if profile == "al2" and kind == "sysusers":
            suite.ok("al2: no " + path, not os.path.exists(os.path.join(root, path)))
        else:
            suite.equal(profile + ": " + path + " as the package has it",
                        text_of(SOURCES, "packaging/%s/piv-login.conf" % kind), text_of(root, path))
    nss = text_of(root, "/etc/authselect/nsswitch.conf" if profile in RED_HAT[1:]
                  else "/etc/nsswitch.conf")
    lines = {line.split(":")[0]: line for line in nss.split("\n") if ":" in line}
    suite.ok(profile + ": passwd", "files piv " in lines["passwd"] + " ", lines["passwd"])
    suite.ok(profile + ": group", " piv" in lines["group"], lines["group"])
    suite.ok(profile + ": shadow is left alone", "piv" not in lines["shadow"], lines["shadow"])
    if profile in RED_HAT:
        suite.ok(profile + ": an action stays with its service",
                 "files [SUCCESS=merge] piv sss" in lines["group"], lines["group"])
        suite.ok(profile + ": the comment stays", "# people" in lines["passwd"], lines["passwd"])


def no_generated_file_edited(suite, root, before, profile):
    """What a tool of the distribution generates is as that tool would make it, or untouched."""
    after = snapshot(root)
    if profile == "al2":
        for name in ("system-auth", "password-auth", "smartcard-auth"):
            suite.equal(name + "-ac is authconfig's", before["etc/pam.d/%s-ac" % name],
                        after["etc/pam.d/%s-ac" % name])
            suite.equal(name + " is a link to ours", name + "-piv-login",
                        os.readlink(os.path.join(root, "etc/pam.d", name)))
        return
    if profile in RED_HAT:
        conf = text_of(root, "/etc/authselect/authselect.conf").split()
        suite.equal(profile + ": selected", "custom/piv-login", conf[0])
        suite.ok(profile + ": our feature", "with-piv-login" in conf, conf)
        for name in ("system-auth", "password-auth", "smartcard-auth", "postlogin", "dconf-db"):
            template = text_of(root, "/etc/authselect/custom/piv-login/" + name)
            wanted = image_tree.authselect_render(template, set(conf[1:]))
            got = text_of(root, "/etc/authselect/" + name)
            body = "\n".join(l for l in got.split("\n") if not l.startswith("#")).strip("\n")
            bare = "\n".join(l for l in wanted.split("\n") if not l.startswith("#")).strip("\n")
            suite.equal(profile + ": " + name + " is what authselect makes of the profile", bare, body)
        for name in ("system-auth", "nsswitch.conf"):
            link = "etc/pam.d/system-auth" if name == "system-auth" else "etc/nsswitch.conf"
            suite.equal(profile + ": " + link + " is still authselect's link",
                        "/etc/authselect/" + name, os.readlink(os.path.join(root, link)))
        base = "usr/share/authselect/default/sssd/system-auth"
        suite.equal(profile + ": the base profile is untouched", before[base], after[base])
        return
    text = text_of(root, "/etc/pam.d/common-auth")
    rows = [l.split() for l in text.split("\n") if l and not l.startswith("#")]
    suite.equal(profile + ": the card comes first and jumps over pam_unix and pam_deny",
                ["auth", "[success=2", "authinfo_unavail=ignore", "ignore=ignore", "default=die]",
                 "pam_piv.so"], rows[0])
    suite.equal(profile + ": pam_unix jumps over pam_deny", "[success=1", rows[1][1])
    suite.equal(profile + ": pam_deny is where both jump over", "pam_deny.so", rows[2][-1])
    suite.equal(profile + ": the profile is seen", ["piv-login", "unix"],
                text_of(root, "/var/lib/pam/seen").split())


def check_six_profiles(suite):
    for profile in image_tree.MAKERS:
        root, before, run = stage(suite, profile)
        suite.succeeded(profile, run)
        suite.ok(profile + " is named", "profile %s;" % profile in run.out, run.out)
        suite.equal(profile + ": nothing on stderr", "", run.err)
        contract_paths(suite, root, profile)
        no_generated_file_edited(suite, root, before, profile)
        proof = suite.piv_image("prove", "--root", root, "--json")
        suite.equal(profile + ": proven", 0, proof.status)
        suite.equal(profile + ": no problem", [], proof.json()["problems"])
        suite.succeeded(profile + ": verify", suite.piv_image("verify", "--root", root))
        manifest = os.path.join(root, "var/lib/piv-login/staging")
        suite.equal(profile + ": the staging folder is root's alone", 0o700,
                    os.stat(manifest).st_mode & 0o777)


def check_second_run_changes_nothing(suite):
    for profile in image_tree.MAKERS:
        root = suite.path(profile)
        before = snapshot(root)
        run = suite.enable("--ca-cert", suite.ca.path("root.cer"), suite.ca.path("int.cer"), "--root",
                           root)
        suite.succeeded(profile, run)
        suite.ok(profile + " says so", "nothing to do" in run.out, run.out)
        suite.same(profile + ": times and all", before, root)
        # Another order, another encoding, the same certificates twice: still the same inputs.
        run = suite.enable("--ca-cert", suite.bundle, "--ca-cert", suite.ca.path("int.pem"), "--root",
                           root, "--json")
        suite.succeeded(profile + " in other words", run)
        paths = [f["path"] for f in run.json()["files"] if f["change"] != "none"]
        suite.equal(profile + ": no file differs", [], paths)


def check_undo_is_byte_identical(suite):
    for profile in image_tree.MAKERS:
        root, before, run = stage(suite, profile, "--mode", "required", "--domain",
                                  "corp.example.com=CORP", name="undo-" + profile)
        suite.succeeded(profile, run)
        suite.ok(profile + " changed something", difference(before, snapshot(root)))
        suite.succeeded(profile + ": undo", suite.enable("--undo", "--root", root))
        suite.same(profile + ": undone", before, root)
        run = suite.piv_image("undo", "--root", root)
        suite.succeeded(profile + ": again", run)
        suite.ok(profile + ": says that there is nothing", "nothing to do" in run.out, run.out)
        suite.same(profile + ": still", before, root)


def check_undo_of_two_stagings(suite):
    """A second staging with other options does not forget what was there before the first."""
    for profile in ("al2", "el9", "debian"):
        root, before, run = stage(suite, profile, name="twice-" + profile)
        suite.succeeded(profile + " first", run)
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--mode", "required", "--ocsp",
                           "soft", "--domain", "corp.example.com")
        suite.succeeded(profile + " second", run)
        suite.ok(profile + ": second counts", "ocsp = soft" in
                 text_of(root, "/etc/piv-login/piv-login.conf"))
        run = suite.enable("--ca-cert", suite.ca.path("other.cer"), "--root", root)
        suite.succeeded(profile + " third, of another CA", run)
        names = os.listdir(os.path.join(root, "etc/piv-login/trust/anchors"))
        suite.ok(profile + ": only the third's CA", len(names) == 1 and "Other" in names[0], names)
        suite.succeeded(profile + ": undo", suite.enable("--undo", "--root", root))
        suite.same(profile + ": undone", before, root)


def check_two_copies_are_identical(suite):
    for profile in image_tree.MAKERS:
        _, _, first = stage(suite, profile, "--domain", "corp.example.com", name="one-" + profile)
        os.umask(0o077)
        image_tree_root = suite.path("two-" + profile)
        os.umask(0o022)
        image_tree.MAKERS[profile](image_tree_root)
        second = suite.enable("--ca-cert", suite.bundle, "--root", image_tree_root, "--domain",
                              "corp.example.com", prefix=["sh", "-c", 'umask 077; exec "$@"', "sh"])
        suite.succeeded(profile, first)
        suite.succeeded(profile + " again", second)
        one, two = snapshot(suite.path("one-" + profile)), snapshot(image_tree_root)
        for tree in (one, two):  # the manifest says which input file a certificate came from
            del tree["var/lib/piv-login/staging/manifest.json"]
        suite.equal(profile + ": same tree from other umask and encoding", [], difference(one, two))


def check_same_inputs_same_manifest(suite):
    for profile in ("al2", "el8", "ubuntu"):
        for name in ("m1-", "m2-"):
            _, _, run = stage(suite, profile, name=name + profile)
            suite.succeeded(profile, run)
        suite.equal(profile + ": everything, the manifest too", [],
                    difference(snapshot(suite.path("m1-" + profile)),
                               snapshot(suite.path("m2-" + profile))))


def check_dry_run_writes_nothing(suite):
    for profile in image_tree.MAKERS:
        root, before, run = stage(suite, profile, "--dry-run", name="dry-" + profile)
        suite.succeeded(profile, run)
        suite.same(profile + ": nothing written", before, root)
        suite.ok(profile + ": the diff has our line", "pam_piv.so" in run.out and "\n+" in run.out)
        shown = {l[len("+++ b"):] for l in run.out.split("\n") if l.startswith("+++ b/")}
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--json")
        suite.succeeded(profile + ": and then for real", run)
        real = {f["path"] for f in run.json()["files"] if f["change"] != "none"}
        suite.equal(profile + ": the dry run named every file", real, shown)
        staged = snapshot(root)
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--dry-run")
        suite.ok(profile + ": then there is nothing to do", "nothing would change" in run.out, run.out)
        suite.same(profile + ": and nothing written", staged, root)


def check_required_mode(suite):
    for profile in image_tree.MAKERS:
        root, _, run = stage(suite, profile, "--mode", "required", name="required-" + profile)
        suite.succeeded(profile, run)
        proof = suite.piv_image("prove", "--root", root, "--mode", "required", "--json")
        suite.equal(profile + ": proven as required", 0, proof.status)
        rows = {(r["service"], r["outcome"]): r for r in proof.json()["rows"]}
        suite.equal(profile + ": no card, right password", "refused",
                    rows[("lightdm", "authinfo_unavail")]["password"])
        suite.ok(profile + ": root at the console gets in",
                 rows[("login", "authinfo_unavail")]["root"] != "refused")
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--mode", "required",
                           "--no-break-glass")
        suite.succeeded(profile + " without break glass", run)
        proof = suite.piv_image("prove", "--root", root, "--mode", "required", "--no-break-glass",
                                "--json")
        rows = {(r["service"], r["outcome"]): r for r in proof.json()["rows"]}
        suite.equal(profile + ": root needs a card then", "refused",
                    rows[("login", "authinfo_unavail")]["root"])


def check_drift(suite):
    root, before, run = stage(suite, "debian", name="drift")
    suite.succeeded("staged", run)
    path = os.path.join(root, "etc/pam.d/common-auth")
    with open(path, "a", encoding="utf-8") as f:
        f.write("auth optional pam_warn.so\n")
    run = suite.piv_image("verify", "--root", root)
    suite.equal("verify exits 1", 1, run.status)
    suite.equal("one line for one difference", ["/etc/pam.d/common-auth: has another content"],
                run.out.strip().split("\n"))
    changed = snapshot(root)
    run = suite.enable("--undo", "--root", root)
    suite.refused("undo over somebody's edit", run, 1, "changed by somebody", "common-auth")
    suite.same("nothing was undone", changed, root)
    run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--mode", "required")
    suite.refused("staging over it", run, 1, "common-auth")
    suite.same("nothing was staged", changed, root)
    suite.succeeded("--force", suite.piv_image("undo", "--force", "--root", root))
    suite.same("undone by force", before, root)
    run = suite.piv_image("verify", "--root", root)
    suite.equal("verify of an unstaged tree", 1, run.status)


def check_status_and_json(suite):
    root, _, run = stage(suite, "el9", "--json", "--domain", "corp.example.com", name="status")
    suite.succeeded("staged", run)
    document = run.json()
    suite.equal("result", "staged", document["result"])
    suite.equal("roles", ["anchor", "intermediate"], [c["role"] for c in document["certificates"]])
    run = suite.enable("--status", "--root", root, "--json")
    suite.equal("status: 0", 0, run.status)
    suite.equal("staged", True, run.json()["staged"])
    suite.enable("--undo", "--root", root)
    run = suite.enable("--status", "--root", root)
    suite.equal("status after undo: 1", 1, run.status)


def check_known_differences_in_trees(suite):
    """Regressions, each of something that once went wrong."""
    # A file that is planned but already as planned: nothing is kept of it, a second run must not ask.
    root = suite.path("equal-already")
    image_tree.MAKERS["debian"](root)
    preset = os.path.join(root, "etc/systemd/system-preset/20-piv-login.preset")
    donor, _, run = stage(suite, "debian", name="donor")
    suite.succeeded("donor", run)
    os.makedirs(os.path.dirname(preset))
    shutil.copy2(os.path.join(donor, "etc/systemd/system-preset/20-piv-login.preset"), preset)
    before = snapshot(root)
    suite.succeeded("first", suite.enable("--ca-cert", suite.bundle, "--root", root))
    run = suite.enable("--ca-cert", suite.bundle, "--root", root)
    suite.succeeded("second", run)
    suite.ok("says so", "nothing to do" in run.out, run.out)
    suite.succeeded("undo", suite.enable("--undo", "--root", root))
    suite.same("undone", before, root)
    # polkit's folder under /etc is unreadable for others on Debian: nothing is made in it.
    root = suite.path("polkit")
    image_tree.MAKERS["debian"](root)
    os.makedirs(os.path.join(root, "etc/polkit-1/rules.d"), mode=0o700)
    suite.succeeded("staged", suite.enable("--ca-cert", suite.bundle, "--root", root))
    suite.equal("nothing in /etc/polkit-1/rules.d", [],
                os.listdir(os.path.join(root, "etc/polkit-1/rules.d")))
    # A package's own rule of that name is left to the package.
    root = suite.path("polkit-package")
    tree = image_tree.MAKERS["debian"](root)
    tree.file("usr/share/polkit-1/rules.d/50-piv-login.rules", "// the package's\n")
    suite.succeeded("staged", suite.enable("--ca-cert", suite.bundle, "--root", root))
    suite.equal("the package's rule", "// the package's\n",
                text_of(root, "/usr/share/polkit-1/rules.d/50-piv-login.rules"))


def check_settings_of_the_image_stay(suite):
    root = suite.path("own-settings")
    tree = image_tree.MAKERS["el8"](root)
    tree.file("etc/piv-login/piv-login.conf", "# ours\n[card]\nreader = Lab*\n")
    before = snapshot(root)
    run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--ocsp", "soft")
    suite.succeeded("staged", run)
    suite.equal("left alone", before["etc/piv-login/piv-login.conf"],
                snapshot(root)["etc/piv-login/piv-login.conf"])
    suite.ok("the options went into a drop-in", "ocsp = soft" in
             text_of(root, "/etc/piv-login/piv-login.conf.d/50-enable-smartcard.conf"))
    suite.ok("and it says so", "50-enable-smartcard.conf" in run.out, run.out)


def check_verify_with(suite):
    root, _, run = stage(suite, "el9", "--verify-with", suite.ca.path("leaf.cer"), "--domain",
                         "corp.example.com", name="leaf-good")
    suite.succeeded("a card of the staged CA", run)
    suite.equal("no warning", "", run.err)
    root, before, run = stage(suite, "el9", "--verify-with", suite.ca.path("stranger.cer"),
                              name="leaf-bad")
    suite.refused("a card of another CA", run, 65, "stranger.cer", "would be refused")
    suite.same("nothing was written", before, root)
    root, before, run = stage(suite, "el9", "--verify-with", suite.ca.path("leaf.cer"), "--domain",
                              "elsewhere.example", name="leaf-domain")
    suite.ok("a UPN of no domain is said", "maps to nobody" in run.err, run.err)


def check_card_greeter(suite):
    """The stack of GDM's card greeter has only the card: refusing there locks nobody out."""
    for profile in image_tree.MAKERS:
        root = suite.path(profile)
        proof = suite.piv_image("prove", "--root", root, "--json", "gdm-smartcard")
        suite.equal(profile + ": proven", 0, proof.status)
        rows = {r["outcome"]: r for r in proof.json()["rows"]}
        suite.equal(profile + ": card", "granted", rows["success"]["no_password"])
        for outcome in ("auth_err", "authinfo_unavail", "ignore", "module_unknown"):
            suite.equal(profile + ": " + outcome, "refused", rows[outcome]["password"])


SESSION_FILES = {"al2": "etc/pam.d/system-auth-piv-login", "ubuntu": "etc/pam.d/common-session",
                 "debian": "etc/pam.d/common-session"}


def session_rows(root, path):
    rows = [line.split("#")[0].split() for line in text_of(root, path).split("\n")]
    return [row for row in rows if row and row[0].lstrip("-") == "session"]


def check_card_removal(suite):
    """--on-card-removal: a session line behind pam_systemd, and nothing without it."""
    for profile in image_tree.MAKERS:
        root, before, run = stage(suite, profile, name="removal-" + profile)
        suite.succeeded(profile, run)
        run = suite.enable("--ca-cert", suite.ca.path("root.cer"), suite.ca.path("int.cer"), "--root", root,
                           "--on-card-removal", "ignore")
        suite.succeeded(profile + ": ignore", run)
        suite.ok(profile + ": ignore is the default", "nothing to do" in run.out, run.out)
        for pam in ("etc/pam.d", "etc/authselect"):
            for name in sorted(os.listdir(os.path.join(root, pam)) if
                               os.path.isdir(os.path.join(root, pam)) else []):
                path = os.path.join(root, pam, name)
                if os.path.isfile(path):
                    suite.equal(profile + ": without it no session line in " + name, [],
                                [r for r in session_rows(root, pam + "/" + name) if "pam_piv.so" in r])
        tree = image_tree.Tree(root)
        if profile in ("ubuntu", "debian"):
            suite.succeeded(profile + ": back", suite.enable("--undo", "--root", root))
            image_tree.with_pam_systemd(tree)
            before = snapshot(root)
        for action in ("logout", "lock"):
            run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--on-card-removal", action)
            suite.succeeded(profile + ": " + action, run)
            suite.ok(profile + ": without the watcher it says so", "piv-login-watch is not in the tree" in
                     run.err, run.err)
            suite.ok(profile + ": the setting", "\n[session]\non_card_removal = %s\n" % action in
                     text_of(root, "/etc/piv-login/piv-login.conf"))
            path = SESSION_FILES.get(profile, "etc/authselect/system-auth")
            rows = session_rows(root, path)
            suite.equal(profile + ": one optional line, the last", ["session", "optional", "pam_piv.so"],
                        rows[-1])
            suite.equal(profile + ": one", 1, sum("pam_piv.so" in row for row in rows))
            note = [l for l in run.out.split("\n") if "removal of the card is noticed" in l]
            suite.ok(profile + ": says where", len(note) == 1 and "login" in note[0] and
                     "gdm-password" in note[0], run.out)
            suite.equal(profile + ": a text console has nothing to lock", action == "lock",
                        "no screen that could be locked" in run.out)
        if profile in RED_HAT[1:]:
            no_generated_file_edited(suite, root, before, profile)
            conf = text_of(root, "/etc/authselect/authselect.conf").split()
            suite.ok(profile + ": our feature of the session", "with-piv-login-session" in conf, conf)
        if profile == "al2":
            no_generated_file_edited(suite, root, before, profile)
        staged = snapshot(root)
        run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--on-card-removal", "lock")
        suite.ok(profile + ": a second run writes nothing", "nothing to do" in run.out, run.out)
        suite.same(profile + ": nothing written", staged, root)
        proof = suite.piv_image("prove", "--root", root, "--json", "lightdm")
        suite.equal(profile + ": proven", 0, proof.status)
        opened = {r["outcome"]: r["opened"] for r in proof.json()["session_rows"]
                  if r["service"] == "lightdm"}
        suite.equal(profile + ": what the session line may answer", 5, len(opened))
        suite.ok(profile + ": no answer of it keeps anybody out", "refused" not in opened.values(), opened)
        suite.succeeded(profile + ": undo", suite.enable("--undo", "--root", root))
        suite.same(profile + ": undone", before, root)


def check_card_removal_without_tools(suite):
    """Plain files, managed by no tool: a marked section at their end."""
    root = suite.path("removal-plain")
    tree = image_tree.MAKERS["al2"](root)
    for name in ("system-auth", "password-auth"):
        os.unlink(os.path.join(root, "etc/pam.d", name))
        tree.file("etc/pam.d/" + name, image_tree.AUTHCONFIG_AUTH + image_tree.AUTHCONFIG_REST)
    tree.file("usr/libexec/piv-login/piv-login-watch", "not run by anything here\n", 0o755)
    before = snapshot(root)
    run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--on-card-removal", "lock")
    suite.succeeded("staged", run)
    suite.equal("nothing to warn of", "", run.err)
    suite.equal("ours is the last", ["session", "optional", "pam_piv.so"],
                session_rows(root, "etc/pam.d/password-auth")[-1])
    suite.ok("marked", text_of(root, "etc/pam.d/password-auth").endswith(
        "session  optional   pam_piv.so\n#### End piv-login control section. ####\n"))
    suite.succeeded("undo", suite.enable("--undo", "--root", root))
    suite.same("undone", before, root)
    run = suite.enable("--ca-cert", suite.bundle, "--root", root, "--on-card-removal", "explode")
    suite.refused("an action that does not exist", run, 64, "--on-card-removal")
    suite.same("nothing was written", before, root)


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    suite.ca.root("other", "/O=Example/CN=Other Root CA")
    suite.ca.issue("stranger", "/O=Example/CN=Stranger", "leaf", "other", 300)
    suite.bundle = suite.ca.bundle("chain.p7b", ["int", "root"], "DER")
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
