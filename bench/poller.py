"""What an app does that polls: HTTPS with as few bytes as one can, asking for what was missed."""

import json
import socket
import ssl

from brokers import BenchError


class Poller:
    """POST /v1/sync with the cursors of all rooms. One round trip; TLS 1.3, resumed where it can be."""

    def __init__(self, port, ca_file, token, cursors):
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca_file))
        body = json.dumps({"rooms": cursors}, separators=(",", ":"))
        self._request = (f"POST /v1/sync HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                         "Content-Type: application/json\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        self._session = self._line = None
        self.resumed = False

    def connect(self, resume=True):
        raw = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line = self._context.wrap_socket(raw, server_hostname="127.0.0.1",
                                               session=self._session if resume else None)
        self.resumed = self._line.session_reused

    def poll(self):
        """How many messages came."""
        self._line.sendall(self._request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._piece()
        head, _, body = got.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        if lines[0].split()[1] != "200":
            raise BenchError(f"the poll was answered {lines[0]}")
        length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
        while len(body) < length:
            body += self._piece()
        # With TLS 1.3 the ticket has come with the answer.
        self._session = self._line.session
        return sum(len(room["items"]) for room in json.loads(body)["rooms"].values())

    def _piece(self):
        piece = self._line.recv(65536)
        if not piece:
            raise BenchError("the poll was cut off")
        return piece

    def close(self):
        self._line.close()
