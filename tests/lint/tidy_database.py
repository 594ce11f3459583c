#!/usr/bin/env python3
"""tidy_database.py ROOT BUILD OUT <FILES: a compilation database with one command for each file.

CMake's has one for each target that compiles a file, and clang-tidy would look at the file as often.
Prints the files that are compiled at all, the largest first: the last ones to finish are short.
"""
import json
import os
import sys

root, build, out = sys.argv[1:4]
with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as source:
    commands = {entry["file"]: entry for entry in json.load(source)}
chosen = [path for path in (os.path.join(root, line.strip()) for line in sys.stdin)
          if path in commands]
with open(os.path.join(out, "compile_commands.json"), "w", encoding="utf-8") as target:
    json.dump([commands[path] for path in chosen], target)
for path in sorted(chosen, key=os.path.getsize, reverse=True):
    print(os.path.relpath(path, root))
