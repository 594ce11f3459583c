#!/usr/bin/env python3
"""piv-trust as users type it: list, check, add, promote, retire, remove, rollover; statuses, JSON."""
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time

import lab
from lab import day

START = "2030-01-01"
END = "2035-01-01"


class Cli(lab.Case):
    def setUp(self):
        super().setUp()
        self.lab.issue("root", "root", day(START), day(END), subject="/O=Lab/CN=Root")
        self.lab.issue("int", "ca", day(START), day("2033-01-01"), subject="/O=Lab/CN=Issuing",
                       issuer="root")
        self.lab.issue("alice", "user", day(START), day("2032-01-01"), issuer="int", upn="alice@x.y")

    def install(self, *names, when=None):
        self.trust("add", *[self.lab.path(n + ".pem") for n in names or ("root", "int")],
                   when=when or day(START, 10))

    def card_seen(self, name):
        self.write("/var/lib/piv-login/cache/cards/" + name,
                   b"\x53\x82\x05\x00\x70" + self.lab.der(name) + b"\x71\x01\x00")

    def ids(self):
        rows = self.trust("list", "--json", when=day(START, 30)).json()["certificates"]
        return {r["subject"].split("CN=")[1].split(",")[0]: r["sha256"] for r in rows}

    # --- usage ---------------------------------------------------------------------------------
    def test_usage(self):
        self.assertEqual(self.trust("--version", root=False).out.split()[0], "piv-trust")
        for command in ([], ["list"], ["check"], ["add"], ["promote"], ["retire"], ["remove"],
                        ["rollover"], ["federation"], ["bundle"], ["bundle", "create"],
                        ["bundle", "apply"]):
            self.assertIn("Usage:", self.trust(*command, "--help", root=False).out)
        for wrong in ([], ["nonsense"], ["list", "--nonsense"], ["promote"], ["add"],
                      ["add", "x", "--state", "retired"], ["list", "--at", "yesterday"],
                      ["bundle"], ["federation"]):
            self.trust(*wrong, status=64)
        self.trust("list", "--config", "/etc/piv-login/missing.conf", status=2)
        self.write("/etc/piv-login/piv-login.conf", "[rollover]\ngeneration_treshold = 3\n")
        answer = self.trust("list", "--json", status=78)
        self.assertEqual(answer.json()["error"]["code"], "bad-config")
        self.assertIn("generation_threshold", answer.err)

    def test_root_that_is_not_there(self):
        answer = lab.Answer(subprocess.run([self.piv_trust, "add", self.lab.path("root.pem"),
                                            "--at", lab.at(day(START, 1)), "--root",
                                            self.folder + "/none"], capture_output=True,
                                           check=False))
        self.assertEqual(answer.status, 2, answer.err)

    # --- two at once ---------------------------------------------------------------------------
    def test_waits_for_another_run(self):
        folder = os.open(self.inside("/etc/piv-login"), os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        release = threading.Timer(1, os.close, [folder])
        begun = time.monotonic()
        release.start()
        self.install()
        self.assertGreater(time.monotonic() - begun, 0.9)
        release.join()

    # --- add -----------------------------------------------------------------------------------
    def test_first_is_active_and_second_next(self):
        self.install()
        self.assertEqual(self.states(day(START, 10)), {"Root": "active", "Issuing": "active"})
        self.lab.issue("int2", "ca", day(START), day(END), subject="/O=Lab/CN=Issuing 2",
                       issuer="root")
        answer = self.trust("add", self.lab.path("int2.pem"), "--json", "--succeeds",
                            self.ids()["Issuing"][:8], when=day(START, 20))
        self.assertTrue(answer.json()["changed"])
        self.assertEqual(self.states(day(START, 20))["Issuing 2"], "next")
        rows = {r["subject"]: r for r in
                self.trust("list", "--json", when=day(START, 20)).json()["certificates"]}
        old, new = rows["CN=Issuing,O=Lab"], rows["CN=Issuing 2,O=Lab"]
        self.assertEqual(old["successor"], new["sha256"])
        self.assertEqual(new["becomes_active"], lab.at(day(START, 25)))
        self.assertEqual(new["since"], lab.at(day(START, 20)))
        self.assertEqual((old["role"], old["days_left"]), ("intermediate", 1076))

    def test_any_form_of_file_and_names(self):
        der = self.lab.path("root.cer")
        with open(der, "wb") as f:
            f.write(self.lab.der("root"))
        p7b = self.lab.path("both.p7b")
        lab.run("openssl", "crl2pkcs7", "-nocrl", "-certfile", self.lab.path("int.pem"), "-outform",
                "DER", "-out", p7b)
        self.trust("add", der, p7b, when=day(START, 1))
        anchors = os.listdir(self.inside("/etc/piv-login/trust/anchors"))
        self.assertEqual(anchors, ["Root-%s.pem" % self.lab.sha256("root")[:16]])
        intermediates = os.listdir(self.inside("/etc/piv-login/trust/intermediates"))
        self.assertEqual(intermediates, ["Issuing-%s.pem" % self.lab.sha256("int")[:16]])
        before = self.snapshot()
        self.assertIn("nothing to change", self.trust("add", der, p7b, when=day(START, 2)).out)
        self.assertEqual(self.snapshot(), before)

    def test_refused_and_nothing_changed(self):
        self.lab.issue("weak", "root", day(START), day(END), bits="1024")
        self.lab.issue("nosign", "nosign", day(START), day(END))
        self.lab.issue("lost-root", "root", day(START), day(END))
        self.lab.issue("lost", "ca", day(START), day(END), issuer="lost-root")
        self.lab.issue("old", "root", day("2020-01-01"), day("2021-01-01"))
        before = self.snapshot()
        now = day(START, 1)
        for name in ("weak", "nosign", "lost", "old", "alice"):
            self.trust("add", self.lab.path("root.pem"), self.lab.path(name + ".pem"), when=now,
                       status=65)
            self.assertEqual(self.snapshot(), before, name)
        self.trust("add", self.lab.key_of("root"), when=now, status=65)
        self.trust("add", self.lab.path("missing.pem"), when=now, status=2)
        self.lab.issue("early", "root", day(START, 100), day(END))
        self.trust("add", self.lab.path("early.pem"), "--state", "active", when=now, status=65)
        self.assertEqual(self.snapshot(), before)

    def test_dry_run_writes_nothing(self):
        before = self.snapshot()
        answer = self.trust("add", self.lab.path("root.pem"), "--dry-run", when=day(START, 1))
        self.assertIn("would be: anchor", answer.out)
        self.assertEqual(self.snapshot(), before)
        self.install()
        before = self.snapshot()
        for command in (["promote", self.ids()["Root"]], ["remove", self.ids()["Issuing"], "--force"],
                        ["retire", self.ids()["Issuing"], "--force"], ["rollover"]):
            self.trust(*command, "--dry-run", when=day("2032-12-31") if command == ["rollover"]
                       else day(START, 30), status=1 if command == ["rollover"] else 0)
            self.assertEqual(self.snapshot(), before, command)

    # --- list and check ------------------------------------------------------------------------
    def test_list_shows_the_line_of_time(self):
        self.install()
        out = self.trust("list", when=day("2032-07-01")).out
        self.assertRegex(out, r"(?m)^[0-9a-f]{16}  anchor +active +914 days left, to 2035-01-01  "
                              r"\[=+\|=+\]  CN=Root,O=Lab$")
        self.assertRegex(out, r"(?m)^[0-9a-f]{16}  intermediate active +184 days left, to 2033-01-01"
                              r"  \[=+\|=+ +\]  CN=Issuing,O=Lab$")
        self.assertIn("without it breaks: the intermediate CA CN=Issuing,O=Lab", out)

    def test_check_by_date(self):
        self.trust("check", when=day(START, 10), status=1)  # nothing installed
        self.install()
        self.assertIn("nothing asks for action", self.trust("check", when=day(START, 20)).out)
        self.trust("check", when=day("2032-12-12"))  # 20 whole days left
        answer = self.trust("check", "--json", when=day("2032-12-13"), status=1)
        problem, = answer.json()["problems"]
        self.assertEqual(problem["code"], "successor-needed")
        self.assertEqual(problem["sha256"], self.lab.sha256("int"))
        self.assertIn("piv-trust add", problem["hint"])
        self.assertIn("  try: ", answer.err)
        codes = [p["code"] for p in
                 self.trust("check", "--json", when=day("2033-01-02"), status=1).json()["problems"]]
        self.assertEqual(codes, ["ended"])
        codes = [p["code"] for p in
                 self.trust("check", "--json", when=day("2036-01-02"), status=1).json()["problems"]]
        self.assertIn("no-valid-anchor", codes)
        codes = [p["code"] for p in  # a clock that is years behind
                 self.trust("check", "--json", when=day("2000-01-01"), status=1).json()["problems"]]
        self.assertIn("not-yet-valid", codes)
        self.assertIn("clock-behind", codes)

    def test_threshold_of_the_configuration(self):
        self.install()
        self.write("/etc/piv-login/piv-login.conf", "[rollover]\ngeneration_threshold = 90\n")
        self.trust("check", when=day("2032-11-01"), status=1)
        self.write("/etc/piv-login/piv-login.conf", "[rollover]\ngeneration_threshold = 0\n")
        self.trust("check", when=day("2032-12-31"))

    # --- promote, retire, remove ---------------------------------------------------------------
    def successor(self):
        self.lab.issue("int2", "ca", day(START), day(END), subject="/O=Lab/CN=Issuing", issuer="root")
        self.trust("add", self.lab.path("int2.pem"), when=day(START, 20))

    def test_promote(self):
        self.install()
        self.successor()
        name = "Issuing-" + self.lab.sha256("int2")[:16]
        self.assertIn("is active now", self.trust("promote", name, when=day(START, 21)).out)
        self.assertIn("nothing to change", self.trust("promote", name + ".pem",
                                                      when=day(START, 21)).out)
        self.trust("promote", "Issuing", when=day(START, 21), status=65)  # a part of a name: none
        self.trust("promote", self.lab.sha256("int")[:5], when=day(START, 21), status=65)
        self.trust("promote", "000000000000", when=day(START, 21), status=65)

    def test_removing_what_a_mapped_user_needs(self):
        self.install()
        self.card_seen("alice")
        identity = self.lab.sha256("int")[:12]
        for command in ("retire", "remove"):
            answer = self.trust(command, identity, when=day(START, 30), status=1)
            self.assertIn("CN=alice", answer.err)
        answer = self.trust("remove", self.lab.sha256("root")[:12], when=day(START, 30), status=1)
        self.assertIn("last valid anchor", answer.err)
        # Another CA of the same name with another key is no help; the same key is.
        self.successor()
        self.trust("remove", identity, when=day(START, 30), status=1)
        self.lab.issue("int3", "ca", day(START), day(END), subject="/O=Lab/CN=Issuing",
                       issuer="root", key="int")
        self.trust("add", self.lab.path("int3.pem"), when=day(START, 20))
        self.trust("remove", identity, when=day(START, 30))
        self.assertEqual(len(self.states(day(START, 30))), 2)

    def test_removing_by_force(self):
        self.install()
        self.card_seen("alice")
        identity = self.lab.sha256("int")[:12]
        answer = self.trust("retire", identity, "--force", when=day(START, 30))
        self.assertIn("though needed by 1 card", answer.out)
        answer = self.trust("check", "--json", when=day(START, 30), status=1)
        self.assertEqual([p["code"] for p in answer.json()["problems"]], ["retired-but-needed"])
        answer = self.trust("remove", identity, "--force", "--json", when=day(START, 30))
        self.assertIn("is removed, though needed by 1 card", answer.json()["changes"][0])
        self.assertNotIn("Issuing", self.states(day(START, 30)))
        self.assertFalse(os.listdir(self.inside("/etc/piv-login/trust/intermediates")))

    def test_force_is_logged(self):
        if os.environ.get("PIV_SANDBOX") != "yes":
            self.skipTest("needs tests/sandbox/run")
        self.install()
        self.card_seen("alice")
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(log.close)
        log.bind("/run/syslog")
        self.addCleanup(os.remove, "/run/syslog")
        log.settimeout(10)
        identity = self.lab.sha256("int")[:12]
        self.trust("remove", identity, when=day(START, 30), status=1)
        self.trust("remove", identity, "--force", "--dry-run", when=day(START, 30))
        self.trust("remove", identity, "--force", when=day(START, 30))
        line = log.recv(65536).decode()  # neither the refused nor the dry one
        self.assertRegex(line, r"^<85>.* piv-trust\[\d+\]: --force by uid 0 in %s: intermediate "
                               r"CN=Issuing,O=Lab \([0-9a-f]{16}\) is removed, though needed by 1 card"
                               % self.tree)
        log.setblocking(False)
        self.assertRaises(BlockingIOError, log.recv, 65536)

    def test_dependents_of_every_kind(self):
        self.install()
        identity = self.lab.sha256("int")[:12]

        def needed(text):
            for command in ("retire", "remove"):
                self.assertIn(text, self.trust(command, identity, when=day(START, 30), status=1).err)

        # Lines of the account map that name the issuer, however it is spaced.
        self.write("/etc/piv-login/accounts", "issuer-serial CN=Issuing, O=Lab 01ab -> alice\n")
        needed("issuer-serial lines")
        os.remove(self.inside("/etc/piv-login/accounts"))
        # A certificate that piv-accounts mapped.
        self.write("/var/lib/piv-login/mapped/alice.der", self.lab.der("alice"))
        needed("CN=alice")
        os.remove(self.inside("/var/lib/piv-login/mapped/alice.der"))
        # The last login of a person whose card is not kept.
        line = ('{"time":"2030-01-10T00:00:00Z","user":"alice","code":"%s","anchor":"CN=Root,O=Lab",'
                '"certificate":{"issuer":"CN=Issuing,O=Lab","sha256":"00",'
                '"not_after":"2032-01-01T00:00:00Z"}}\n')
        self.write("/var/lib/piv-login/attempts", line % "ok")
        needed("1 person who logged in with a card of it, such as alice")
        self.trust("retire", identity, "--dry-run", when=day("2032-02-01"))  # that card has ended
        self.write("/var/lib/piv-login/attempts", line % "pin-wrong")
        self.trust("retire", identity, "--dry-run", when=day(START, 30))
        # A KDC, by its own configuration and by the administrator's word.
        self.lab.issue("kdc", "kdc", day(START), day("2032-01-01"), issuer="int")
        with open(self.lab.path("kdc.pem"), encoding="ascii") as f:
            pem = f.read()
        self.write("/var/lib/krb5kdc/kdc.pem", pem)
        self.write("/etc/krb5kdc/kdc.conf", "[realms]\n X = {\n  pkinit_identity = "
                   "FILE:/var/lib/krb5kdc/kdc.pem,/var/lib/krb5kdc/kdc.key\n }\n")
        needed("1 KDC certificate, such as CN=kdc")
        os.remove(self.inside("/etc/krb5kdc/kdc.conf"))
        self.write("/etc/piv-login/trust/needed/dc1.pem", pem)
        needed("listed as needed, such as CN=kdc")
        os.remove(self.inside("/etc/piv-login/trust/needed/dc1.pem"))
        file = "Issuing-%s.pem" % identity[:16].ljust(16)
        file, = os.listdir(self.inside("/etc/piv-login/trust/intermediates"))
        self.write("/etc/krb5.conf.d/pkinit.conf", "[libdefaults]\n\tpkinit_pool = "
                   "FILE:/etc/piv-login/trust/intermediates/%s\n" % file)
        needed("Kerberos: /etc/krb5.conf.d/pkinit.conf names its file")
        os.remove(self.inside("/etc/krb5.conf.d/pkinit.conf"))
        self.kerberos_takes_it_from_elsewhere(identity, needed)
        # A staged answer about a certificate of this CA, while it counts.
        self.staged_answer("int", "alice", 5)
        needed("the staged OCSP answer")
        self.trust("retire", identity, when=day(START, 50))

    def kerberos_takes_it_from_elsewhere(self, identity, needed):
        """FILE: and DIR: with the certificate in them, while it is valid; in files that are included."""
        def anchors(value, path="/etc/krb5.conf"):
            self.write(path, "[libdefaults]\n  pkinit_anchors = %s\n" % value)

        with open(self.lab.path("int.pem"), encoding="ascii") as f:
            self.write("/etc/krb5/anchors/int.pem", f.read())
        for value in ("FILE:/etc/krb5/anchors/int.pem", "DIR:/etc/krb5/anchors", "DIR:/etc/krb5/anchors/",
                      '"DIR:/etc/krb5/anchors"'):
            anchors(value)
            needed("Kerberos: /etc/krb5.conf takes it from /etc/krb5/anchors/int.pem")
        anchors("DIR:/etc/piv-login/trust/intermediates")
        needed("Kerberos: /etc/krb5.conf takes it from /etc/piv-login/trust/intermediates/Issuing-")
        self.trust("remove", identity, "--dry-run", when=day("2033-02-01"))  # it has ended
        for value in ("DIR:/etc/none", "PKCS11:x.so", "FILE:/etc/passwd", "DIR:", "ENV:X"):
            anchors(value)
            self.trust("remove", identity, "--dry-run", when=day(START, 30))
        anchors("DIR:/etc/krb5/anchors", "/etc/kdc.d/one.conf")
        self.write("/etc/krb5.conf", "include /etc/krb5.conf\nincludedir /etc/kdc.d\n")
        needed("Kerberos: /etc/kdc.d/one.conf takes it from")
        os.remove(self.inside("/etc/krb5.conf"))

    def staged_answer(self, ca, user, days, responder=None):
        """By `openssl ocsp` under the time of the lab: signed by the CA itself or a delegate."""
        base = self.lab.path("answer")
        serial = lab.run("openssl", "x509", "-in", self.lab.path(user + ".pem"), "-noout",
                         "-serial").decode().split("=")[1].strip()
        with open(base + ".idx", "w", encoding="ascii") as f:
            f.write("V\t320101000000Z\t\t%s\tunknown\t/CN=%s\n" % (serial, user))
        signer = self.lab.path((responder or ca) + ".pem")
        command = ["faketime", day(START, 29).strftime("%Y-%m-%d %H:%M:%S"), "openssl", "ocsp",
                   "-index", base + ".idx", "-CA", self.lab.path(ca + ".pem"), "-rsigner", signer,
                   "-rkey", self.lab.key_of(responder or ca), "-issuer", self.lab.path(ca + ".pem"),
                   "-cert", self.lab.path(user + ".pem"), "-ndays", str(days), "-respout",
                   base + ".der", "-noverify"]
        lab.run(*command, env=dict(os.environ, TZ="UTC"))
        with open(base + ".der", "rb") as f:
            self.write("/var/lib/piv-login/ocsp/answer.der", f.read())

    def test_answers_and_responders_in_the_list(self):
        self.install()
        self.lab.issue("responder", "ocsp", day(START), day(START, 33), issuer="int")
        self.staged_answer("int", "alice", 5, "responder")
        rows = self.trust("list", "--json", when=day(START, 30)).json()["certificates"]
        by_role = {r["role"]: r for r in rows}
        self.assertEqual(by_role["answer"]["days_left"], 4)
        self.assertEqual(by_role["responder"]["days_left"], 3)
        self.assertEqual(by_role["responder"]["state"], "staged")
        self.assertIn("answer.der", by_role["responder"]["breaks"][0])
        codes = [p["code"] for p in
                 self.trust("check", "--json", when=day(START, 30), status=1).json()["problems"]]
        self.assertEqual(codes, ["responder-ends"])  # before the answer does
        codes = [p["code"] for p in
                 self.trust("check", "--json", when=day(START, 35), status=1).json()["problems"]]
        self.assertEqual(codes, ["answer-stale"])

    # --- rollover ------------------------------------------------------------------------------
    def test_rollover_promotes_by_date_and_writes_metrics(self):
        self.install()
        self.successor()  # next since day 20
        self.trust("rollover", when=day(START, 24))
        self.assertEqual(sorted(self.states(day(START, 24)).values()), ["active", "next"])
        answer = self.trust("rollover", "--json", when=day(START, 25))
        self.assertEqual(len(answer.json()["changes"]), 2)  # promoted; the predecessor retired
        states = {r["sha256"]: r["state"] for r in answer.json()["certificates"]}
        self.assertEqual(states[self.lab.sha256("int2")], "active")
        self.assertEqual(states[self.lab.sha256("int")], "retired")
        metrics = self.read("/var/lib/piv-login/metrics.prom")
        self.assertRegex(metrics, r'(?m)^piv_login_trust_days_left\{role="anchor",state="active",'
                                  r'subject="CN=Root,O=Lab",sha256="[0-9a-f]{64}",file="Root-'
                                  r'[0-9a-f]{16}\.pem"\} 1801$')
        self.assertRegex(metrics, r"(?m)^piv_login_trust_problems 0$")
        self.assertNotIn("piv_login_ocsp_last_success_seconds", metrics)
        for line in metrics.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) piv_login_\w+ .+|piv_login_\w+(\{.*\})? -?\d+)$')

    def test_rollover_keeps_a_needed_predecessor(self):
        self.install()
        self.card_seen("alice")
        self.successor()
        self.trust("rollover", when=day(START, 26))
        self.assertEqual(sorted(self.trust("list", "--json", when=day(START, 26)).json()
                                ["certificates"][i]["state"] for i in (1, 2)), ["active", "active"])
        self.trust("rollover", when=day("2032-06-01"))  # her card has ended
        states = [r["state"] for r in self.trust("list", "--json", when=day("2032-06-01")).json()
                  ["certificates"]]
        self.assertEqual(states, ["active", "retired", "active"])

    def test_metrics_of_ocsp_and_another_file(self):
        self.install()
        self.lab.issue("responder", "ocsp", day(START), day(START, 60), issuer="int")
        self.write("/var/lib/piv-login/cache/0a.ocsp", b"entry" + self.lab.der("responder"))
        os.utime(self.inside("/var/lib/piv-login/cache/0a.ocsp"), (1900000000, 1900000000))
        target = self.lab.path("node.prom")
        self.trust("rollover", "--metrics", target, when=day(START, 30))
        with open(target, encoding="utf-8") as f:
            metrics = f.read()
        self.assertIn("piv_login_ocsp_last_success_seconds 1900000000\n", metrics)
        self.assertRegex(metrics, r'role="responder",state="cached",subject="CN=responder.*\} 30\n')
        self.assertFalse(os.path.exists(self.inside("/var/lib/piv-login/metrics.prom")))

    def test_timer(self):
        self.install()
        self.write("/etc/piv-login/piv-login.conf", "[rollover]\nrollover_interval = 60\n")
        soon = day("2032-12-20")
        first = self.trust("rollover", "--timer", when=soon, status=1)
        self.assertRegex(first.err, r"\A<4>intermediate CN=Issuing,O=Lab ends in 12 days and has no "
                                    r"successor \(successor-needed\); try: .+\n\Z")
        not_due = self.trust("rollover", "--timer", when=soon.replace(minute=59))
        self.assertEqual((not_due.out, not_due.err), ("", ""))
        self.trust("rollover", "--timer", when=soon.replace(hour=1), status=1)
        # The clock was years ahead at the last check: the next one is made all the same.
        self.trust("rollover", "--timer", when=day("2034-06-01"), status=1)
        self.trust("rollover", "--timer", when=day("2032-12-21"), status=1)

    # --- files ---------------------------------------------------------------------------------
    def test_states_file(self):
        self.install()
        good = self.read("/etc/piv-login/trust/states")
        for bad in ("nonsense\n", "%s gone\n" % self.lab.sha256("int"), good + good,
                    "%s next since never\n" % self.lab.sha256("int"), good.rstrip("\n")):
            self.write("/etc/piv-login/trust/states", bad)
            self.assertIn("trust/states:", self.trust("list", when=day(START, 30), status=78).err)
        self.write("/etc/piv-login/trust/states", good)
        os.chmod(self.inside("/etc/piv-login/trust/states"), 0o666)
        self.trust("list", when=day(START, 30), status=78)

    def test_certificate_that_anybody_can_write(self):
        self.install()
        folder = self.inside("/etc/piv-login/trust/anchors")
        os.chmod(os.path.join(folder, os.listdir(folder)[0]), 0o666)
        self.trust("list", when=day(START, 30), status=78)

    def test_links_do_not_lead_out_of_the_root(self):
        os.symlink("/", self.inside("/etc/piv-login/trust"))
        self.trust("add", self.lab.path("root.pem"), when=day(START, 1))
        self.assertTrue(os.path.isdir(self.inside("/anchors")))
        self.assertFalse(os.path.exists("/anchors"))

    def test_subject_with_control_characters(self):
        self.lab.issue("evil", "root", day(START), day(END), subject="/CN=Evil\x1b[31m\x07")
        self.trust("add", self.lab.path("evil.pem"), when=day(START, 1))
        self.assertNotIn("\x1b", self.trust("list", when=day(START, 2)).out)
        self.trust("rollover", when=day(START, 2))
        self.assertNotIn("\x1b", self.read("/var/lib/piv-login/metrics.prom"))


if __name__ == "__main__":
    lab.main(sys.argv, names=["piv_trust"])
