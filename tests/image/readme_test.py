#!/usr/bin/env python3
"""README's tour of an image: each command is run as it is written there, in an image root like Amazon Linux 2,
and prints what README shows. A line "..." stands for any lines, "..." in a line for any text; times may differ.
usage: readme_test.py BUILD_DIR"""
import os
import re
import subprocess
import sys

import image_tree
from harness import Suite, build_folder, difference, snapshot

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
HEADING = "## Five minutes on a real image"


def section():
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
        return f.read().split(HEADING + "\n", 1)[1].split("\n## ", 1)[0]


def tour(text):
    """The commands of the first block, each with the lines that it is shown to print."""
    out = []
    lines = iter(text.split("```\n")[1].splitlines())
    for line in lines:
        if not line.startswith("$ "):
            out[-1][1].append(line)
            continue
        command = line[2:]
        while command.endswith("\\"):
            command = command[:-1].rstrip() + " " + next(lines).strip()
        out.append((re.sub(r"\s+#.*", "", command), []))
    return out


def matches(shown, printed):
    """Whether what was printed is what is shown, from the first line to the last."""
    pattern = ""
    for line in shown:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
            continue
        line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", line)
        pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    printed = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", printed)
    return re.fullmatch(pattern, printed) is not None


class Tour(Suite):
    def shell(self, command, root):
        """Runs a command of the tour. Tools are those that were built."""
        environment = {"PATH": self.bin + ":" + os.environ["PATH"], "LC_ALL": "C"}
        return subprocess.run(command.replace("/mnt/image", root), shell=True, cwd=self.path("lab"), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)


def check_the_matcher(suite):
    for wanted, shown, printed in (
            (True, ["a", "..."], "a\nb\nc\n"), (True, ["a", "...", "c"], "a\nc\n"), (True, ["a ... z"], "a b z\n"),
            (True, ["x 2026-01-01T00:00:00Z"], "x 2030-01-01T00:00:00Z\n"), (False, ["a"], "a\nb\n"),
            (False, ["b"], "a\nb\n"), (False, ["a", "c"], "a\nb\nc\n"), (False, ["a.c"], "abc\n")):
        suite.equal("%r for %r" % (shown, printed), wanted, matches(shown, printed))


def check_the_tour(suite):
    root = suite.path("al2")
    os.mkdir(root)
    image_tree.make_al2(root)
    before = snapshot(root)
    commands = tour(section())
    suite.ok("there are commands", len(commands) >= 5, commands)
    refused = 0
    for command, shown in commands:
        run = suite.shell(command, root)
        if any("  try: " in line for line in shown):
            refused += 1
            suite.equal(command + ": exit status", True, run.returncode in (1, 2, 65))
        else:
            suite.equal(command + ": exit status", 0, run.returncode)
        # What is shown without output is told in README's own words.
        if shown:
            suite.ok(command, matches(shown, run.stdout), "\nREADME:\n%s\nprinted:\n%s" % ("\n".join(shown), run.stdout))
    suite.equal("refusals in the tour", 1, refused)
    suite.ok("something was staged", bool(difference(before, snapshot(root))))
    back = re.search(r"And back: `([^`]+)`", section()).group(1)
    suite.equal(back, 0, suite.shell(back, root).returncode)
    suite.same("back as it was", before, root)


def main():
    suite = Tour(build_folder())
    done = subprocess.run([os.path.join(SOURCE, "scripts", "make-lab"), suite.path("lab")],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("make-lab: " + done.stderr)
    return suite.main([check_the_matcher, check_the_tour])


if __name__ == "__main__":
    sys.exit(main())
