#!/usr/bin/env python3
"""The vectors through the program: piv-check --cert with the options that users have.

Usage: through_piv_check.py PIV_CHECK TESTDATA [-v]
Exit status: 0 as the indexes say, 1 not, 77 no vectors or no program.
"""
import csv
import json
import os
import subprocess
import sys

TIME = "1302825600"  # PKITS

# See docs/paths.md.
KNOWN = {"boringssl-many-names_ok-all-types"}


def rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def files(row, column, folder):
    cell = row.get(column, "-")
    return [] if cell in ("-", "") else [os.path.join(folder, name) for name in cell.split(",")]


def options(name, values):
    return [part for value in values for part in (name, value)]


def ask(program, arguments):
    done = subprocess.run([program, "--json", "--ocsp", "off", *arguments], capture_output=True, text=True,
                          check=False)
    try:
        return json.loads(done.stdout)["decision"], json.loads(done.stdout)["code"], done.returncode
    except (ValueError, KeyError):
        return "no JSON", done.stderr.strip(), done.returncode


def pkits(row, folder):
    certs = files(row, "certs", folder)
    arguments = ["--cert", certs[-1], "--ca", certs[0], "--at", TIME, "--purpose", "any"]
    arguments += options("--untrusted", certs[1:-1]) + options("--crl", files(row, "crls", folder))
    arguments += options("--policy", [p for p in row["initial_policy_set"].split(",") if p])
    for column, option in (("initial_explicit_policy", "--require-explicit-policy"),
                           ("initial_policy_mapping_inhibit", "--inhibit-policy-mapping"),
                           ("initial_inhibit_any_policy", "--inhibit-any-policy")):
        if row[column] == "true":
            arguments.append(option)
    return arguments, {"pass": ["accept"], "fail": ["reject", "unavailable"]}[row["expect"]]


def chains(row, folder):
    purpose = {"sslserver": "server-auth", "sslclient": "client-auth"}.get(row["purpose"], "any")
    arguments = ["--cert", os.path.join(folder, row["leaf"]), "--at", row["at"], "--purpose", purpose]
    if row["suite"] == "x509-limbo":  # it tests what CAs must do, BoringSSL what relying parties must
        arguments += ["--conformance", "strict"]
    arguments += options("--ca", files(row, "trust", folder))
    arguments += options("--untrusted", files(row, "untrusted", folder))
    arguments += options("--crl", files(row, "crls", folder))
    return arguments, {"pass": ["accept"], "fail": ["reject", "unavailable"]}[row["expect"]]


def crl(row, folder):
    arguments = ["--cert", os.path.join(folder, row["cert"]), "--at", row["at"], "--purpose", "any"]
    arguments += options("--ca", files(row, "issuers", folder))
    arguments += ["--crl", os.path.join(folder, row["crl"])]
    return arguments, {"good": ["accept"], "revoked": ["reject"],
                       "undetermined": ["unavailable", "reject"]}[row["expect"]]


def main():
    if len(sys.argv) < 3 or not os.access(sys.argv[1], os.X_OK) or not os.path.isdir(sys.argv[2]):
        print("skipped: no piv-check or no vectors")
        return 77
    program, testdata = sys.argv[1], sys.argv[2]
    failed = 0
    for name, make in (("pkits", pkits), ("chains", chains), ("crl", crl)):
        folder = os.path.join(testdata, name)
        right = scored = 0
        for row in rows(os.path.join(folder, name + ".tsv")):
            if row.get("score", "1") != "1" or row["id"] in KNOWN:
                continue
            arguments, expected = make(row, folder)
            decision, code, status = ask(program, arguments)
            scored += 1
            if decision in expected:
                right += 1
            else:
                print(f"{row['id']}: expected {'|'.join(expected)}, got {decision} ({code}, exit {status})")
        print(f"{name}: {right} of {scored}")
        failed += scored - right
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
