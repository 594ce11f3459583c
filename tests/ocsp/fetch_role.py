"""The client's side of the fetch role's protocol (docs/ocsp.md), for tests: starts a real one."""
import contextlib
import os
import socket
import struct
import subprocess


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def request(number, url, body=b"", post=False, timeout_ms=3000, proxy=""):
    return frame(struct.pack(">IIIB", number, timeout_ms, 65536, post) +
                 struct.pack(">H", len(url)) + url.encode() +
                 struct.pack(">H", len(proxy)) + proxy.encode() +
                 struct.pack(">I", len(body)) + body)


class FetchRole:
    """`piv-ocsp --fetch-role` with its socket on descriptor 3, as the login helper starts it."""

    def __init__(self, program, wrapper=()):
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(20)
        number = theirs.fileno()

        def as_three():
            os.dup2(number, 3)
            os.set_inheritable(3, True)
        self.process = subprocess.Popen(list(wrapper) + [program, "--fetch-role"], preexec_fn=as_three, env={},
                                        close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        theirs.close()

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        """The next reply as a dictionary; None at the end."""
        head = self.exactly(4)
        if head is None:
            return None
        data = self.exactly(struct.unpack(">I", head)[0])
        number, ok, status = struct.unpack(">IBI", data[:9])
        data = data[9:]
        texts = []
        for _ in range(3):
            size = struct.unpack(">H", data[:2])[0]
            texts.append(data[2:2 + size].decode())
            data = data[2 + size:]
        return dict(id=number, ok=ok, status=status, code=texts[0], detail=texts[1], type=texts[2], body=data[4:])

    def exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                return None
            data += piece
        return data

    def status_of(self, field):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return [line.split(":")[1].split() for line in f if line.startswith(field + ":")][0]

    def close(self):
        self.sock.close()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.close()
