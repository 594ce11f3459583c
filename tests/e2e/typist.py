#!/usr/bin/env python3
"""typist.py [--user NAME] COMMAND... : a person at a terminal.

Runs COMMAND on a terminal of its own and types. Standard input has a line for each thing to do:
  wait TEXT   until the terminal shows TEXT (after what was waited for before)
  type TEXT   TEXT and the return key
  hangup      closes the terminal
Prints everything that the terminal showed. Exit status: COMMAND's; 124 when a TEXT does not come
within 20 seconds or the command does not end within 10 seconds after the last line.
"""
import os
import pwd
import select
import signal
import sys
import time

arguments = sys.argv[1:]
user = None
if arguments[:1] == ["--user"]:
    user = pwd.getpwnam(arguments[1])
    arguments = arguments[2:]
script = [line.rstrip("\n").partition(" ")[::2] for line in sys.stdin]

pid, terminal = os.forkpty()
if pid == 0:
    if user:
        os.chown(os.ttyname(0), user.pw_uid, -1)
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    os.execvp(arguments[0], arguments)

shown = b""
position = 0


def read_until(done, seconds):
    """Reads the terminal until done(); False when it takes too long or the terminal is closed."""
    global shown
    end = time.monotonic() + seconds
    while not done():
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            return False
        try:
            data = os.read(terminal, 4096)
        except OSError:
            data = b""
        if not data:
            return False
        shown += data
    return True


def leave(status):
    sys.stdout.write(shown.decode("utf-8", "replace").replace("\r\n", "\n"))
    sys.exit(status)


for action, text in script:
    wanted = text.encode()
    if action == "wait":
        if not read_until(lambda: wanted in shown[position:], 20):
            os.kill(pid, signal.SIGKILL)
            print("typist: not shown: " + text)
            leave(124)
        position = shown.index(wanted, position) + len(wanted)
    elif action == "type":
        time.sleep(0.2)  # a program that flushes its input before it reads a secret has done so
        os.write(terminal, wanted + b"\n")
    elif action == "hangup":
        os.close(terminal)
        terminal = -1
if terminal >= 0:
    read_until(lambda: False, 10)
ended, status = os.waitpid(pid, os.WNOHANG)
for _ in range(50):
    if ended:
        break
    time.sleep(0.1)
    ended, status = os.waitpid(pid, os.WNOHANG)
if not ended:
    os.kill(pid, signal.SIGKILL)
    print("typist: the command does not end")
    leave(124)
leave(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
