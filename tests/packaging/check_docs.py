#!/usr/bin/env python3
"""The documents agree with what is built: every option on a command line that they show is known to
the program or script, every setting that they name exists, every file and heading that they link to and
every installed file that they name is there, every test that they name exists, every program and module
has a manual page, and every page that a page refers to exists.

check_docs.py SOURCE BUILD PROGRAM...
"""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

# Between our own processes; no page of a program names it.
INTERNAL = {"--fetch-role"}
# Pages of other projects that ours refer to.
FOREIGN_PAGES = {"kinit(1)", "pam.conf(5)", "nsswitch.conf(5)", "pam_exec(8)"}
PAGES_FOR = ("pam_piv.8", "libnss_piv.8", "piv-login-helper.8", "piv-login-kinit.8", "piv-login.conf.5",
             "piv-login-accounts.5", "piv-login-trust.5", "enable_smartcard.8")
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][a-z0-9-]*")


def output(*arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                          check=False).stdout.decode("utf-8", "replace")


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


class Programs:
    """What can stand at the beginning of a command line: our programs, and scripts with a --help."""

    def __init__(self, source, paths):
        self.paths = {os.path.basename(path): path for path in paths}
        self.paths["enable_smartcard"] = self.paths["enable-smartcard"]
        for path in glob.glob(os.path.join(source, "scripts/*")):
            if "--help" in read(path):
                self.paths["scripts/" + os.path.basename(path)] = path
        self.known = {}

    def help(self, words):
        """The --help of a program and of the command of it that the words name, options and commands."""
        key = tuple(words)
        if key not in self.known:
            text = output(self.paths[words[0]], *words[1:], "--help")
            after = text.split("\nSubcommands:\n")[1:]
            commands = set(re.findall(r"^  ([a-z][a-z-]*)  ", after[0], re.M)) if after else set()
            self.known[key] = (set(OPTION.findall(text)), commands)
        return self.known[key]

    def options(self, words):
        level = words[:1]
        options, commands = self.help(level)
        options = set(options)
        for word in words[1:]:
            if word in commands:
                level = level + [word]
                more, commands = self.help(level)
                options |= more
        return options


def shown_commands(text):
    """Command lines in fenced blocks and in back quotes."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S):
        yield from block.replace("\\\n", " ").split("\n")
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def shown_in_page(text):
    for block in re.findall(r"^\.EX\n(.*?)^\.EE", text, re.M | re.S):
        yield from re.sub(r"\\(.)", r"\1", block.replace("\\e", "\\\\")).split("\n")


def problems_of_commands(lines, programs, counts):
    for line in lines:
        try:
            words = shlex.split(re.sub(r"^[#$] ", "", line), comments=True)
        except ValueError:
            continue
        if not words or words[0] not in programs.paths:
            continue
        counts["command lines"] = counts.get("command lines", 0) + 1
        for word in words[1:]:
            if word == "--":
                break
            option = word.strip("[]").split("=")[0]
            if re.match(r"--?[a-zA-Z]", option) and option not in programs.options(words) | INTERNAL:
                yield "%s: no such option: %s" % (line.strip(), option)


def headings(text):
    for heading in re.findall(r"^#+ +(.*)$", text, re.M):
        yield re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def problems_of_links(path, text, counts):
    for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", text):
        counts["links"] = counts.get("links", 0) + 1
        name, _, heading = target.partition("#")
        file = os.path.join(os.path.dirname(path), name) if name else path
        if "://" in target:
            continue
        if not os.path.exists(file):
            yield "no such file: " + target
        elif heading and heading not in set(headings(read(file))):
            yield "no such heading: " + target


def problems_of_settings(text, settings, counts):
    """`section.key`, and `[section] key = value` in back quotes."""
    sections = {name.split(".")[0] for name in settings}
    code = "\n".join(re.findall(r"`([^`\n]+)`", text))
    named = re.findall(r"(?<![\w./-])(%s)\.([a-z_]+)\b(?![./(])" % "|".join(sections), code)
    named += re.findall(r"^\[(%s)\] ([a-z_]+) =" % "|".join(sections), code, re.M)
    for section, key in named:
        counts["settings"] = counts.get("settings", 0) + 1
        if section + "." + key not in settings:
            yield "no such setting: %s.%s" % (section, key)


def problems_of_files(text, installed, counts):
    """Files and folders that the packages bring."""
    for name in set(re.findall(r"/usr/(?:share/(?:doc/)?piv-login|libexec/piv-login)[\w./-]*", text)):
        counts["installed files"] = counts.get("installed files", 0) + 1
        if not os.path.exists(installed + name.rstrip("./")):
            yield "no such installed file: " + name


def problems_of_pages(pages, programs):
    """Cross references of the manual, and what has to have a page."""
    for name, text in pages.items():
        for page, section in re.findall(r"^\.BR ([\w.\\-]+) \((\d)\)", text, re.M):
            page = page.replace("\\", "")
            if page + "." + section not in pages and "%s(%s)" % (page, section) not in FOREIGN_PAGES:
                yield "%s: no such page: %s(%s)" % (name, page, section)
    for name in list(PAGES_FOR) + [name for name in programs.paths if "/" not in name]:
        if name not in pages and name + ".1" not in pages and name + ".8" not in pages:
            yield "no manual page: " + name


def problems_of_module(source, page):
    """What pam_piv.so takes on a PAM line, by its own table."""
    table = read(source, "pam_module/glue/arguments.cc").split("kOptions[] = {")[1].split("};")[0]
    known = {name.rstrip("=") for name in re.findall(r'\{"([a-z_]+=?)"', table)}
    section = re.search(r"^\.SH OPTIONS$(.*?)^\.SH", page, re.M | re.S).group(1)
    shown = {word.split("=")[0] for word in re.findall(r"^\.TP\n\.B ([a-z_]+=?)", section, re.M)}
    synopsis = set(re.findall(r"^\.RB \[ ([a-z_]+)", page.split(".SH DESCRIPTION")[0], re.M))
    if len(known) < 5:
        yield "pam_module/glue/arguments.cc: its table of options is not where it was"
    for what, names in (("OPTIONS", shown), ("SYNOPSIS", synopsis)):
        for name in sorted(known ^ names):
            yield "pam_piv.8, %s: %s is %s" % (what, name, "missing" if name in known else "not an option")


def tests_named(text):
    table = text.split("| threat |")[1].split("\n\n")[0]
    for row in table.split("\n")[2:]:
        yield from re.findall(r"`([a-z_0-9]+)`", row.rsplit("|", 2)[1])


def install_files(build, folder):
    """What is installed besides the programs, and empty files for those that take long to copy."""
    subprocess.run(["cmake", "-P", os.path.join(build, "packaging/cmake_install.cmake")], check=True, timeout=60,
                   env=dict(os.environ, DESTDIR=folder), stdout=subprocess.DEVNULL)
    folder = os.path.join(folder, "usr/libexec/piv-login")
    for part, program in (("helper", "piv-login-helper"), ("watch", "piv-login-watch")):
        if os.path.isdir(folder) and os.path.exists(os.path.join(build, "pam_module", part, program)):
            open(os.path.join(folder, program), "w", encoding="utf-8").close()


def main():
    source, build = sys.argv[1:3]
    programs = Programs(source, sys.argv[3:])
    problems = []
    counts = {}
    settings = {"%s.%s" % pair for pair in re.findall(
        r"^\| `([a-z]+)` \| `([a-z_]+)` \|", read(source, "docs/configuration.md"), re.M)}
    with tempfile.TemporaryDirectory() as installed:
        install_files(build, installed)
        pages = [os.path.join(source, name) for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
        for path in pages + sorted(glob.glob(os.path.join(source, "docs/**/*.md"), recursive=True)):
            text = read(path)
            for problem in (list(problems_of_commands(shown_commands(text), programs, counts)) +
                            list(problems_of_links(path, text, counts)) +
                            list(problems_of_settings(text, settings, counts)) +
                            list(problems_of_files(text, installed, counts))):
                problems.append(os.path.relpath(path, source) + ": " + problem)
        manual = {os.path.basename(path): read(path)
                  for path in glob.glob(os.path.join(installed, "usr/share/man/man*/*"))}
        for name, text in sorted(manual.items()):
            problems += [name + ": " + problem for problem in
                         list(problems_of_commands(shown_in_page(text), programs, counts)) +
                         list(problems_of_files(text.replace("\\-", "-"), installed, counts))]
        problems += list(problems_of_pages(manual, programs))
        problems += list(problems_of_module(source, manual["pam_piv.8"]))
    named = set(tests_named(read(source, "docs/threat-model.md")))
    known = set(re.findall(r"#\d+: (\S+)", output("ctest", "--test-dir", build, "-N")))
    problems += ["docs/threat-model.md: no such test: " + name for name in sorted(named - known)]
    print("%d manual pages, %s" % (len(manual), ", ".join("%d %s" % (counts[name], name) for name in sorted(counts))))
    print("\n".join(problems))
    enough = len(named) >= 10 and len(settings) > 20 and counts.get("command lines", 0) > 100
    return 1 if problems or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
