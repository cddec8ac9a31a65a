"""Ends TLS in front of a port of an instance, and knows of each connection whether its session was resumed."""

import socket
import threading

from lib.instance import free_ports


class Gate:
    """context: the server's TLS; may be changed at any time, for those who come then."""

    host = "127.0.0.1"

    def __init__(self, context):
        self.context = context
        (self.port,) = free_ports(1)
        self.target = None  # the port behind it
        self.resumed = []  # of each connection whose handshake came to its end
        self.refused = 0  # those whose did not
        self._pairs = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((self.host, self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            raw.settimeout(60)
            line = self.context.wrap_socket(raw, server_side=True)
            first = line.recv(65536)  # with TLS 1.3 the client's word on the certificate comes this late
        except OSError:
            first = b""
        if not first:
            with self._lock:
                self.refused += 1
            raw.close()
            return
        line.settimeout(None)
        behind = socket.create_connection((self.host, self.target))
        behind.sendall(first)
        with self._lock:
            self.resumed.append(line.session_reused)
            self._pairs.append((line, behind))
        threading.Thread(target=self._forward, args=(behind, line), daemon=True).start()
        self._forward(line, behind)

    @staticmethod
    def _forward(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends all connections."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for _, behind in pairs:
            try:
                behind.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close()
        self.cut()
