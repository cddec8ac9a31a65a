"""Messages are edited and deleted while what does it dies: every change once, or not at all."""

import threading

import pytest
import requests

from lib.bed.faults import killed, refusing
from lib.edits import applied
from lib.mqtt import Client
from lib.rest import unique


def until_answered(over, call):
    """Tries again, as a client does that has lost an answer."""
    while not over.is_set():
        try:
            got = call()
            if got.status_code < 500:
                assert got.ok, got.text
                return got
        except requests.RequestException:
            pass
        over.wait(0.05)
    return None


class Editor(threading.Thread):
    """Says something, changes it twice, deletes every third; and keeps what it was told."""

    def __init__(self, person, room):
        super().__init__(daemon=True)
        self.person, self.room = person, room
        self.over, self.enough = threading.Event(), threading.Event()
        self.edited, self.deleted, self.failure = {}, set(), None  # edited: nonce -> seq, text

    def run(self):
        try:
            while not self.enough.is_set():
                self.turn()
        except BaseException as error:
            self.failure = error

    def turn(self):
        path = f"/v1/rooms/{self.room}/messages"
        body = {"nonce": unique("t"), "text": "said"}
        got = until_answered(self.over, lambda: self.person.post(path, body, timeout=3))
        if got is None:
            return
        seq = got.json()["seq"]
        for i in range(2):
            nonce, text = unique("e"), f"changed {i}"
            change = {"text": text, "nonce": nonce}
            if until_answered(self.over, lambda c=change: self.person.patch(f"{path}/{seq}", c, timeout=3)):
                self.edited[nonce] = (seq, text)
        if len(self.edited) % 6 == 0 and until_answered(
                self.over, lambda: self.person.delete(f"{path}/{seq}", timeout=3)):
            self.deleted.add(seq)

    def check(self, history):
        """What it was told is in the log, and once."""
        entries = {m["nonce"]: m for m in history if m["kind"] == "edit" and m["from"] == self.person.id}
        assert set(self.edited) == set(entries)
        for nonce, (seq, text) in self.edited.items():
            assert entries[nonce]["target"] == seq
            assert entries[nonce].get("text") == (None if seq in self.deleted else text)
        gone = [m["target"] for m in history if m["kind"] == "delete" and m["from"] == self.person.id]
        assert sorted(gone) == sorted(self.deleted)


def kill_api(bed):
    bed.api.kill()
    bed.api.start()


def kill_postgres(bed):
    with killed(bed):
        pass


def refuse(bed):
    with refusing(bed):
        pass


@pytest.mark.parametrize("fault", [kill_api, kill_postgres, refuse], ids=lambda f: f.__name__)
def test_changes_while_it_dies(bed, rounds, fault):
    (alice, bob), (room,) = bed.people(2)
    topic = f"dm/{room}/messages"
    with Client(bed.instance, alice.mqtt) as a, Client(bed.instance, bob.mqtt) as b:
        assert (a.subscribe(topic), b.subscribe(topic)) == (1, 1)
        editors = [Editor(p, room) for p in (alice, bob)]
        for editor in editors:
            editor.start()
        try:
            for _ in range(3 * rounds):
                goals = [len(e.edited) + bed.random.randint(5, 20) for e in editors]
                bed.until(lambda g=goals: any(e.failure for e in editors) or all(
                    len(e.edited) >= n for e, n in zip(editors, g)), "they edit")
                fault(bed)
            for editor in editors:
                editor.enough.set()
                editor.join(120)
                assert not editor.is_alive() and not editor.failure, editor.failure
        finally:
            for editor in editors:
                editor.enough.set()
                editor.over.set()
                editor.join()
        history = alice.history(room)
        assert [m["seq"] for m in history] == list(range(1, len(history) + 1)) and bob.history(room) == history
        for editor in editors:
            editor.check(history)
        assert applied(history) == history, "the texts are what the entries say"
        for client in (a, b):
            heard = client.until(topic, len(history))
            assert [m["seq"] for m in heard] == list(range(1, len(history) + 1))
            assert applied(heard) == history
