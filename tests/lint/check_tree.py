#!/usr/bin/env python3
"""What no file of this project may contain. Reads file names on stdin, one a line."""
import re
import sys

# The first component of an absolute path on a normal system. Anything else is somebody's machine.
COMMON_ROOTS = ("bin boot dev etc home lib lib64 mnt proc root run sbin srv sys tmp usr var opt media "
                "selinux afs org").split()  # org: object paths of D-Bus
ABSOLUTE = re.compile(r"(?:^|(?<=[\s'=(\[])|(?<=[\s=(,]\"))/([a-z][a-z0-9_-]{2,})/[A-Za-z0-9_.-]+")
BUILD_IN_TMP = re.compile(r"/tmp/(?:b|brief|tasks|ccache)(?:-[a-z]+|\.md)?\b")
SECRET = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*\n?[A-Za-z0-9+/=]{40}|AKIA[0-9A-Z]{16}"
                    r"|gh[pousr]_[A-Za-z0-9]{36}")
MIRROR = re.compile(r"https?://(?:[a-z0-9.-]*\.)?(?:deb\.debian|archive\.ubuntu|snapshot\.debian|ftp\.)[a-z0-9.-]*")
CONFLICT = re.compile(r"^(?:<{7}|>{7}|={7})(?: |$)", re.M)
LEFTOVER = re.compile(r"\b(?:FIXME|XXX|TODO|HACK)\b")
CODE = (".cc", ".h", ".c")
MAX_LINES = 600
PATHS_MEANT = re.compile(r"^(?:tests/|docs/|packaging/third_party/)")


def problems_of(name, text):
    """Yields (line number, problem) for one file's text."""
    def line_of(match):
        return text.count("\n", 0, match.start()) + 1
    rules = [(BUILD_IN_TMP, "a path of somebody's build machine"), (SECRET, "a secret"),
             (MIRROR, "the host name of a package mirror"), (CONFLICT, "a merge conflict")]
    if name != "tests/lint/check_tree.py":
        rules.append((LEFTOVER, "a leftover note: do it, or file it"))
        for pattern, problem in rules:
            for match in pattern.finditer(text):
                yield line_of(match), problem + ": " + match.group(0).strip()[:60]
    if not PATHS_MEANT.match(name):
        for match in ABSOLUTE.finditer(text):
            after_macro = re.search(r'[A-Z_]+ "$', text[max(0, match.start() - 40):match.start()])
            if match.group(1) not in COMMON_ROOTS and not after_macro:
                yield line_of(match), "an absolute path that is no usual one: " + match.group(0)
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip() and not name.endswith((".md", ".patch", ".txt")):
            yield number, "white space at the end of the line"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end of the file"
    if name.endswith(CODE) and text.count("\n") > MAX_LINES and "third_party" not in name:
        yield 1, "%d lines: files stay below %d" % (text.count("\n"), MAX_LINES)


def main():
    found = 0
    for name in (line.rstrip("\n") for line in sys.stdin):
        with open(name, "rb") as file:
            data = file.read()
        if b"\0" in data[:8192] or re.search(r"\.(der|p7b|cer|bin|png)$|/seeds?/|/corpus/", name):
            continue
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            print("%s: not UTF-8: %s" % (name, error))
            found += 1
            continue
        for number, problem in problems_of(name, text):
            print("%s:%d: %s" % (name, number, problem))
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
