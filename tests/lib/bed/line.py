"""A bad line: a TCP proxy that delays, swallows and cuts, at random but seeded."""

import contextlib
import random
import selectors
import socket
import threading
import time

DELAY_S = 0.12


class _Pipe:
    """One direction of one connection: what came, and when it may go on."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.queue = []  # (when, bytes)

    def due(self, now):
        return bool(self.queue) and self.queue[0][0] <= now


class BadLine(threading.Thread):
    """address: what lies behind it, (host, port) or the path of a unix socket. Each connection is cut after
    a while, with a reset or without a word (bytes vanish until the client loses patience); what passes may
    wait a moment. cuts: the ways to end that it chooses from."""

    def __init__(self, address, seed, life_s=1.0, cuts=("reset", "silence", "closed")):
        super().__init__(name="line", daemon=True)
        self.address, self.life_s = address, life_s
        self.random = random.Random(f"{seed}/line")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.own_address = self.listener.getsockname()
        self.good = threading.Event()  # from now on it is a good line
        self.over = threading.Event()
        self.cuts = dict.fromkeys(cuts, 0)
        self.delayed = 0
        self.links = []  # [pipes, when it ends, how]

    def finish(self):
        self.over.set()
        self.join(10)

    def run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ, None)
            while not self.over.is_set():
                now = time.monotonic()
                waits = [p.queue[0][0] - now for link in self.links for p in link["pipes"] if p.queue]
                for key, _ in selector.select(max(0.0, min([0.02, *waits]))):
                    if key.data is None:
                        self._accept(selector)
                    else:
                        self._read(selector, *key.data)
                self._work(selector)
            for link in list(self.links):
                self._drop(selector, link)
        self.listener.close()

    def _accept(self, selector):
        near, _ = self.listener.accept()
        try:
            far = self._connect()
        except OSError:
            near.close()
            return
        for sock in (near, far):
            sock.setblocking(False)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = {"pipes": [_Pipe(near, far), _Pipe(far, near)], "silent": False,
                "ends": time.monotonic() + self.random.expovariate(1 / self.life_s),
                "how": self.random.choice(list(self.cuts))}
        self.links.append(link)
        for pipe in link["pipes"]:
            selector.register(pipe.source, selectors.EVENT_READ, (link, pipe))

    def _connect(self):
        if isinstance(self.address, str):
            far = socket.socket(socket.AF_UNIX)
            far.settimeout(5)
            far.connect(self.address)
            return far
        return socket.create_connection(self.address, timeout=5)

    def _read(self, selector, link, pipe):
        if link not in self.links:
            return
        try:
            data = pipe.source.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(selector, link)
        elif not link["silent"]:
            self._queue(pipe, data)

    def _queue(self, pipe, data):
        """In pieces: TCP keeps no bounds of packets."""
        now = time.monotonic()
        while data:
            size = self.random.randint(1, len(data)) if not self.good.is_set() else len(data)
            when = pipe.queue[-1][0] if pipe.queue else now
            if not self.good.is_set() and self.random.random() < 0.2:
                when += self.random.uniform(0, DELAY_S)
                self.delayed += 1
            pipe.queue.append((max(when, now), data[:size]))
            data = data[size:]

    def _work(self, selector):
        now = time.monotonic()
        for link in list(self.links):
            if now >= link["ends"] and not self.good.is_set() and not link["silent"]:
                self._end(selector, link)
                continue
            for pipe in link["pipes"]:
                if not self._pass(pipe, now):
                    self._drop(selector, link)
                    break

    def _pass(self, pipe, now):
        while pipe.due(now):
            when, data = pipe.queue[0]
            try:
                sent = pipe.target.send(data)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if sent < len(data):
                pipe.queue[0] = (when, data[sent:])
                return True
            pipe.queue.pop(0)
        return True

    def _end(self, selector, link):
        self.cuts[link["how"]] += 1
        if link["how"] == "silence":
            link["silent"] = True
            for pipe in link["pipes"]:
                pipe.queue.clear()
            return
        if link["how"] == "reset":
            for pipe in link["pipes"]:  # no time to linger: a reset
                pipe.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._drop(selector, link)

    def _drop(self, selector, link):
        self.links.remove(link)
        for pipe in link["pipes"]:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(pipe.source)
            pipe.source.close()
