#!/usr/bin/env python3
"""For shell tests, certificates with any dates.
usage: issue.py FOLDER < LINES, each: NAME KIND START END SUBJECT ISSUER UPN OCSP_URL
START and END are days from now; "-" is "none"; KIND is a section of lab.py."""
import datetime
import os
import sys

import lab


def main():
    pki = lab.Lab(sys.argv[1])
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
    for line in sys.stdin:
        name, kind, start, end, subject, issuer, upn, url = line.split()
        if url != "-":
            with open(pki.config, encoding="ascii") as f:
                section = f.read().split("[%s]\n" % kind)[1].split("[")[0]
            kind = "%s_%s" % (kind, name.replace("-", "_"))
            with open(pki.config, "a", encoding="ascii") as f:
                f.write("[%s]\n%sauthorityInfoAccess = OCSP;URI:%s\n" % (kind, section, url))
        pki.issue(name, kind, now + datetime.timedelta(days=int(start)),
                  now + datetime.timedelta(days=int(end)), subject="/O=Lab/CN=" + subject,
                  issuer=None if issuer == "-" else issuer, upn=upn)
        with open(os.path.join(pki.folder, name + ".serial"), "w", encoding="ascii") as f:
            f.write(lab.run("openssl", "x509", "-in", pki.path(name + ".pem"), "-noout",
                            "-serial").decode().split("=")[1])


if __name__ == "__main__":
    main()
