"""OCSP responses, right and wrong in every part, signed by openssl."""
import hashlib
import subprocess
import tempfile
import time

import der

SHA1 = "1.3.14.3.2.26"
SHA256 = "2.16.840.1.101.3.4.2.1"
NONCE = "1.3.6.1.5.5.7.48.1.2"
SIGNATURES = {
    "rsa-sha256": (der.seq(der.oid("1.2.840.113549.1.1.11"), der.null()), "sha256"),
    "rsa-sha1": (der.seq(der.oid("1.2.840.113549.1.1.5"), der.null()), "sha1"),
    "rsa-md5": (der.seq(der.oid("1.2.840.113549.1.1.4"), der.null()), "md5"),
    "ecdsa-sha256": (der.seq(der.oid("1.2.840.10045.4.3.2")), "sha256"),
}


def stamp(offset=0):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + offset))


class Request:
    """What we need of an OCSPRequest."""

    def __init__(self, data):
        tbs = der.children(der.read(data)[1])[0][1]
        self.nonce = None
        parts = der.children(tbs)
        first = [p for p in parts if p[0] == 0x30][0]
        self.cert_id = der.children(der.children(first[1])[0][1])[0][2]
        algorithm = der.children(self.cert_id_fields()[0][1])[0][2]
        self.sha256 = algorithm == der.oid(SHA256)
        for tag, inner, _ in parts:
            if tag == 0xA2:
                for _, extension, _ in der.children(der.read(inner)[1]):
                    fields = der.children(extension)
                    if fields[0][2] == der.oid(NONCE):
                        self.nonce = fields[-1][1]

    def cert_id_fields(self):
        return der.children(der.read(self.cert_id)[1])


def cert_id(lab, serial=None, issuer=None, algorithm=SHA1, name_hash=None, key_hash=None):
    issuer = issuer or lab.ca
    digest = hashlib.sha256 if algorithm == SHA256 else hashlib.sha1
    return der.seq(
        der.seq(der.oid(algorithm), der.null()),
        der.octets(name_hash if name_hash is not None else digest(issuer.subject).digest()),
        der.octets(key_hash if key_hash is not None else digest(issuer.key_bits).digest()),
        der.tlv(0x02, serial if serial is not None else lab.user.serial))


GOOD = der.tlv(0x80)
UNKNOWN = der.tlv(0x82)


def revoked(reason=None, when=-3600):
    extra = [der.explicit(0, der.enum(reason))] if reason is not None else []
    return der.explicit(1, der.gtime(stamp(when)), *extra)


def extension(oid, value, critical=False):
    flag = [der.tlv(0x01, b"\xff")] if critical else []
    return der.seq(der.oid(oid), *flag, der.octets(value))


def single(cid, status=GOOD, this="", following="", extensions=None):
    """`this` and `following`: GeneralizedTime texts, "" the usual, None absent."""
    parts = [cid, status, der.gtime(this or stamp(-60))]
    if following is not None:
        parts.append(der.explicit(0, der.gtime(following or stamp(3600))))
    if extensions is not None:
        parts.append(der.explicit(1, der.seq(*extensions)))
    return der.seq(*parts)


def sign(key, tbs, digest):
    with tempfile.NamedTemporaryFile() as f:
        f.write(tbs)
        f.flush()
        done = subprocess.run(["openssl", "dgst", "-" + digest, "-sign", key, f.name],
                              capture_output=True, check=True)
    return done.stdout


class Answer:
    """One response with everything that can be changed about it."""

    def __init__(self, lab, request=None, **changes):
        self.lab = lab
        self.singles = None
        self.signer = lab.delegate        # whose key signs
        self.claims = None                # whose name or key stands in responderID (the signer)
        self.by_key = False
        self.attach = None                # certificates (the signer's, unless it is the CA)
        self.algorithm = "rsa-sha256"
        self.produced = None
        self.nonce = request.nonce if request else None
        self.extensions = []
        self.version = None
        self.spoil_signature = False
        self.unused_bits = 0
        self.tail = {}                    # bytes appended inside a part
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        if self.singles is None:
            self.singles = [single(cert_id(lab))]

    def responder_id(self):
        who = self.claims or self.signer
        if self.by_key:
            return der.explicit(2, der.octets(hashlib.sha1(who.key_bits).digest()))
        return der.explicit(1, who.subject)

    def tbs(self):
        parts = []
        if self.version is not None:
            parts.append(der.explicit(0, der.integer(self.version)))
        parts += [self.responder_id(), der.gtime(self.produced or stamp(-30)),
                  der.seq(*self.singles)]
        extensions = list(self.extensions)
        if self.nonce is not None:
            extensions.insert(0, extension(NONCE, self.nonce))
        if extensions:
            parts.append(der.explicit(1, der.seq(*extensions)))
        return der.seq(*parts, self.tail.get("tbs", b""))

    def basic(self):
        tbs = self.tbs()
        algorithm, digest = SIGNATURES[self.algorithm]
        signature = bytearray(sign(self.signer.key, tbs, digest))
        if self.spoil_signature:
            signature[len(signature) // 2] ^= 1
        certs = self.attach
        if certs is None:
            certs = [] if self.signer is self.lab.ca else [self.signer]
        parts = [tbs, algorithm, der.bits(bytes(signature), self.unused_bits)]
        if certs:
            parts.append(der.explicit(0, der.seq(*[c.der for c in certs])))
        return der.seq(*parts, self.tail.get("basic", b""))

    def encode(self):
        return wrap(self.basic()) + self.tail.get("response", b"")


def wrap(basic, kind="1.3.6.1.5.5.7.48.1.1"):
    return der.seq(der.enum(0), der.explicit(0, der.seq(der.oid(kind), der.octets(basic))))


def status_only(code):
    return der.seq(der.enum(code))
