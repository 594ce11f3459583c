#!/usr/bin/env python3
"""Whole rollovers in simulated time, with a login by an old and by a new card at every step."""
import os
import sys

import lab
from lab import day
from logins import Logins

START = "2030-01-01"
END = "2032-01-01"


class Rollover(lab.Case, Logins):
    def setUp(self):
        super().setUp()
        self.make_system("alice", "bob")
        self.lab.issue("root", "root", day("2029-01-01"), day("2040-01-01"), subject="/O=Lab/CN=Root")
        self.lab.issue("int1", "ca", day(START), day(END), subject="/O=Lab/CN=Issuing", issuer="root")
        self.card("old", "alice", "int1", day(START), day(END))
        self.trust("add", self.lab.path("root.pem"), self.lab.path("int1.pem"), when=day(START))

    def card(self, name, user, issuer, start, end):
        self.lab.issue(name, "user", start, end, issuer=issuer, upn=user + "@corp.example.com",
                       subject="/O=Lab/CN=" + name)

    def successor(self, when=day(END, -18), **options):
        self.lab.issue("int2", "ca", day(END, -18), day("2034-01-01"), subject="/O=Lab/CN=Issuing",
                       issuer="root", **options)
        self.card("new", "alice", "int2", day(END, -18), day("2034-01-01"))
        self.trust("add", self.lab.path("int2.pem"), when=when)

    def by_file(self, when):
        return {c["sha256"]: c["state"] for c in
                self.trust("list", "--json", when=when).json()["certificates"]}

    def state(self, name, when):
        return self.by_file(when).get(self.lab.sha256(name))

    def both(self, when, old="ok", new="ok"):
        """What both cards get at that time."""
        self.assertEqual((self.login("old", when), self.login("new", when)), (old, new), when)

    def run_rollover(self, renewed):
        self.assertEqual(self.login("old", day(START, 1)), "ok")
        self.seen("old")
        # Generation: 20 days before the end it asks for a successor.
        self.trust("check", when=day(END, -20))
        self.assertEqual(self.login("old", day(END, -20)), "ok")
        answer = self.trust("rollover", "--json", when=day(END, -19), status=1).json()
        self.assertEqual([p["code"] for p in answer["problems"]], ["successor-needed"])
        self.successor(**({"key": "int1"} if renewed else {}))
        self.assertEqual(self.state("int2", day(END, -18)), "next")
        self.trust("check", when=day(END, -18))
        self.both(day(END, -17))
        # Overlap.
        self.trust("rollover", when=day(END, -14))
        self.assertEqual(self.state("int2", day(END, -14)), "next")
        self.both(day(END, -14))
        # Promotion, five days after it came.
        self.trust("rollover", when=day(END, -13))
        self.assertEqual(self.state("int2", day(END, -13)), "active")
        self.both(day(END, -13))
        identity = self.lab.sha256("int1")[:16]
        if not renewed:  # the old card needs the old key
            self.assertEqual(self.state("int1", day(END, -13)), "active")
            for command in ("retire", "remove"):
                self.trust(command, identity, when=day(END, -12), status=1)
        self.both(day(END, -1))
        # The end of the old one: its cards are over, and nobody else notices.
        self.trust("rollover", when=day(END, 1))
        self.assertEqual(self.state("int1", day(END, 1)), "retired")
        self.both(day(END, 1), old="certificate-expired")
        # Removal.
        self.trust("remove", identity, when=day(END, 30))
        self.assertIsNone(self.state("int1", day(END, 30)))
        self.both(day(END, 30), old="certificate-expired" if renewed else "issuer-missing")
        self.trust("check", when=day(END, 30))

    def test_new_key(self):
        self.run_rollover(renewed=False)

    def test_same_key(self):
        self.run_rollover(renewed=True)

    def test_root_with_its_intermediates(self):
        self.seen("old")
        self.lab.issue("root2", "root", day("2031-01-01"), day("2050-01-01"), subject="/O=Lab/CN=Root")
        self.lab.issue("int2", "ca", day("2031-01-01"), day("2035-01-01"), subject="/O=Lab/CN=Issuing",
                       issuer="root2")
        self.card("new", "bob", "int2", day("2031-01-02"), day("2034-01-01"))
        self.trust("add", self.lab.path("int2.pem"), when=day("2031-01-03"), status=65)  # without root
        self.trust("add", self.lab.path("root2.pem"), self.lab.path("int2.pem"), when=day("2031-01-03"))
        for days in (3, 6, 9, 60):
            self.trust("rollover", when=day("2031-01-01", days))
            self.both(day("2031-01-01", days))
        self.assertEqual(self.state("root", day("2031-03-02")), "active")
        self.trust("remove", self.lab.sha256("root")[:16], when=day("2031-03-02"), status=1)
        self.trust("rollover", when=day(END, 1))
        self.both(day(END, 1), old="certificate-expired")

    def test_ocsp_signer(self):
        self.lab.issue("signer1", "ocsp", day(START), day(START, 30), issuer="int1")
        self.lab.issue("signer2", "ocsp", day(START, 20), day(START, 200), issuer="int1")
        for days, signer, want in ((10, "signer1", "ok"), (25, "signer1", "ok"), (25, "signer2", "ok"),
                                   (29, "signer1", "ok"), (40, "signer2", "ok")):
            when = day(START, days)
            self.answers(when, signer)
            self.assertEqual(self.login("old", when, ocsp=True), want, (days, signer))
        self.answers(day(START, 29), "signer1")
        self.assertNotEqual(self.login("old", day(START, 31), ocsp=True), "ok")  # its signer ended
        self.answers(day(START, 15), "signer2")
        self.assertNotEqual(self.login("old", day(START, 15), ocsp=True), "ok")  # not yet valid
        self.answers(day(START, 25), "signer2")
        self.assertNotEqual(self.login("old", day(START, 60), ocsp=True), "ok")  # the answer is over

    def test_clock_years_ahead(self):
        self.seen("old")
        self.successor()
        before = self.by_file(day(END, -17))
        self.trust("rollover", when=day("2046-01-01"), status=1)  # all is over: nothing to promote
        for name in ("int1", "int2", "root"):
            self.assertIn(self.lab.sha256(name), self.by_file(day(END, -17)))
        self.both(day(END, -17))
        self.assertEqual(self.by_file(day(END, -17))[self.lab.sha256("int2")],
                         before[self.lab.sha256("int2")])
        # Ahead by less: the old CA looks ended, the new one is promoted. Right again, the old one is
        # still needed, which is said, and still validates.
        self.trust("rollover", when=day(END, 300))
        self.both(day(END, -17))
        codes = [p["code"] for p in self.trust("check", "--json", when=day(END, -17), status=1).json()
                 ["problems"]]
        self.assertIn("retired-but-needed", codes)
        self.assertIn("clock-behind", codes)
        self.trust("promote", self.lab.sha256("int1")[:12], when=day(END, -17))
        codes = [p["code"] for p in self.trust("check", "--json", when=day(END, -17), status=1).json()
                 ["problems"]]
        self.assertNotIn("retired-but-needed", codes)

    def test_added_while_the_clock_was_ahead(self):
        self.seen("old")
        self.successor(when=day(END, 400))
        self.trust("rollover", when=day(END, -17))  # the wait begins now
        self.assertEqual(self.state("int2", day(END, -17)), "next")
        self.trust("rollover", when=day(END, -12))
        self.assertEqual(self.state("int2", day(END, -12)), "active")
        self.both(day(END, -12))

    def test_clock_years_behind(self):
        self.seen("old")
        self.successor()
        before = self.by_file(day(END, -17))
        for wrong in (day("1980-01-01"), day("2001-09-09")):
            self.trust("rollover", when=wrong, status=1)
            self.assertNotEqual(self.login("old", wrong), "ok")
            for command in ("retire", "remove"):
                self.trust(command, self.lab.sha256("root")[:12], when=wrong, status=1)
        self.assertEqual(self.by_file(day(END, -17)), before)
        self.both(day(END, -17))


if __name__ == "__main__":
    lab.main(sys.argv, names=["piv_trust", "piv_check"])
