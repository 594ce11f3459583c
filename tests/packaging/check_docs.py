#!/usr/bin/env python3
"""The documents agree with what is built: every option on a command line that they show is known to
the program, every file that they link to is there, every test that they name exists.

check_docs.py SOURCE BUILD PROGRAM...
"""
import glob
import os
import re
import shlex
import subprocess
import sys

# Between our own processes; no page of a program names it.
INTERNAL = {"--fetch-role"}
COMMANDS = ("convert inspect stage verify undo prove export list check add promote retire remove rollover "
            "federation compile lookup bundle create apply").split()


def output(*arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                          check=False).stdout.decode("utf-8", "replace")


class Programs:
    def __init__(self, paths):
        self.paths = {os.path.basename(path): path for path in paths}
        self.paths["enable_smartcard"] = self.paths["enable-smartcard"]
        self.known = {}

    def options(self, words):
        command = [word for word in words[1:3] if word in COMMANDS]
        key = tuple(words[:1] + command)
        if key not in self.known:
            text = output(self.paths[words[0]], "--help") + output(self.paths[words[0]], *command, "--help")
            self.known[key] = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z0-9-]*", text))
        return self.known[key]


def shown_commands(text):
    """Command lines in fenced blocks and in back quotes."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S):
        yield from block.replace("\\\n", " ").split("\n")
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def problems_of(path, text, programs):
    found = 0
    for line in shown_commands(text):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if not words or words[0] not in programs.paths:
            continue
        found += 1
        for word in words[1:]:
            option = word.split("=")[0]
            if re.match(r"--?[a-zA-Z]", option) and option not in programs.options(words) | INTERNAL:
                yield "%s: no such option: %s" % (line.strip(), option)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(path), target)):
            yield "no such file: " + target
    print("%s: %d command lines" % (path, found))


def tests_named(text):
    table = text.split("| threat |")[1].split("\n\n")[0]
    for row in table.split("\n")[2:]:
        yield from re.findall(r"`([a-z_0-9]+)`", row.rsplit("|", 2)[1])


def main():
    source, build = sys.argv[1:3]
    programs = Programs(sys.argv[3:])
    problems = []
    pages = [os.path.join(source, name) for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    for path in pages + sorted(glob.glob(os.path.join(source, "docs/**/*.md"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        problems += [os.path.relpath(path, source) + ": " + problem for problem in problems_of(path, text, programs)]
    with open(os.path.join(source, "docs/threat-model.md"), encoding="utf-8") as file:
        named = set(tests_named(file.read()))
    known = set(re.findall(r"#\d+: (\S+)", output("ctest", "--test-dir", build, "-N")))
    problems += ["docs/threat-model.md: no such test: " + name for name in sorted(named - known)]
    print("\n".join(problems))
    return 1 if problems or len(named) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
