"""A CA chain, and everything that people give to the image builder in place of one. openssl only."""
import os
import subprocess

CONFIG = """
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[int]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://pki.example.com/root.cer
[no_sign]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature
[not_ca]
basicConstraints = critical,CA:FALSE
keyUsage = critical,keyCertSign
[https_ocsp]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
authorityInfoAccess = OCSP;URI:https://ocsp.example.com/
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = 1.3.6.1.4.1.311.20.2.2,clientAuth
authorityKeyIdentifier = keyid:always
subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example.com
[db]
database = index
new_certs_dir = .
policy = any
rand_serial = yes
unique_subject = no
default_md = sha256
[any]
commonName = supplied
organizationName = optional
"""


def openssl(folder, *words, stdin=None):
    done = subprocess.run(("openssl",) + words, cwd=folder, input=stdin, capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (words[0], done.stderr.decode(errors="replace")))
    return done.stdout


def day(offset):
    """So many days from now, as openssl ca wants it."""
    done = subprocess.run(["date", "-u", "-d", "%d days" % offset, "+%Y%m%d%H%M%SZ"],
                          capture_output=True, check=True)
    return done.stdout.decode().strip()


class Authority:
    """`path(NAME)` is the DER certificate NAME.cer, made at the first call of the maker."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.write("ca.cnf", CONFIG.encode())
        self.root("root", "/O=Example/CN=Example Root CA")
        self.issue("int", "/O=Example/CN=Example Issuing CA", "int", "root", 3000)
        self.issue("leaf", "/O=Example/CN=Alice", "leaf", "int", 300)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content)
        return self.path(name)

    def key(self, name, rsa=None):
        kind = (["RSA", "-pkeyopt", "rsa_keygen_bits:%d" % rsa] if rsa else
                ["EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"])
        openssl(self.folder, "genpkey", "-algorithm", *kind, "-out", name + ".key")

    def root(self, name, subject, days=(-10, 7000), digest="sha256", rsa=None, ext="ca"):
        self.key(name, rsa)
        self._sign(name, subject, ext, ["-selfsign", "-keyfile", name + ".key"], days, digest)

    def issue(self, name, subject, ext, issuer, days, digest="sha256", rsa=None, start=-5, key=None):
        if key is None:
            self.key(name, rsa)
        else:
            self.write(name + ".key", open(self.path(key + ".key"), "rb").read())
        self._sign(name, subject, ext, ["-cert", issuer + ".pem", "-keyfile", issuer + ".key"],
                   (start, days), digest)

    def issue_pss(self, name, subject):
        """Signed with RSASSA-PSS by an RSA root, which is added to the file."""
        self.key(name)
        request = openssl(self.folder, "req", "-new", "-config", "ca.cnf", "-key", name + ".key",
                          "-subj", subject)
        self.write(name + ".csr", request)
        openssl(self.folder, "x509", "-req", "-in", name + ".csr", "-CA", "rsa.pem", "-CAkey",
                "rsa.key", "-CAcreateserial", "-days", "900", "-sha256", "-sigopt",
                "rsa_padding_mode:pss", "-extfile", "ca.cnf", "-extensions", "int", "-out",
                name + ".pem")
        with open(self.path("rsa.pem"), "rb") as f:
            root = f.read()
        with open(self.path(name + ".pem"), "rb") as f:
            self.write(name + ".cer", f.read() + root)

    def _sign(self, name, subject, ext, signer, days, digest):
        request = openssl(self.folder, "req", "-new", "-config", "ca.cnf", "-key", name + ".key",
                          "-subj", subject)
        self.write(name + ".csr", request)
        self.write("index", b"")
        openssl(self.folder, "ca", "-batch", "-notext", "-config", "ca.cnf", "-name", "db", "-md",
                digest, "-preserveDN", "-extensions", ext, "-startdate", day(days[0]), "-enddate",
                day(days[1]), "-in", name + ".csr", "-out", name + ".pem", *signer)
        openssl(self.folder, "x509", "-in", name + ".pem", "-outform", "DER", "-out", name + ".cer")

    def bundle(self, name, certificates, form):
        """PKCS#7 in DER or PEM."""
        files = []
        for certificate in certificates:
            files += ["-certfile", certificate + ".pem"]
        openssl(self.folder, "crl2pkcs7", "-nocrl", "-outform", form, "-out", name, *files)
        return self.path(name)
