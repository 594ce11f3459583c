#!/usr/bin/env python3
"""piv-image import-config: pam_pkcs11's and SSSD's settings in ours, read back by piv-accounts.

usage: import_test.py BUILD_DIR"""
import glob
import gzip
import os
import subprocess
import sys

import image_tree
from authority import Authority
from harness import Suite, build_folder, snapshot

PKCS11 = """pam_pkcs11 {
  nullok = true; # comment ; with = marks {
  use_pkcs11_module = vendor;
  pkcs11_module opensc { module = /usr/lib64/opensc-pkcs11.so; ca_dir = /nowhere; }
  pkcs11_module vendor {
    module = /opt/vendor/libcard.so
    slot_description = "Vendor Reader 00";
    ca_dir = /etc/pam_pkcs11/cacerts;
    crl_dir = /etc/pam_pkcs11/crls;
    cert_policy = ca, ocsp_on,
                  signature, crl_offline;
  }
  use_mappers = ms, digest, subject,
                cn;
  mapper digest { algorithm = sha256; mapfile = file:///etc/pam_pkcs11/digest_mapping; }
  mapper subject { mapfile = "file:///etc/pam_pkcs11/subject_mapping"; }
  mapper ms { domainname = "corp.example.com"; ignoredomain = false; }
  mapper cn { mapfile = "none"; }
}
"""
SSSD = """# a comment
[sssd]
services = nss, pam
certificate_verification = soft_ocsp, ocsp_default_responder=http://ocsp.example.com/,
   ocsp_dgst=sha512

[pam]
pam_cert_auth = True
p11_child_timeout = 20
p11_uri = pkcs11:slot-description=Gemalto%20PC%20Twin;token=x?module-path=/opt/m.so
pam_p11_allowed_services = +lightdm

[certmap/corp.example.com/upn]
maprule = (|(userPrincipal={subject_principal})(samAccountName={subject_principal.short_name}))
matchrule = <ISSUER>^CN=Login CA<EKU>clientAuth

[certmap/corp.example.com/alt]
maprule = LDAP:(altSecurityIdentities={altSecurityIdentities!issuer_serial})
"""


def new_tree(suite, name, files):
    root = suite.path(name)
    tree = image_tree.MAKERS["el9"](root)
    for path, text in files.items():
        tree.file(path, text)
    return root


def settings(text):
    out, section = {}, None
    for line in text.split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            out[section + "." + key] = value
    return out


def said(run):
    return " | ".join(one["what"] + ": " + one["why"] for one in run.json()["left_out"])


def check_pam_pkcs11(suite):
    digest = subprocess.run(["openssl", "x509", "-in", suite.ca.path("leaf.pem"), "-noout",
                             "-fingerprint", "-sha256"], capture_output=True, check=True)
    colons = digest.stdout.decode().strip().split("=")[1]
    root = new_tree(suite, "pkcs11", {
        "etc/pam_pkcs11/pam_pkcs11.conf": PKCS11,
        "etc/pam_pkcs11/cacerts/root.pem": "x\n", "etc/pam_pkcs11/crls/x": "",
        "etc/pam_pkcs11/digest_mapping": "# who\n%s -> alice\nAA:BB -> bob\n" % colons,
        "etc/pam_pkcs11/subject_mapping": "/C=US/O=A, Inc/CN=Carol O/R -> carol\n"})
    os.symlink("root.pem", os.path.join(root, "etc/pam_pkcs11/cacerts/0a0a0a0a.0"))
    before = snapshot(root)
    run = suite.piv_image("import-config", "--root", root, "--json")
    suite.succeeded("read", run)
    suite.same("nothing written", before, root)
    suite.equal("settings", {
        "card.backend": "pkcs11", "card.module": "/opt/vendor/libcard.so",
        "card.reader": "Vendor Reader 00", "mapping.domain": "corp.example.com",
        "mapping.map": "upn,file", "revocation.ocsp": "require",
        "trust.crl": "/etc/pam_pkcs11/crls"}, settings(run.json()["config"]))
    wanted = ["cert-sha256 %s -> alice" % colons.replace(":", "").lower(),
              "subject CN=Carol O/R,O=A\\, Inc,C=US -> carol"]
    suite.equal("account map", wanted, run.json()["accounts"])
    suite.equal("CA files, and no hash link", ["/etc/pam_pkcs11/cacerts/root.pem"],
                run.json()["ca_files"])
    for word in ("nullok", "mapper cn", "allow_weak", "for bob"):
        suite.ok("says of " + word, word in said(run), said(run))
    # The text is what our own programs read.
    tool = os.path.join(os.path.dirname(suite.bin), "pam_module/account/piv-accounts")
    config = suite.path("imported.conf")
    accounts = suite.path("accounts")
    with open(accounts, "w", encoding="ascii") as f:
        f.write("\n".join(run.json()["accounts"]) + "\n")
    with open(config, "w", encoding="ascii") as f:
        f.write(run.json()["config"].replace("[mapping]\n", "[mapping]\naccounts = %s\n" % accounts))
    for path in (accounts, config):
        os.chmod(path, 0o644)
    done = subprocess.run([tool, "--config", config, "list"], capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode()
    suite.ok("piv-accounts reads it: " + text, done.returncode == 0 and "alice" in text and
             "carol" in text)


def check_sssd(suite):
    root = new_tree(suite, "sssd", {"etc/sssd/sssd.conf": SSSD,
                                    "etc/sssd/pki/sssd_auth_ca_db.pem": "x\n",
                                    "etc/sssd/conf.d/10-a.conf": "[pam]\np11_wait_for_card_timeout = 9\n"
                                                                 "pam_cert_auth = true\n",
                                    "etc/sssd/conf.d/.hidden.conf": "junk\n"})
    run = suite.piv_image("import-config", "--root", root, "--json")
    suite.succeeded("read", run)
    suite.equal("settings", {
        "card.backend": "pkcs11", "card.module": "/opt/m.so", "card.reader": "Gemalto PC Twin",
        "card.wait": "9", "mapping.domain": "corp.example.com", "mapping.map": "upn",
        "policy.deadline_ms": "20000", "revocation.ocsp": "soft",
        "revocation.ocsp_url": "http://ocsp.example.com/"}, settings(run.json()["config"]))
    suite.equal("its bundle", ["/etc/sssd/pki/sssd_auth_ca_db.pem"], run.json()["ca_files"])
    for word in ("ocsp_dgst", "<ISSUER>", "altSecurityIdentities", "+lightdm"):
        suite.ok("says of " + word, word in said(run), said(run))
    run = suite.piv_image("import-config", "--root", root)
    suite.ok("for people: the command", "# enable-smartcard --domain corp.example.com --ca-cert "
             "/etc/sssd/pki/sssd_auth_ca_db.pem" in run.out, run.out)
    suite.ok("for people: what is left out", "not taken over" in run.out, run.out)


def check_packaged_example(suite):
    """The example that Debian's package has."""
    found = glob.glob("/usr/share/doc/libpam-pkcs11/examples/pam_pkcs11.conf.example*")
    if not found:
        print("skipped: libpam-pkcs11's example is not here")
        return
    opener = gzip.open if found[0].endswith(".gz") else open
    with opener(found[0], "rt", encoding="utf-8") as f:
        root = new_tree(suite, "example", {"etc/pam_pkcs11/pam_pkcs11.conf": f.read()})
    run = suite.piv_image("import-config", "--root", root, "--json")
    suite.succeeded("read", run)
    for word in ("mapper digest with sha1", "mapper cn", "mapper pwent", "mapper uid",
                 "without ocsp_on"):
        suite.ok("says of " + word, word in said(run), said(run))
    suite.equal("nothing is guessed", {}, settings(run.json()["config"]))


def check_bad_ones(suite):
    for number, (path, text, word) in enumerate((
            ("etc/pam_pkcs11/pam_pkcs11.conf", "pam_pkcs11 {\n  a = b;\n", "not closed"),
            ("etc/pam_pkcs11/pam_pkcs11.conf", "pam_pkcs11 {\n}\n}\n", ":3: a } too many"),
            ("etc/pam_pkcs11/pam_pkcs11.conf", "other { }\n", "no block pam_pkcs11"),
            ("etc/pam_pkcs11/pam_pkcs11.conf", "{" * 5000, "pam_pkcs11.conf"),
            ("etc/sssd/sssd.conf", "[sssd]\nnonsense\n", "sssd.conf:2: neither"))):
        root = new_tree(suite, "bad%d" % number, {path: text})
        suite.refused(text[:30], suite.piv_image("import-config", "--root", root), 78, word)
    root = new_tree(suite, "nothing", {})
    suite.refused("nothing there", suite.piv_image("import-config", "--root", root), 2, "SSSD")


def main():
    suite = Suite(build_folder())
    suite.ca = Authority(suite.path("ca"))
    return suite.main([value for name, value in globals().items() if name.startswith("check_")])


if __name__ == "__main__":
    sys.exit(main())
