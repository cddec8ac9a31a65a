"""The mobile client's library as another language sees it: by its header alone, through ctypes."""

import ctypes as c
import json
import os
import time

from lib.instance import build_dir

WAIT_S = 60
KINDS = ("line", "signed_in", "signed_out", "rooms", "message", "outbox", "typing", "read", "presence", "progress",
         "answer")
OFF, AWAY, CONNECTING, CATCHING_UP, UP = range(5)
DONE, STORE_IN_USE, NOT_FOUND = 0, 3, 6


class Config(c.Structure):
    _fields_ = [("store", c.c_char_p), ("url", c.c_char_p), ("ca_file", c.c_char_p), ("device_name", c.c_char_p),
                ("on_event", c.c_void_p), ("arg", c.c_void_p), ("keepalive_max_s", c.c_int32)]


class Event(c.Structure):
    _fields_ = [("kind", c.c_int), ("line", c.c_int), ("room", c.c_int64), ("seq", c.c_int64), ("user", c.c_int64),
                ("call", c.c_int64), ("status", c.c_int32), ("online", c.c_bool), ("done", c.c_int64),
                ("total", c.c_int64), ("nonce", c.c_char_p), ("code", c.c_char_p), ("text", c.c_char_p)]


class Room(c.Structure):
    _fields_ = [("id", c.c_int64), ("kind", c.c_char_p), ("title", c.c_char_p), ("last_seq", c.c_int64),
                ("read_seq", c.c_int64), ("unread", c.c_int64), ("can_send", c.c_bool)]


class Message(c.Structure):
    _fields_ = [("room", c.c_int64), ("seq", c.c_int64), ("id", c.c_int64), ("kind", c.c_char_p),
                ("sender", c.c_int64), ("from_name", c.c_char_p), ("nonce", c.c_char_p), ("text", c.c_char_p),
                ("data", c.c_char_p), ("reply_to", c.c_int64), ("target", c.c_int64), ("sent_at", c.c_int64),
                ("edited_at", c.c_int64), ("deleted_at", c.c_int64), ("refused", c.c_char_p)]


class Figures(c.Structure):
    _fields_ = [("connects", c.c_int64), ("mqtt_bytes_in", c.c_int64), ("mqtt_bytes_out", c.c_int64),
                ("rest_calls", c.c_int64), ("tls_resumed", c.c_int64), ("keepalive_s", c.c_int32)]


ON_ROOM = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.POINTER(Room))
ON_MESSAGE = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.POINTER(Message))
HUM = c.c_void_p
CALLS = {
    "open": (c.c_int, c.POINTER(Config), c.POINTER(HUM)),
    "close": (None, HUM),
    "wait": (c.c_bool, HUM, c.c_int32, c.POINTER(Event)),
    "pause": (None, HUM),
    "resume": (None, HUM),
    "line_now": (c.c_int, HUM),
    "sign_up": (c.c_int64, HUM, c.c_char_p, c.c_char_p, c.c_char_p),
    "sign_in": (c.c_int64, HUM, c.c_char_p, c.c_char_p),
    "sign_out": (None, HUM),
    "me": (c.c_int64, HUM),
    "call": (c.c_int64, HUM, c.c_char_p, c.c_char_p, c.c_char_p),
    "rooms": (c.c_int, HUM, ON_ROOM, c.c_void_p),
    "messages": (c.c_int, HUM, c.c_int64, c.c_int64, c.c_int32, ON_MESSAGE, c.c_void_p),
    "older": (c.c_int, HUM, c.c_int64),
    "send": (c.c_int, HUM, c.c_int64, c.c_char_p, c.c_int64, c.c_char_p),
    "read": (c.c_int, HUM, c.c_int64, c.c_int64),
    "typing": (None, HUM, c.c_int64),
    "figures_now": (None, HUM, c.POINTER(Figures)),
}


def load():
    path = os.environ.get("HUM_LIBRARY") or build_dir() / "clients-sample" / "mobile" / "libhum.so"
    library = c.CDLL(str(path))
    for name, (result, *arguments) in CALLS.items():
        function = getattr(library, f"hum_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def plain(row):
    """A struct as a dict; texts are copied."""
    row = row.contents
    values = {name: getattr(row, name) for name, *_ in row._fields_}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


class Phone:
    """One app. Use as a context manager."""

    def __init__(self, store, url, keepalive=0):
        self.library, self.handle = load(), HUM()
        config = Config(str(store).encode(), url.encode(), None, b"phone", None, None, keepalive)
        result = self.library.hum_open(c.byref(config), c.byref(self.handle))
        assert result == DONE, result

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.handle:
            self.close()

    def __getattr__(self, name):
        return lambda *arguments: getattr(self.library, f"hum_{name}")(self.handle, *arguments)

    def close(self):
        """How long it took, in seconds."""
        handle, self.handle = self.handle, None
        start = time.monotonic()
        self.library.hum_close(handle)
        return time.monotonic() - start

    # --- events ---

    def event(self, timeout_ms):
        event = Event()
        if not self.library.hum_wait(self.handle, timeout_ms, c.byref(event)):
            return None
        return {**plain(c.pointer(event)), "kind": KINDS[event.kind]}

    def until(self, **wanted):
        """The next event that has these values."""
        end = time.monotonic() + WAIT_S
        while (left := end - time.monotonic()) > 0:
            event = self.event(int(left * 1000))
            if event and all(event[k] == v for k, v in wanted.items()):
                return event
        raise AssertionError(f"no event {wanted}")

    def till(self, predicate):
        """Goes on through the events until something is so; its value."""
        end = time.monotonic() + WAIT_S
        while not (value := predicate()):
            assert time.monotonic() < end, "it never came to be so"
            self.event(1000)
        return value

    def up(self):
        self.till(lambda: self.line_now() == UP)
        return self

    # --- what one does ---

    def signed_in(self):
        assert self.sign_in(b"alice@example.org", b"correct horse") > 0
        self.until(kind="signed_in")
        return self.up()

    def rest(self, method, path, body=None):
        """Status and body of a call."""
        call = self.call(method.encode(), path.encode(), None if body is None else json.dumps(body).encode())
        assert call > 0
        answer = self.until(kind="answer", call=call)
        return answer["status"], json.loads(answer["text"]) if answer["text"] else None

    def write(self, room, text):
        nonce = c.create_string_buffer(33)
        assert self.send(room, text.encode(), 0, nonce) == DONE
        return nonce.value.decode()

    # --- what is there ---

    def log(self, room, limit=1000):
        found = []
        result = self.messages(room, 0, limit, ON_MESSAGE(lambda _, row: found.append(plain(row)) or True), None)
        assert result == DONE, result
        return found

    def numbers(self, room):
        return [m["seq"] for m in self.log(room)]

    def known_rooms(self):
        found = []
        result = self.rooms(ON_ROOM(lambda _, row: found.append(plain(row)) or True), None)
        assert result == DONE, result
        return {room["id"]: room for room in found}

    def figures(self):
        figures = Figures()
        self.library.hum_figures_now(self.handle, c.byref(figures))
        return plain(c.pointer(figures))
