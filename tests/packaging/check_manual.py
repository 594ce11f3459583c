#!/usr/bin/env python3
"""A program's --help and its manual page name the same options and the same version.

check_manual.py PROGRAM PAGE VERSION      its commands, as its --help lists them, are asked as well
"""
import re
import subprocess
import sys

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def options_of_help(program, command=()):
    run = subprocess.run([program, *command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20,
                         check=False)
    text = run.stdout.decode("utf-8")
    if run.returncode != 0 or run.stderr or not text:
        sys.exit("%s %s --help: exit status %d, %d octets on stdout, on stderr: %s" % (
            program, " ".join(command), run.returncode, len(text), run.stderr.decode()))
    options = set(OPTION.findall(text))
    for below in text.split("\nSubcommands:\n")[1:]:
        for name in re.findall(r"^  ([a-z][a-z-]*)  ", below, re.M):
            options |= options_of_help(program, (*command, name))
    return options


def options_of_page(text):
    """Those that head a paragraph of the section OPTIONS."""
    section = re.search(r'^\.SH "?OPTIONS"?$(.*?)^\.SH', text, re.M | re.S).group(1)
    tags = re.findall(r"^\.TP\n(.*)$", section, re.M)
    return set(OPTION.findall(" ".join(tags).replace("\\-", "-").replace("\\fB", " ").replace("\\fR", " ")))


def main():
    program, page, version = sys.argv[1:4]
    with open(page, encoding="utf-8") as file:
        text = file.read()
    shown = options_of_help(program)
    written = options_of_page(text)
    problems = ["in --help, not in the page: " + name for name in sorted(shown - written)]
    problems += ["in the page, not in --help: " + name for name in sorted(written - shown)]
    if '"piv-login %s"' % version not in text.split("\n")[0]:
        problems.append("the page is not of version " + version)
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, timeout=20, check=False)
    if said.returncode != 0 or version not in said.stdout.decode("utf-8"):
        problems.append("--version: exit status %d, says %r" % (said.returncode, said.stdout))
    for problem in problems:
        print("%s: %s" % (page.rsplit("/", 1)[-1], problem))
    if not problems:
        print("%d options agree" % len(shown))
    return 1 if problems or not shown else 0


if __name__ == "__main__":
    sys.exit(main())
