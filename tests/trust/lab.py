"""Certificates with any dates, a tree to work in, and the tools: what the tests of piv-trust share."""
import datetime
import json
import os
import shutil
import subprocess
import tempfile
import unittest

CONFIG = """
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
[any]
organizationName = optional
commonName = optional
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[ca]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[nosign]
basicConstraints = critical,CA:TRUE
keyUsage = critical,cRLSign
[user]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth,1.3.6.1.4.1.311.20.2.2
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:$ENV::UPN
[ocsp]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[kdc]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = 1.3.6.1.5.2.3.5
[signing]
keyUsage = critical,digitalSignature
"""


def run(*command, stdin=None, env=None):
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=env)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stderr.decode(errors="replace")))
    return done.stdout


def day(text, days=0):
    """'2030-01-31' plus days, as a datetime."""
    return datetime.datetime.strptime(text, "%Y-%m-%d") + datetime.timedelta(days=days)


def at(when):
    """TIME of the command line."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Lab:
    """A PKI in a folder. `issue` gives the path of a PEM file; its key is beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.config = self.path("lab.cnf")
        with open(self.config, "w", encoding="ascii") as f:
            f.write(CONFIG + "[ca_db]\ndatabase = %s\nnew_certs_dir = %s\npolicy = any\n"
                    "rand_serial = yes\nunique_subject = no\ndefault_md = sha256\n"
                    % (self.path("db"), folder))

    def path(self, name):
        return os.path.join(self.folder, name)

    def key(self, name, kind="P-256"):
        path = self.path(name + ".key")
        if not os.path.exists(path):
            option = ("RSA", "rsa_keygen_bits:") if kind.isdigit() else ("EC", "ec_paramgen_curve:")
            run("openssl", "genpkey", "-algorithm", option[0], "-pkeyopt", option[1] + kind,
                "-out", path)
        return path

    def issue(self, name, kind, start, end, subject=None, issuer=None, key=None, upn="none",
              bits="P-256"):
        """A certificate NAME.pem; without an issuer self-signed; `key`: the name of another's key."""
        key_path = self.key(key or name, bits)
        env = dict(os.environ, UPN=upn)
        request = self.path(name + ".csr")
        run("openssl", "req", "-new", "-config", self.config, "-key", key_path, "-subj",
            subject or "/O=Trust test/CN=" + name, "-utf8", "-out", request, env=env)
        with open(self.path("db"), "w", encoding="ascii"):
            pass
        signer = (["-selfsign", "-keyfile", key_path] if issuer is None else
                  ["-cert", self.path(issuer + ".pem"), "-keyfile", self.key_of(issuer)])
        out = self.path(name + ".pem")
        run("openssl", "ca", "-batch", "-notext", "-utf8", "-config", self.config, "-name", "ca_db",
            "-in", request, *signer, "-startdate", start.strftime("%Y%m%d%H%M%SZ"), "-enddate",
            end.strftime("%Y%m%d%H%M%SZ"), "-extensions", kind, "-out", out, env=env)
        shutil.copy(key_path, self.path(name + ".key")) if key else None
        return out

    def key_of(self, name):
        return self.path(name + ".key")

    def der(self, name):
        return run("openssl", "x509", "-in", self.path(name + ".pem"), "-outform", "DER")

    def sha256(self, name):
        text = run("openssl", "x509", "-in", self.path(name + ".pem"), "-noout", "-fingerprint",
                   "-sha256").decode()
        return text.split("=")[1].strip().replace(":", "").lower()


class Answer:
    """What a tool said."""

    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def json(self):
        return json.loads(self.out)


class Case(unittest.TestCase):
    """A test with a folder, a PKI and a root tree of its own."""
    piv_trust = None
    piv_check = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="piv-trust-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.lab = Lab(self.folder)
        self.tree = os.path.join(self.folder, "tree")
        os.makedirs(self.inside("/etc/piv-login"))
        os.makedirs(self.inside("/var/lib/piv-login"))

    def inside(self, path):
        return self.tree + path

    def write(self, path, content):
        os.makedirs(os.path.dirname(self.inside(path)), exist_ok=True)
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(self.inside(path), mode) as f:
            f.write(content)

    def read(self, path):
        with open(self.inside(path), encoding="utf-8") as f:
            return f.read()

    def trust(self, *arguments, when=None, status=0, root=True, stdin=None):
        command = [self.piv_trust, *arguments]
        command += ["--root", self.tree] if root else []
        command += ["--at", at(when)] if when else []
        answer = Answer(subprocess.run(command, input=stdin, capture_output=True, check=False,
                                       timeout=60))
        self.assertEqual(answer.status, status, "%s\n%s%s" % (command, answer.out, answer.err))
        if status not in (0, 1):
            self.assertRegex(answer.err, r"\Apiv-trust: .+\n  try: .+\n", command)
        return answer

    def states(self, when):
        """{common name: state} of the CAs."""
        listed = self.trust("list", "--json", when=when).json()["certificates"]
        return {c["subject"].split("CN=")[1].split(",")[0]: c["state"] for c in listed
                if c["role"] in ("anchor", "intermediate")}

    def snapshot(self):
        """Every file of the tree with its octets."""
        out = {}
        for folder, _, names in os.walk(self.tree):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    out[os.path.join(folder, name)] = f.read()
        return out


def main(argv, **programs):
    """`TEST.py PROGRAM... [unittest argument...]`."""
    for index, name in enumerate(programs["names"]):
        setattr(Case, name, os.path.abspath(argv[1 + index]))
    unittest.main(argv=argv[:1] + argv[1 + len(programs["names"]):], verbosity=2)
