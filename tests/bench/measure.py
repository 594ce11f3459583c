#!/usr/bin/env python3
"""Runs a command several times and prints one JSON object a run.

Usage: measure.py [--stdin TEXT] [--before COMMAND] [--after COMMAND] RUNS COMMAND [ARGUMENT]...

Each object has: status, wall_ms, cpu_ms (user and system time of the command and of all that it
started, also of what outlived it), peak_kib (the largest process among them), and, with --after,
"after": what that shell command printed, as JSON when it is JSON.
"""
import ctypes
import json
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def one_run(command, text):
    """Waits for every descendant: what a daemonised child costs is counted too."""
    read_end, write_end = os.pipe()
    os.write(write_end, text)
    os.close(write_end)
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.dup2(read_end, 0)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        if not os.environ.get("MEASURE_SHOW"):
            os.dup2(null, 2)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    os.close(read_end)
    wall = None
    status = None
    user = system = 0.0
    peak = 0
    while True:
        try:
            done, code, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        user += usage.ru_utime
        system += usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        if done == pid:
            wall = time.monotonic() - start
            status = os.waitstatus_to_exitcode(code)
    return {"status": status, "wall_ms": round(wall * 1e3, 3),
            "cpu_ms": round((user + system) * 1e3, 3), "peak_kib": peak}


def shell(command):
    text = subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE).stdout.decode()
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def main():
    arguments = sys.argv[1:]
    options = {"--stdin": "", "--before": "", "--after": ""}
    while arguments and arguments[0] in options:
        options[arguments[0]] = arguments[1]
        arguments = arguments[2:]
    if len(arguments) < 2 or not arguments[0].isdigit():
        print(__doc__, file=sys.stderr)
        return 64
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for _ in range(int(arguments[0])):
        if options["--before"]:
            shell(options["--before"])
        row = one_run(arguments[1:], options["--stdin"].encode())
        if options["--after"]:
            row["after"] = shell(options["--after"])
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
