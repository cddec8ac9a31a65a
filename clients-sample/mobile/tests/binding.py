"""The library by ctypes, as another language embeds it: the types of hum.h, no line of C in between."""

import contextlib
import ctypes
import time

LINE, SIGNED_IN, SIGNED_OUT, ROOMS, MESSAGE, OUTBOX, TYPING, READ, PRESENCE, PROGRESS, ANSWER = range(11)
OFF, AWAY, CONNECTING, CATCHING_UP, UP = range(5)
_POINTER, _TEXT, _LONG = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64


class InVain(Exception):
    """Something was waited for, and did not come."""


class Config(ctypes.Structure):
    _fields_ = [("store", _TEXT), ("url", _TEXT), ("ca_file", _TEXT), ("device_name", _TEXT), ("on_event", _POINTER),
                ("arg", _POINTER), ("keepalive_max_s", ctypes.c_int32)]


class Event(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("line", ctypes.c_int), ("room", _LONG), ("seq", _LONG), ("user", _LONG),
                ("call", _LONG), ("status", ctypes.c_int32), ("online", ctypes.c_bool), ("done", _LONG),
                ("total", _LONG), ("nonce", _TEXT), ("code", _TEXT), ("text", _TEXT)]


class Figures(ctypes.Structure):
    _fields_ = [("connects", _LONG), ("mqtt_bytes_in", _LONG), ("mqtt_bytes_out", _LONG), ("rest_calls", _LONG),
                ("tls_resumed", _LONG), ("keepalive_s", ctypes.c_int32)]


_FUNCTIONS = {
    "hum_open": (ctypes.c_int, [ctypes.POINTER(Config), ctypes.POINTER(_POINTER)]),
    "hum_close": (None, [_POINTER]),
    "hum_pause": (None, [_POINTER]),
    "hum_resume": (None, [_POINTER]),
    "hum_line_now": (ctypes.c_int, [_POINTER]),
    "hum_wait": (ctypes.c_bool, [_POINTER, ctypes.c_int32, ctypes.POINTER(Event)]),
    "hum_sign_in": (_LONG, [_POINTER, _TEXT, _TEXT]),
    "hum_call": (_LONG, [_POINTER, _TEXT, _TEXT, _TEXT]),
    "hum_send": (ctypes.c_int, [_POINTER, _LONG, _TEXT, _LONG, _TEXT]),
    "hum_figures_now": (None, [_POINTER, ctypes.POINTER(Figures)]),
}


def load(path):
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _bytes(text):
    return None if text is None else str(text).encode()


class Phone:
    """A client with its store. keepalive_s: the longest it may choose."""

    def __init__(self, library, store, url, ca_file=None, keepalive_s=0, patience_s=60):
        self._library, self._patience_s = library, patience_s
        self._hum = _POINTER()
        config = Config(store=_bytes(store), url=_bytes(url), ca_file=_bytes(ca_file), device_name=b"phone",
                        keepalive_max_s=keepalive_s)
        result = library.hum_open(ctypes.byref(config), ctypes.byref(self._hum))
        if result != 0:
            raise InVain(f"hum_open says {result}")

    def close(self):
        if self._hum:
            self._library.hum_close(self._hum)
            self._hum = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def until(self, what, wanted):
        """Waits for an event that `wanted` takes."""
        event, deadline = Event(), time.monotonic() + self._patience_s
        while time.monotonic() < deadline:
            if self._library.hum_wait(self._hum, 1000, ctypes.byref(event)) and wanted(event):
                return event
        raise InVain(f"the phone waited for {what}")

    def sign_in(self, email, password):
        call = self._library.hum_sign_in(self._hum, email.encode(), password.encode())

        def decided(event):
            if event.kind == ANSWER and event.call == call:
                raise InVain(f"signing in was answered {event.status}: {event.text}")
            return event.kind == SIGNED_IN

        self.until("being signed in", decided)

    def line(self):
        return self._library.hum_line_now(self._hum)

    def until_line(self, line):
        with contextlib.suppress(InVain):
            if self.line() != line:
                self.until("its line", lambda event: event.kind == LINE and event.line == line)
            return
        raise InVain(f"the phone waited for its line to be {line}, it is {self.line()}")

    def pause(self):
        self._library.hum_pause(self._hum)
        self.until("its pause", lambda event: event.kind == LINE and event.line == OFF)

    def resume(self):
        self._library.hum_resume(self._hum)
        self.until("its line", lambda event: event.kind == LINE and event.line == UP)

    def receive(self, room, seq):
        self.until("a message", lambda event: event.kind == MESSAGE and (event.room, event.seq) == (room, seq))

    def send(self, room, text):
        if self._library.hum_send(self._hum, room, text.encode(), 0, None) != 0:
            raise InVain("hum_send failed")
        self.until("its own message", lambda event: event.kind == MESSAGE and event.room == room)

    def call(self, method, path, body=None):
        """What it was answered: the status."""
        number = self._library.hum_call(self._hum, method.encode(), path.encode(), _bytes(body))
        return self.until("an answer", lambda event: event.kind == ANSWER and event.call == number).status

    def figures(self):
        figures = Figures()
        self._library.hum_figures_now(self._hum, ctypes.byref(figures))
        return figures
