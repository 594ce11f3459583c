#!/usr/bin/env python3
"""AD FS federation metadata in every shape, each with the result that it has to have. Signatures are
made by xmlsec1, the independent party."""
import base64
import functools
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

import lab
from lab import day

NOW = day("2030-06-01")
SEEN = "/var/lib/piv-login/federation"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
TEMPLATE = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference URI="%s"><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/>
</ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"""


class Federation(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.pki = lab.Lab(tempfile.mkdtemp(prefix="piv-trust-"))
        cls.addClassCleanup(shutil.rmtree, cls.pki.folder)
        for name, start, end in (("primary", "2029-07-01", "2030-07-01"),
                                 ("secondary", "2030-05-30", "2031-05-30"),
                                 ("expired", "2028-05-01", "2029-05-01"),
                                 ("ending", "2029-06-10", "2030-06-10"),
                                 ("stranger", "2029-07-01", "2035-07-01")):
            cls.pki.issue(name, "signing", day(start), day(end), bits="2048",
                          subject="/CN=ADFS Signing - sts.example.com")

    def setUp(self):
        super().setUp()
        for name in os.listdir(self.pki.folder):
            shutil.copy(self.pki.path(name), self.folder)

    # --- documents -----------------------------------------------------------------------------
    def key_descriptor(self, name, use=' use="signing"', prefix="ds"):
        text = base64.encodebytes(self.lab.der(name)).decode()
        return ('<KeyDescriptor%s><%s:KeyInfo xmlns:%s="http://www.w3.org/2000/09/xmldsig#"><%s:X509Data>'
                '<%s:X509Certificate>%s</%s:X509Certificate></%s:X509Data></%s:KeyInfo>'
                '</KeyDescriptor>' % (use, *[prefix] * 4, text, *[prefix] * 3))

    def document(self, *names, signature="", extra="", before=""):
        keys = "".join(self.key_descriptor(n) for n in names)
        return ('<?xml version="1.0"?>\n%s<EntityDescriptor ID="_e1" entityID="http://sts.example.com/'
                'adfs/services/trust" xmlns="%s">%s%s<IDPSSODescriptor protocolSupportEnumeration='
                '"urn:oasis:names:tc:SAML:2.0:protocol">%s</IDPSSODescriptor></EntityDescriptor>'
                % (before, MD, signature, extra, keys))

    def file(self, text, name="FederationMetadata.xml"):
        path = self.lab.path(name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def signed(self, *names, by="primary", uri="#_e1", document=None):
        template = self.file(document or self.document(*names, signature=TEMPLATE % uri), "template.xml")
        out = self.lab.path("signed.xml")
        lab.run("xmlsec1", "--sign", "--privkey-pem", self.lab.key_of(by), "--id-attr:ID",
                "EntityDescriptor", "--output", out, template)
        with open(out, "rb") as f:
            return f.read()

    def federation(self, path, *options, status=0, when=NOW, fresh=True):
        if fresh:  # no earlier run
            shutil.rmtree(self.inside(SEEN), ignore_errors=True)
        answer = self.trust("federation", path, *options, "--json", when=when, status=status)
        return answer.json()

    def codes(self, *arguments, **options):
        return [p["code"] for p in self.federation(*arguments, **options)["problems"]]

    def refused(self, text, status, code, *options):
        path = text if isinstance(text, str) and os.path.exists(text) else self.file(text)
        self.assertEqual(self.federation(path, *options, status=status)["error"]["code"], code)

    def trusted(self, name="primary"):
        return ["--trusted", self.lab.path(name + ".pem")]

    # --- certificates --------------------------------------------------------------------------
    def test_01_one_certificate(self):
        found = self.federation(self.file(self.document("primary")))
        self.assertEqual(found["entity_id"], "http://sts.example.com/adfs/services/trust")
        self.assertEqual(found["signature"], "none")
        row, = found["certificates"]
        self.assertEqual((row["use"], row["days_left"], row["sha256"]),
                         ("primary", 30, self.lab.sha256("primary")))

    def test_02_two_certificates(self):
        found = self.federation(self.file(self.document("primary", "secondary")))
        self.assertEqual([c["use"] for c in found["certificates"]], ["primary", "secondary"])
        self.assertEqual(found["certificates"][1]["promoted_about"], "2030-06-04")
        text = self.trust("federation", self.file(self.document("primary", "secondary")), when=NOW).out
        self.assertIn("primary      30 days left  2029-07-01 to 2030-07-01", text)
        self.assertIn("primary about 2030-06-04", text)

    def test_03_expired_primary(self):
        self.assertEqual(self.codes(self.file(self.document("expired")), status=1), ["primary-ended"])

    def test_04_ending_without_a_secondary(self):
        self.assertEqual(self.codes(self.file(self.document("ending")), status=1), ["secondary-needed"])
        self.assertEqual(self.codes(self.file(self.document("ending", "secondary"))), [])
        # One that ends before the primary is the old one, no successor.
        self.assertEqual(self.codes(self.file(self.document("ending", "expired")), status=1),
                         ["secondary-needed"])
        self.assertEqual(self.codes(self.file(self.document("primary")), when=day("2020-01-01"),
                                    status=1), ["primary-not-yet-valid"])

    def test_05_encryption_keys_and_repeats_do_not_count(self):
        extra = self.key_descriptor("stranger", ' use="encryption"')
        text = self.document("primary", "primary").replace("<KeyDescriptor", extra + "<KeyDescriptor", 1)
        found = self.federation(self.file(text))["certificates"]
        self.assertEqual([c["sha256"] for c in found], [self.lab.sha256("primary")])

    # --- signatures ----------------------------------------------------------------------------
    def test_06_unsigned(self):
        self.refused(self.document("primary"), 1, "metadata-untrusted", *self.trusted())

    def test_07_signed(self):
        for uri in ("#_e1", ""):
            path = self.file(self.signed("primary", "secondary", uri=uri))
            found = self.federation(path, *self.trusted("stranger"), *self.trusted())
            self.assertEqual(found["signature"], "verified", uri)
            self.assertEqual(len(found["certificates"]), 2)
            self.assertEqual(self.federation(path)["signature"], "not checked")

    def test_08_signed_by_somebody_else(self):
        self.refused(self.signed("primary", by="stranger"), 1, "metadata-untrusted", *self.trusted())

    def test_09_changed_after_signing(self):
        good = self.signed("primary", "secondary")
        changed = good.replace(b"http://sts.example.com/adfs", b"http://sts.exampl3.com/adfs")
        self.refused(changed, 1, "metadata-untrusted", *self.trusted())
        stranger = base64.encodebytes(self.lab.der("stranger")).strip()
        secondary = base64.encodebytes(self.lab.der("secondary")).strip()
        self.assertIn(secondary, good)
        self.refused(good.replace(secondary, stranger), 1, "metadata-untrusted", *self.trusted())

    def test_10_signature_wrapping(self):
        good = self.signed("primary")
        body = good.split(b"?>", 1)[1].strip()
        signature = body[body.index(b"<ds:Signature "):body.index(b"</ds:Signature>") + 15]
        evil = self.document("stranger").split("?>", 1)[1].strip().encode()
        head, rest = evil.split(b">", 1)
        # The signed document inside of another one, in front, behind, under another root, twice.
        inside = head.replace(b"_e1", b"_evil") + b">" + signature + b"<Extensions>" + body + \
            b"</Extensions>" + rest
        self.refused(inside, 1, "metadata-untrusted", *self.trusted())
        same_id = head + b">" + signature + b"<Extensions>" + body + b"</Extensions>" + rest
        self.refused(same_id, 1, "metadata-untrusted", *self.trusted())
        other = evil.replace(b"_e1", b"_evil").replace(b"sts.", b"evil.")
        both = b'<EntitiesDescriptor xmlns="%s">%s%s</EntitiesDescriptor>' % (MD.encode(), body, other)
        self.refused(both, 1, "metadata-untrusted", "--entity",
                     "http://evil.example.com/adfs/services/trust", *self.trusted())
        alone = b'<EntitiesDescriptor xmlns="%s">%s</EntitiesDescriptor>' % (MD.encode(), body)
        self.refused(alone, 1, "metadata-untrusted", *self.trusted())
        in_object = signature.replace(b"</ds:Signature>", b"<ds:Object>" + body +
                                      b"</ds:Object></ds:Signature>")
        self.refused(head.replace(b"_e1", b"_evil") + b">" + in_object + rest, 1,
                     "metadata-untrusted", *self.trusted())
        self.refused(body.replace(signature, signature + signature), 1, "metadata-untrusted",
                     *self.trusted())

    def test_10b_two_elements_of_one_id(self):
        # Validly signed; but some readers find the first element of an ID, others the last.
        for attribute in ("ID='_e1'", "Id='_e1'", "id='_e1'", "ID='_e2'"):
            extra = "<Extensions><Other xmlns='urn:x' %s/></Extensions>" % attribute
            good = self.signed(document=self.document("primary", signature=TEMPLATE % "#_e1", extra=extra))
            if "_e2" in attribute:
                self.federation(self.file(good), *self.trusted())
            else:
                self.refused(good, 1, "metadata-untrusted", *self.trusted())

    def test_11_weak_or_foreign_algorithms(self):
        sha1 = TEMPLATE.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1")
        hmac = TEMPLATE.replace("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256")
        digest = TEMPLATE.replace("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1")
        no_reference = TEMPLATE.replace('<ds:Reference URI="%s">', "<!-- %s --><ds:Nothing>").replace(
            "</ds:Reference>", "</ds:Nothing>")
        for template in (sha1, digest):
            text = self.signed(document=self.document("primary", signature=template % "#_e1"))
            self.refused(text, 1, "metadata-untrusted", *self.trusted())
        for template in (hmac, no_reference):
            text = self.document("primary", signature=template % "#_e1")
            self.refused(text, 1, "metadata-untrusted", *self.trusted())

    def test_12_trusted_certificate_that_has_ended(self):
        path = self.file(self.signed("primary", by="expired"))
        self.assertEqual(self.federation(path, *self.trusted("expired"), status=1)["error"]["code"],
                         "metadata-untrusted")
        self.federation(self.file(self.signed("primary")), *self.trusted("expired"), *self.trusted())

    # --- hostile documents ---------------------------------------------------------------------
    def test_13_entity_expansion_and_document_types(self):
        laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
            '<!ENTITY %s "%s">' % (chr(98 + i), ("&%s;" % chr(97 + i)) * 10) for i in range(9)) + "]>"
        secret = self.file("root:secret", "secret.txt")
        external = '<!DOCTYPE x [<!ENTITY a SYSTEM "file://%s">]>' % secret
        for before in (laughs, external, "<!DOCTYPE x>", '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/d">'):
            text = self.document("primary", before=before, extra="<Extensions>&a;</Extensions>")
            for options in ([], self.trusted()):
                self.refused(text, 65, "metadata-malformed", *options)

    def test_14_other_namespaces(self):
        text = self.document("primary")
        prefixed = text.replace("<EntityDescriptor", "<md:EntityDescriptor").replace(
            "</EntityDescriptor", "</md:EntityDescriptor").replace("IDPSSODescriptor", "md:IDPSSODescriptor"
            ).replace("KeyDescriptor", "md:KeyDescriptor").replace('xmlns="' + MD, 'xmlns:md="' + MD)
        self.assertEqual(len(self.federation(self.file(prefixed))["certificates"]), 1)
        self.refused(text.replace(MD, "urn:example:other"), 65, "metadata-malformed")
        self.refused(text.replace("http://www.w3.org/2000/09/xmldsig#", "urn:x"), 65, "metadata-malformed")
        sts = ('<RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type='
               '"fed:SecurityTokenServiceType" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/'
               '200706">' + self.key_descriptor("secondary") + "</RoleDescriptor>")
        self.assertEqual(len(self.federation(self.file(self.document("primary", extra=sts)))
                             ["certificates"]), 1)
        only = self.document(extra=sts)
        self.assertEqual(self.federation(self.file(only))["certificates"][0]["sha256"],
                         self.lab.sha256("secondary"))

    def test_15_large_deep_and_broken(self):
        padding = "<!-- " + "x" * 1000 + " -->"
        self.refused(self.document("primary", extra=padding * 50000), 65, "file-too-large")  # 50 MB
        self.federation(self.file(self.document("primary", extra=padding * 3000)))
        deep = "<Extensions>" * 100000 + "</Extensions>" * 100000
        path = self.file(self.document("primary", extra=deep))
        done = subprocess.run([self.piv_trust, "federation", path, "--at", lab.at(NOW), *self.trusted()],
                              capture_output=True, check=False, timeout=60)
        self.assertIn(done.returncode, (1, 65))
        good = self.document("primary")
        for text in ("", "x", good[:-1], good[:300], good.replace("IDPSSODescriptor", "SPSSODescriptor"),
                     good.replace("<ds:X509Certificate>", "<ds:X509Certificate>!"),
                     good.replace("<ds:X509Certificate>", "<ds:X509Certificate><!-- x -->"),
                     good.replace('entityID="', 'entityid="'), "<html></html>",
                     b"\xff\xfe" + b"\x00\xd8" * 100, bytes(range(256))):
            self.refused(text, 65, "metadata-malformed")
        self.assertEqual(self.federation(self.folder, status=2)["error"]["code"], "file-unreadable")
        self.assertEqual(self.federation(self.lab.path("none"), status=2)["error"]["code"],
                         "file-not-found")

    def test_16_utf16(self):
        text = self.document("primary").replace('version="1.0"', 'version="1.0" encoding="utf-16"')
        for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
            found = self.federation(self.file(mark + text.encode(encoding)))
            self.assertEqual(found["certificates"][0]["sha256"], self.lab.sha256("primary"), encoding)
        self.federation(self.file(b"\xef\xbb\xbf" + self.document("primary").encode()))

    def test_17_several_entities(self):
        one = self.document("primary").split("?>", 1)[1]
        other = self.document("secondary").split("?>", 1)[1].replace("sts.", "sts2.").replace("_e1", "_e2")
        text = '<EntitiesDescriptor xmlns="%s">%s%s</EntitiesDescriptor>' % (MD, one, other)
        self.refused(text, 65, "metadata-malformed")
        found = self.federation(self.file(text), "--entity", "http://sts2.example.com/adfs/services/trust")
        self.assertEqual(found["certificates"][0]["sha256"], self.lab.sha256("secondary"))
        self.refused(text, 65, "metadata-malformed", "--entity", "http://nobody/")

    # --- the relying party ---------------------------------------------------------------------
    def test_18_relying_party(self):
        provider = self.file(self.document("primary", "secondary"))
        stale = self.file(self.document("primary"), "copy.xml")
        found = self.federation(provider, "--relying-party-copy", stale, status=1)
        self.assertEqual([p["code"] for p in found["problems"]], ["relying-party-lacks-it"])
        self.assertEqual([c["relying_party_has_it"] for c in found["certificates"]], [True, False])
        self.assertEqual(found["update_command"], "aws iam update-saml-provider --saml-provider-arn ARN "
                         "--saml-metadata-document 'file://%s'" % provider)
        answer = self.trust("federation", provider, "--relying-party-copy", stale, "--saml-provider-arn",
                            "arn:aws:iam::123456789012:saml-provider/ADFS", when=NOW, status=1)
        self.assertIn("aws iam update-saml-provider --saml-provider-arn 'arn:aws:iam::123456789012:"
                      "saml-provider/ADFS' --saml-metadata-document 'file://", answer.out)
        self.assertIn("relying party: NO", answer.out)
        self.assertIn("which becomes primary about 2030-06-04", answer.err)
        current = self.federation(provider, "--relying-party-copy", provider)
        self.assertIsNone(current["update_command"])
        # It lacks only what has ended: nothing to do. It lacks what signs now: logins fail.
        self.federation(self.file(self.document("primary", "expired")), "--relying-party-copy", stale)
        wrong = self.federation(provider, "--relying-party-copy",
                                self.file(self.document("stranger"), "copy.xml"), status=1)
        self.assertIn("logins fail", wrong["problems"][0]["detail"])
        quoted = self.file(self.document("primary", "secondary"), "it's.xml")
        command = self.federation(quoted, "--relying-party-copy",
                                  self.file(self.document("primary"), "copy.xml"),
                                  status=1)["update_command"]
        echoed = lab.run("sh", "-c", command.replace("aws iam", "printf '%s\\n'", 1)).decode().split("\n")
        self.assertIn("file://" + quoted, echoed)

    def test_19_a_rollover_is_reported_once(self):
        seen = ["--seen", self.lab.path("seen")]
        self.federation(self.file(self.document("primary", "secondary")), *seen)
        self.federation(self.file(self.document("primary", "secondary")), *seen)
        after = self.file(self.document("secondary", "primary"))
        self.assertEqual(self.codes(after, *seen, "--dry-run", status=1), ["rolled-over"])
        self.assertEqual(self.codes(after, *seen, status=1), ["rolled-over"])
        self.assertEqual(self.codes(after, *seen), [])
        self.assertFalse(os.path.exists(self.inside(SEEN)))

    def test_19b_and_without_an_option(self):
        before = self.file(self.document("primary", "secondary"))
        self.assertEqual(self.codes(before), [])
        name, = os.listdir(self.inside(SEEN))
        self.assertRegex(name, r"^http---sts.example.com-adfs-services-trust-[0-9a-f]{16}$")
        self.assertEqual(self.codes(before, fresh=False), [])
        after = self.file(self.document("secondary", "primary"), "after.xml")
        self.assertEqual(self.codes(after, "--dry-run", fresh=False, status=1), ["rolled-over"])
        self.assertEqual(self.codes(after, fresh=False, status=1), ["rolled-over"])
        self.assertEqual(self.codes(after, fresh=False), [])
        # Another entity has a primary of its own.
        other = self.document("primary", "secondary").replace("sts.", "sts2.")
        self.assertEqual(self.codes(self.file(other), fresh=False), [])
        self.assertEqual(len(os.listdir(self.inside(SEEN))), 2)
        # What nobody else should have written is not believed.
        os.chmod(self.inside(SEEN + "/" + name), 0o666)
        self.assertEqual(self.codes(before, fresh=False), [])

    def test_19c_where_nothing_can_be_remembered(self):
        path = self.file(self.document("primary", "secondary"))
        os.rmdir(self.inside("/var/lib/piv-login"))
        self.write("/var/lib/piv-login", "in the way")
        answer = self.trust("federation", path, when=NOW)
        self.assertIn("goes unnoticed", answer.err)
        self.assertIn("primary      30 days left", answer.out)
        self.trust("federation", path, "--seen", self.folder + "/none/seen", when=NOW, status=2)

    # --- from the network ----------------------------------------------------------------------
    def test_20_http_is_refused(self):
        answer = self.federation("http://sts.example.com/FederationMetadata.xml", status=64)
        self.assertEqual(answer["error"]["code"], "bad-usage")

    def test_21_https(self):
        if os.environ.get("PIV_SANDBOX") != "yes":
            self.skipTest("needs tests/sandbox/run")
        self.lab.issue("web-root", "root", day("2020-01-01"), day("2040-01-01"))
        with open(self.lab.config, "a", encoding="ascii") as f:
            f.write("[web]\nsubjectAltName = DNS:localhost\n")
        self.lab.issue("web", "web", day("2020-01-01"), day("2040-01-01"), issuer="web-root")
        metadata = self.file(self.document("primary", "secondary"))
        self.file(self.document("primary", extra="<!-- %s -->" % ("x" * (50 << 20))), "large.xml")
        handler = functools.partial(Handler, directory=self.folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.lab.path("web.pem"), self.lab.key_of("web"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = "https://localhost:%d/" % server.server_address[1]
        self.assertEqual(self.federation(url + os.path.basename(metadata), status=2)["error"]["code"],
                         "file-unreadable")  # nobody trusts that server
        shutil.copy(self.lab.path("web-root.pem"), "/etc/ssl/certs/ca-certificates.crt")
        found = self.federation(url + os.path.basename(metadata))
        self.assertEqual(len(found["certificates"]), 2)
        copy = self.file(self.document("primary"), "copy.xml")
        found = self.federation(url + os.path.basename(metadata), "--relying-party-copy", copy, status=1)
        self.assertTrue(found["update_command"].startswith(
            "curl -fsS -o FederationMetadata.xml '%s" % url), found["update_command"])
        for path in ("redirect", "none.xml", "large.xml"):
            error = self.federation(url + path, status=2)["error"]
            self.assertEqual(error["code"], "file-unreadable", path)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, and one redirect to them."""

    def do_GET(self):
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/FederationMetadata.xml")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


if __name__ == "__main__":
    if not shutil.which("xmlsec1"):
        print("skipped: xmlsec1 is not installed (scripts/install-deps)")
        sys.exit(77)
    lab.main(sys.argv, names=["piv_trust"])
