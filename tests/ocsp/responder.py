"""The misbehaving responder: real sockets on the loopback interface, one behaviour per port."""
import base64
import contextlib
import socket
import struct
import threading
import urllib.parse

from answers import Request


class Connection:
    """A client's connection with the ways to end it that sockets do not offer by name."""

    def __init__(self, sock, replace):
        self.sock = sock
        self.replace = replace

    def sendall(self, data):
        for old, new in self.replace.items():
            data = data.replace(old, new)
        self.sock.sendall(data)

    def recv(self, size):
        return self.sock.recv(size)

    def close(self):
        self.sock.close()

    def reset(self):
        """RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Responder:
    """Serves one behaviour; counts requests; `url` is where."""

    def __init__(self, lab, spec, replace=None):
        self.lab, self.spec, self.replace = lab, spec, replace or {}
        self.requests = 0
        self.errors = []
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.url = "http://127.0.0.1:%d/" % self.port
        self.fillers = []
        if not spec.get("listen", True):
            return
        self.sock.listen(0 if not spec.get("accept", True) else 64)
        if spec.get("accept", True):
            threading.Thread(target=self.accept, daemon=True).start()
        else:
            # A full backlog: the kernel drops further connection requests.
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(("127.0.0.1", self.port))
                self.fillers.append(filler)

    def accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        sock.settimeout(30)
        try:
            request = self.read_request(sock)
            if request is None:
                return
            self.requests += 1
            self.spec["run"](self.lab, request, Connection(sock, self.replace))
        except OSError:
            pass  # the client has had enough
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                sock.close()

    @staticmethod
    def read_request(sock):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(4096)
            if not piece:
                return None
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        if method == "GET":
            text = urllib.parse.unquote(target.rsplit("/", 1)[1])
            request = Request(base64.b64decode(text, validate=True))
        else:
            size = [int(l.split(":")[1]) for l in lines if l.lower().startswith("content-length")][0]
            while len(body) < size:
                body += sock.recv(4096)
            request = Request(body)
        request.method = method
        request.headers = lines[1:]
        return request

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
        self.sock.close()
        for filler in self.fillers:
            filler.close()
