"""bad_host.py HELPER USER [CONFIG]: plays the host of the helper, and answers its first question with a Ready."""
import os
import socket
import struct
import sys

BEGIN, READY, ASK_SECRET, VERDICT = 1, 2, 5, 8
AUTHENTICATE, FIRST_PASS_NEVER = 1, 0


def text(value):
    return struct.pack(">H", len(value)) + value.encode()


def frame(message, payload):
    return b"PL" + bytes([1, message]) + struct.pack(">I", len(payload)) + payload


ours, its = socket.socketpair()
pid = os.fork()
if pid == 0:
    os.dup2(its.fileno(), 3)
    os.execve(sys.argv[1], [sys.argv[1]], {})
its.close()
stream = ours.makefile("rwb", buffering=0)
begin = struct.pack(">BBII", AUTHENTICATE, FIRST_PASS_NEVER, 0, 0)
config = sys.argv[3] if len(sys.argv) > 3 else ""
# service, user, config, tty, host, language, session, reader, certificate
texts = ("piv-test", sys.argv[2], config) + 6 * ("",)
stream.write(frame(BEGIN, begin + b"".join(map(text, texts))))
while True:
    header = stream.read(8)
    if len(header) < 8:
        break
    payload = stream.read(struct.unpack(">I", header[4:])[0])
    print("message %d: %r" % (header[3], payload))
    if header[3] == ASK_SECRET:
        stream.write(frame(READY, bytes(8)))
    if header[3] == VERDICT:
        break
ours.close()
os.waitpid(pid, 0)
