#!/usr/bin/env python3
"""Reads the templates as their tools do, and prints the commands that they run in the image.

template_commands.py image-builder FILE PHASE   shell commands of the ExecuteBash steps of one phase
template_commands.py packer FILE                the inline commands of the last shell provisioner
Exits 1 and says why when the file is not what the tool expects.
"""
import json
import os
import re
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "image"))
import awstoe  # pylint: disable=wrong-import-position

ACTIONS = {"ExecuteBash": "commands", "S3Download": None}


def image_builder(path, wanted):
    with open(path, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    if awstoe.problems(document):
        sys.exit("\n".join(awstoe.problems(document)))
    values = {}
    for parameter in document["parameters"]:
        (name, about), = parameter.items()
        if about["type"] != "string":
            sys.exit("parameter %s is not a string" % name)
        values[name] = about["default"]
    phases = [phase["name"] for phase in document["phases"]]
    if phases != ["build", "validate", "test"]:
        sys.exit("phases are %s" % phases)
    for phase in document["phases"]:
        for step in phase["steps"]:
            if step["action"] not in ACTIONS:
                sys.exit("no such action: " + step["action"])
            for name in re.findall(r"{{ *(\w+) *}}", json.dumps(step)):
                if name not in values:
                    sys.exit("%s: no parameter %s" % (step["name"], name))
            if phase["name"] == wanted and step["action"] == "ExecuteBash" and step["name"] != "Install":
                for command in step["inputs"]["commands"]:
                    print(re.sub(r"{{ *(\w+) *}}", lambda match: values[match.group(1)], command))


def without_strings(text):
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"#.*", "", text))


def packer(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    stack = []
    for mark in re.findall(r"[][{}()]", without_strings(text)):
        if mark in "[{(":
            stack.append(mark)
        elif not stack or stack.pop() + mark not in ("[]", "{}", "()"):
            sys.exit("brackets do not match at " + mark)
    used = set(re.findall(r"\bvar\.(\w+)", text))
    names = set(re.findall(r'^variable "(\w+)"', text, re.M))
    if stack or used != names:
        sys.exit("unclosed: %s; declared %s, used %s" % (stack, sorted(names), sorted(used)))
    defaults = dict(re.findall(r'variable "(\w+)" {[^}]*?default += "([^"]*)"', text))
    inline = text.split("inline = [")[-1].split("\n    ]")[0]
    for command in re.findall(r'"((?:[^"\\]|\\.)*)"', inline):
        if "yum -y install" not in command:
            print(re.sub(r"\${var\.(\w+)}", lambda match: defaults[match.group(1)], command))


if __name__ == "__main__":
    if sys.argv[1] == "packer":
        packer(sys.argv[2])
    else:
        image_builder(sys.argv[2], sys.argv[3])
