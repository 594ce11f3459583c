"""Certificates for the tests: a CA, users, and every kind of signer, right and wrong. openssl only."""
import hashlib
import os
import subprocess

import der

CONFIG = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[user]
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
[good]
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[critical_nocheck]
extendedKeyUsage = OCSPSigning
noCheck = critical,ignored
[no_eku]
keyUsage = critical,digitalSignature
[any_eku]
extendedKeyUsage = anyExtendedKeyUsage
[longer_eku]
extendedKeyUsage = 1.3.6.1.5.5.7.3.9.1
[shorter_eku]
extendedKeyUsage = 1.3.6.1.5.5.7.3
[wrong_ku]
keyUsage = critical,keyEncipherment
extendedKeyUsage = OCSPSigning
noCheck = ignored
[critical_ext]
extendedKeyUsage = OCSPSigning
noCheck = ignored
1.2.3.4.5 = critical,ASN1:NULL
[no_nocheck]
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
[no_nocheck_aia]
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
authorityInfoAccess = OCSP;URI:http://127.0.0.1:1/
"""


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(command[:3]), done.stderr.decode(errors="replace")))
    return done.stdout


class Certificate:
    """A certificate with its key, as files and as the parts that OCSP needs."""

    def __init__(self, folder, name):
        self.name = name
        self.pem = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")
        self.der = run("openssl", "x509", "-in", self.pem, "-outform", "DER")
        fields = der.children(der.read(der.read(self.der)[1])[1])
        if fields[0][0] == 0xA0:
            fields = fields[1:]
        self.serial = fields[0][1]
        self.subject = fields[4][2]
        self.key_bits = der.children(fields[5][1])[1][1][1:]


class Lab:
    """Makes everything once; `self.NAME` is a Certificate."""

    def __init__(self, folder):
        self.folder = folder
        self.config = os.path.join(folder, "lab.cnf")
        with open(self.config, "w", encoding="ascii") as f:
            f.write(CONFIG)
        self.ca = self.root("ca", "/O=OCSP test/CN=CA")
        self.other_ca = self.root("other_ca", "/O=OCSP test/CN=Other CA")
        self.twin_ca = self.root("twin_ca", "/O=OCSP test/CN=CA")  # same name, another key
        self.user = self.issue("user", "user", serial="0x1122334455667788")
        self.sibling = self.issue("sibling", "user", serial="0x11223344556677")
        self.delegate = self.issue("delegate", "good")
        self.critical_nocheck = self.issue("critical_nocheck", "critical_nocheck")
        for kind in ("no_eku", "any_eku", "longer_eku", "shorter_eku", "wrong_ku", "critical_ext",
                     "no_nocheck", "no_nocheck_aia"):
            setattr(self, kind, self.issue(kind, kind))
        self.foreign = self.issue("foreign", "good", ca=self.other_ca)
        self.twin_delegate = self.issue("twin_delegate", "good", ca=self.twin_ca)
        self.second_hand = self.issue("second_hand", "good", ca=self.delegate)
        self.self_signed = self.root("self_signed", "/O=OCSP test/CN=self_signed", "good")
        self.expired = self.issue("expired", "good", dates=("20200101000000Z", "20200201000000Z"))
        self.early = self.issue("early", "good", dates=("20900101000000Z", "20910101000000Z"))
        self.weak_key = self.issue("weak_key", "good", key="rsa:1024")
        self.ec_delegate = self.issue("ec_delegate", "good", key="ec:P-256")

    def make_key(self, name, kind):
        path = os.path.join(self.folder, name + ".key")
        algorithm, size = kind.split(":")
        option = "rsa_keygen_bits:" if algorithm == "rsa" else "ec_paramgen_curve:"
        run("openssl", "genpkey", "-algorithm", algorithm.upper(), "-pkeyopt", option + size,
            "-out", path)
        return path

    def root(self, name, subject, extensions="ca"):
        key = self.make_key(name, "rsa:2048")
        run("openssl", "req", "-new", "-x509", "-config", self.config, "-key", key, "-subj", subject,
            "-days", "3650", "-extensions", extensions, "-out",
            os.path.join(self.folder, name + ".pem"))
        return Certificate(self.folder, name)

    def issue(self, name, extensions, ca=None, serial=None, dates=None, key="rsa:2048"):
        ca = ca or self.ca
        key_path = self.make_key(name, key)
        request = run("openssl", "req", "-new", "-config", self.config, "-key", key_path, "-subj",
                      "/O=OCSP test/CN=" + name)
        out = os.path.join(self.folder, name + ".pem")
        if dates is None:
            serial = serial or "0x" + hashlib.sha256(name.encode()).hexdigest()[:14]
            run("openssl", "x509", "-req", "-CA", ca.pem, "-CAkey", ca.key, "-set_serial", serial,
                "-days", "365", "-sha256", "-extfile", self.config, "-extensions", extensions,
                "-out", out, stdin=request)
        else:
            self.issue_dated(request, out, extensions, ca, dates)
        return Certificate(self.folder, name)

    def issue_dated(self, request, out, extensions, ca, dates):
        """`openssl x509` of 3.0 takes no dates; `openssl ca` does."""
        base = os.path.join(self.folder, "db")
        with open(base + ".index", "w", encoding="ascii"):
            pass
        with open(base + ".cnf", "w", encoding="ascii") as f:
            f.write(CONFIG + "[dated]\ndatabase = %s.index\nnew_certs_dir = %s\npolicy = p\n"
                    "rand_serial = yes\ndefault_md = sha256\n[p]\norganizationName = supplied\n"
                    "commonName = supplied\n" % (base, self.folder))
        with open(base + ".csr", "wb") as f:
            f.write(request)
        run("openssl", "ca", "-batch", "-notext", "-config", base + ".cnf", "-name", "dated",
            "-in", base + ".csr", "-cert", ca.pem, "-keyfile", ca.key, "-startdate", dates[0],
            "-enddate", dates[1], "-extensions", extensions, "-out", out)
