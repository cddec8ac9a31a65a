"""The mobile client's library beside a server that does what the real one never does. The same once more with the
library that AddressSanitizer watches, in a process of its own."""

import ctypes
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import threading

import pytest

from lib.instance import PRESET, build_dir
from lib.libhum import AWAY, CATCHING_UP, DONE, NOT_FOUND, STORE_IN_USE, Event, Phone
from lib.mqtt import eventually
from lib.pretender import ME, OTHER, REFUSED, TAKEN, Pretender

alone = pytest.mark.release_only
FUTEX = 202  # x86-64


@pytest.fixture
def server():
    with Pretender() as pretender:
        yield pretender


@pytest.fixture
def phone(server, tmp_path):
    """Opens the app; again: with the store of before."""
    opened = []

    def open_app(url=None, **kw):
        if opened and opened[-1].handle:
            opened[-1].close()
        opened.append(Phone(tmp_path / "store", url or server.url, **kw))
        return opened[-1]

    yield open_app
    for one in opened:
        one.__exit__()


def back_again(app, line):
    line.cut()
    app.till(lambda: app.line_now() <= CATCHING_UP)
    return app.up()


# --- what was missed ---

@alone
def test_a_gap_is_filled(server, phone):
    room = server.dm(5, 3)
    app = phone().signed_in()
    assert app.numbers(room) == [1, 2, 3]
    server.say(room, 7)
    server.lines[0].publish("dm/5/messages", server.message(5, 10))
    app.till(lambda: app.numbers(room) == list(range(1, 11)))
    for seq in (13, 11, 13, 12, 11):
        server.lines[0].publish("dm/5/messages", server.message(5, seq))
    app.till(lambda: app.numbers(room) == list(range(1, 14)))


@alone
def test_a_hole_that_is_never_filled_is_not_asked_for_for_ever(server, phone):
    room = server.dm(5, 3)
    app = phone().signed_in()
    server.logs[room].append(server.message(5, 20))
    server.lines[0].publish("dm/5/messages", server.message(5, 20))
    app.till(lambda: app.numbers(room) == [1, 2, 3, 20])
    server.logs[room].append(server.message(5, 21))
    app.write(room, "and on")  # what is sent after it goes on as ever
    server.lines[0].publish("dm/5/messages", server.message(5, 21))
    app.till(lambda: 21 in app.numbers(room))
    server.wait(lambda: server.lines[0].sent_to("5/send"))
    assert len(server.lines[0].sent_to("/sync")) <= 4


@alone
def test_more_than_an_answer_holds(server, phone):
    far, near = server.dm(5, 10), server.dm(6, 10)
    app = phone().signed_in()
    server.say(far, 3490)
    server.say(near, 790)
    back_again(app, server.lines[0])
    assert app.numbers(far) == list(range(2501, 3501))
    assert app.numbers(near) == list(range(1, 801))


@alone
def test_long_away_a_history_begins_anew_and_goes_on_backwards(server, phone):
    room = server.dm(5, 60)
    app = phone().signed_in()
    assert app.numbers(room) == list(range(11, 61))
    server.say(room, 2000)
    app = phone().up()
    app.till(lambda: app.numbers(room) == list(range(2011, 2061)))
    for first in (1911, 1811):
        assert app.older(room) == DONE
        app.until(kind="progress", text="older", done=1)
        assert app.numbers(room) == list(range(first, 2061))


@alone
def test_the_beginning_of_a_history(server, phone):
    room = server.dm(5, 120)
    app = phone().signed_in()
    assert app.older(room) == DONE
    app.until(kind="progress", text="older", done=1)
    assert app.numbers(room) == list(range(1, 121))
    assert app.older(room) == NOT_FOUND


@alone
def test_thousands_of_rooms(server, phone):
    rooms = [server.dm(2000 + i, 2) for i in range(1500)]
    app = phone().signed_in()
    assert set(app.known_rooms()) == {ME, *rooms}
    assert all(app.numbers(room) == [1, 2] for room in rooms[::100])
    assert len(server.lines[0].filters) == len(set(server.lines[0].filters)) == 3 + len(rooms)
    back_again(app, server.lines[0])
    assert app.figures()["rest_calls"] == len([c for c in server.calls]), "nothing but what was seen"
    assert not [c for c in server.calls if c[0] == "GET"][len(rooms) // 100 + 3:], "the lists are not asked for again"


# --- what is sent ---

def committed(server, line, payload):
    sent = json.loads(payload)
    message = server.message(5, len(server.logs[5]) + 1, sent["text"], ME, nonce=sent["nonce"])
    server.logs[5].append(message)
    line.publish("dm/5/messages", message)


def sends_to(server, taker):
    """Gives what is sent to room 5 to taker(line, payload); what else is published goes its way."""
    usual = server.on_publish
    server.on_publish = lambda line, topic, payload: (
        taker(line, payload) if topic == "dm/5/send" else usual(line, topic, payload))


@alone
def test_too_fast_is_sent_later_and_no_is_no(server, phone):
    server.dm(5)
    app, told = phone().signed_in(), []

    def slow_down(line, payload):
        if len(told) < 3:
            told.append(json.loads(payload)["nonce"])
            line.publish(f"user/{ME}/errors", {"room": "5", "nonce": told[-1], "code": "rate_limited", "detail": "no",
                                               "retry_after_ms": 50})
            return REFUSED
        committed(server, line, payload)
        return TAKEN

    sends_to(server, slow_down)
    texts = [f"m{i}" for i in range(30)]
    for text in texts:
        app.write(5, text)
    app.till(lambda: all(app.numbers(5)))
    assert sorted(m["text"] for m in app.log(5)) == sorted(texts)

    def never(line, payload):
        line.publish(f"user/{ME}/errors", {"room": "5", "nonce": json.loads(payload)["nonce"], "code": "not_friends",
                                           "detail": "no"})
        return REFUSED

    sends_to(server, never)
    nonce = app.write(5, "no")
    assert app.until(kind="outbox", nonce=nonce, code="not_friends")
    assert app.log(5)[-1]["refused"] == "not_friends"


@alone
def test_an_answer_that_is_lost_with_the_line(server, phone):
    """It was taken, and nobody said so: the same nonce goes out again, or the copy comes with the sync."""
    server.dm(5)
    app = phone().signed_in()

    def take_and_cut(line, payload):
        sent = json.loads(payload)
        if not any(m["nonce"] == sent["nonce"] for m in server.logs[5]):
            server.logs[5].append(server.message(5, len(server.logs[5]) + 1, sent["text"], ME, nonce=sent["nonce"]))
        line.cut()
        return TAKEN

    sends_to(server, take_and_cut)
    texts = [f"m{i}" for i in range(5)]
    for text in texts:
        app.write(5, text)
    app.till(lambda: len(app.log(5)) == 5 and all(app.numbers(5)))
    assert [m["text"] for m in app.log(5)] == texts
    assert len(server.logs[5]) == 5


@alone
@pytest.mark.parametrize("becomes", ["known", "refused"])
def test_a_message_of_which_nobody_says_a_word(server, phone, becomes):
    """REST tells what became of it."""
    room = server.dm(5)
    app, usual, sent = phone().signed_in(), server.on_call, []

    def tell(method, path, body):
        if (method, path) != ("POST", "/v1/rooms/5/messages"):
            return usual(method, path, body)
        sent.append(json.loads(body))
        if becomes == "known":
            return 200, server.message(5, 1, sent[0]["text"], ME, nonce=sent[0]["nonce"])
        return 403, {"type": "about:blank", "title": "no", "status": 403, "code": "not_friends", "detail": "no"}

    server.on_call = tell
    sends_to(server, lambda line, payload: REFUSED if becomes == "refused" else TAKEN)
    nonce = app.write(5, "hello")
    if becomes == "known":
        app.till(lambda: app.numbers(room) == [1])
    else:
        assert app.until(kind="outbox", nonce=nonce, code="not_friends")
    assert [m["nonce"] for m in sent] == [nonce]
    assert len(server.lines) == 1 and len(server.lines[0].sent_to("dm/5/send")) == 1


@alone
def test_a_right_that_comes_late(server, phone):
    room, asked = server.dm(5, 2), []

    def refuse_twice(_line, wanted):
        if wanted != "dm/5/#":
            return 1
        asked.append(wanted)
        return 1 if len(asked) > 2 else REFUSED

    server.on_filter = refuse_twice
    app = phone().signed_in()
    app.write(room, "hello")
    server.wait(lambda: server.lines[0].sent_to("5/send"))
    assert len(asked) == 3
    assert len(server.lines[0].sent_to("/sync")) >= 2, "what was said before is asked for"


@alone
def test_a_right_that_comes_while_it_catches_up(server, phone):
    """The answer to the sync was made before the right came: what was said in between is asked for once more."""
    room, asked, first = server.dm(5, 2), [], []
    usual = server.on_sync

    def refuse_once(_line, wanted):
        if wanted != "dm/5/#":
            return 1
        asked.append(wanted)
        if len(asked) == 1:
            return REFUSED
        server.say(room, 1)  # and nobody hears it
        return 1

    server.on_filter = refuse_once
    server.on_sync = lambda line, request: usual(line, request) if first else first.append((line, request))
    app = phone()
    app.sign_in(b"alice@example.org", b"correct horse")
    server.wait(lambda: first and len(asked) == 2)
    server.piece(*first[0], {"items": server.logs[room][:2], "done": True})
    app.till(lambda: app.numbers(room) == [1, 2, 3])


# --- the session ---

@alone
def test_a_device_that_is_signed_out_elsewhere(server, phone):
    server.dm(5, 3)
    app = phone().signed_in()
    usual = server.on_call
    server.on_connect = lambda line: REFUSED
    server.on_call = lambda method, path, body: (
        (401, {"code": "invalid_token"}) if path.endswith("/refresh") else usual(method, path, body))
    server.lines[0].cut()
    assert app.until(kind="signed_out")["code"] == "invalid_token"
    assert app.me() == 0
    server.on_call, server.on_connect = usual, lambda line: 0
    assert app.signed_in().numbers(5) == [1, 2, 3]


@alone
def test_a_token_that_is_not_good_any_more(server, phone):
    app = phone().signed_in()
    server.on_connect = lambda line: 0 if b"p.q.2" in line.connect else REFUSED
    back_again(app, server.lines[0])
    assert server.tokens == 2


@alone
def test_a_lost_answer_to_a_refresh(server, phone):
    server.access_seconds = 20
    app, asked, usual = phone().signed_in(), [], server.on_call

    def lose_one(method, path, body):
        if path.endswith("/refresh"):
            asked.append(json.loads(body)["refresh_token"])
            if len(asked) < 4:  # curl itself tries once more on a connection that it has kept
                return None
        return usual(method, path, body)

    server.on_call = lose_one
    statuses = []
    app.till(lambda: statuses.append(app.rest("GET", "/users/me")[0]) or statuses[-1] == 404)
    assert statuses[0] == 0
    assert len(asked) >= 4 and len(set(asked)) == 1
    assert app.line_now() > AWAY


@alone
def test_a_401_of_somebody_on_the_way_signs_nobody_out(server, phone):
    """A proxy, or the page of a hotel's network: only Hum's own word ends a session."""
    server.dm(5, 1)
    server.access_seconds = 1
    app, asked, usual = phone().signed_in(), [], server.on_call

    def stranger(method, path, body):
        if path.endswith("/refresh") and len(asked) < 3:
            asked.append(path)
            return 401, b"<html>pay here</html>"
        return usual(method, path, body)

    server.on_call = stranger
    statuses = []
    app.till(lambda: statuses.append(app.rest("GET", "/users/me")[0]) or statuses[-1] == 404)
    assert len(asked) == 3
    assert app.me() == ME and app.numbers(5) == [1]


@alone
def test_the_connection_gets_a_new_token_in_time(server, phone):
    server.mqtt_seconds = 4
    phone().signed_in()
    server.mqtt_seconds = 2592000
    server.wait(lambda: any(topic == f"user/{ME}/token" for topic, _ in server.lines[0].published))
    assert len(server.lines) == 1


@alone
def test_who_is_signed_in_is_known_at_once(server, phone):
    phone().signed_in()
    assert phone().me() == ME


# --- one store, one app ---

@alone
def test_a_second_time_in_one_process_opens_no_door_to_others(server, phone, tmp_path):
    phone()
    with pytest.raises(AssertionError, match=str(STORE_IN_USE)):
        Phone(tmp_path / "store", server.url)
    code = f"from lib.libhum import Phone; Phone({str(tmp_path / 'store')!r}, {server.url!r})"
    other = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True,
                           env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(__file__))})
    assert f"AssertionError: {STORE_IN_USE}" in other.stderr


def waits_for_ever(thread):
    """In a futex without a time (proc(5), syscall): Python's own waits have one."""
    words = pathlib.Path(f"/proc/self/task/{thread.native_id}/syscall").read_text().split()
    return words[0] == str(FUTEX) and words[4] == "0x0"


@alone
def test_closing_ends_a_wait(server, phone):
    app, ended = phone(), []

    def listen(library, handle):
        event = Event()
        while library.hum_wait(handle, -1, ctypes.byref(event)):
            pass
        ended.append(True)

    thread = threading.Thread(target=listen, args=(app.library, app.handle))
    thread.start()
    eventually(lambda: waits_for_ever(thread))
    assert app.close() < 2
    thread.join(60)
    assert ended


# --- silence ---

@alone
def test_a_connection_that_is_dead_is_noticed_when_the_phone_says_so(server, phone):
    app = phone().signed_in()
    app.resume()
    server.wait(lambda: sum(line.pings for line in server.lines) > 0)
    app.up()
    server.answers_pings, before = False, len(server.lines)
    app.resume()
    server.wait(lambda: len(server.lines) > before)
    server.answers_pings = True
    app.up()


@alone
def test_pausing_and_resuming_wildly(server, phone):
    app = phone().signed_in()
    for _ in range(100):
        app.pause()
        app.resume()
    app.up()


@alone
@pytest.mark.parametrize("what", ["rest", "mqtt", "sync", "name"])
def test_closing_waits_for_nobody(server, phone, what):
    deaf = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{deaf.getsockname()[1]}"
    if what == "mqtt":
        server.tcp = f"mqtt://{address}"
    elif what == "name":
        server.tcp = "mqtt://nobody.invalid:1883"
    elif what == "sync":
        server.dm(5, 3)
        server.on_sync = lambda line, request: None
    app = phone(f"http://{address}" if what == "rest" else None)
    app.sign_in(b"alice@example.org", b"correct horse")
    if what != "rest":
        app.until(kind="signed_in")
    if what == "sync":
        server.wait(lambda: server.lines and server.lines[0].sent_to("/sync"))
    assert app.close() < 2
    deaf.close()


# --- whose the store is ---

@alone
def test_a_store_of_another_server(server, phone):
    phone().signed_in()
    with Pretender() as other:
        with pytest.raises(AssertionError):
            phone(other.url)
        assert not other.calls
    assert phone().me() == ME


@alone
@pytest.mark.parametrize("wrong", [{"title": 5}, {"topic": "dm/#"}, {"id": "x"}])
def test_a_list_that_cannot_be_read_makes_nothing_forgotten(server, phone, wrong):
    room, usual = server.dm(5, 3), server.on_call
    app = phone().signed_in()
    server.rooms[1] |= wrong
    server.on_call = lambda method, path, body: (201, {}) if path == "/v1/dms" else usual(method, path, body)
    app.rest("POST", "/dms", {})  # whatever it does, the lists may be others now
    server.wait(lambda: len([c for c in server.calls if c[1].startswith("/v1/rooms?")]) >= 3)
    assert app.numbers(room) == [1, 2, 3]


@alone
def test_what_waits_for_a_room_that_goes_is_told(server, phone):
    server.dm(5)
    app, usual = phone().signed_in(), server.on_call
    sends_to(server, lambda line, payload: TAKEN)  # and no word more of it
    nonce = app.write(5, "are you there?")
    server.wait(lambda: server.lines[0].sent_to("dm/5/send"))
    del server.rooms[1]
    server.on_call = lambda method, path, body: (201, {}) if path == "/v1/dms" else usual(method, path, body)
    call = app.call(b"POST", b"/dms", b"{}")
    assert call > 0
    assert app.until(kind="outbox", nonce=nonce, code="not_found")["room"] == 5
    app.till(lambda: 5 not in app.known_rooms())


# --- nonsense ---

JUNK = [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"seq":1e99}', b'{"seq":-1}', b'{"room":"5"}', b"\xff\xfe",
        b"[" * 5000, b'{"a":' * 3000, b'{"room":"5","seq":9223372036854775807}']
VALUES = [None, True, -1, 0, 1, 2**53, 2**63 - 1, 1.5, "", "x" * 20000, "5", "-5", "9" * 40, "\u202e", [], {}, [[]],
          {"user": {"id": "7", "nickname": "x"}}, "2026-99-99T99:99:99.999Z", "../..", "%s%n", "edit", "delete", "text",
          "friend_removed"]
TOPICS = ["dm/5/messages", f"user/{ME}/inbox", f"user/{ME}/errors", f"dm/5/read/{ME}", f"dm/5/read/{OTHER}",
          f"dm/5/typing/{OTHER}", "dm/5/read/", "dm//messages", "dm/5/messages/x", "user/x/inbox",
          f"user/{ME}/presence", "server/9/channel/7/messages", "a/" * 60, "dm/99999999999999999999/messages"]
NAMES = ["data", "target", "edited_at", "deleted_at", "code", "retry_after_ms", "reply_to"]


def nonsense(server, chance):
    if chance.random() < .2:
        return chance.choice(JUNK)
    message = server.message(5, chance.randrange(1, 40))
    for _ in range(chance.randrange(4)):
        message[chance.choice([*message, *NAMES])] = chance.choice(VALUES)
    if chance.random() < .2:
        message.pop(chance.choice(list(message)))
    return message


@alone
@pytest.mark.parametrize("seed", range(3))
def test_nonsense_over_mqtt(server, phone, seed):
    server.dm(5, 3)
    app, chance = phone().signed_in(), random.Random(seed)
    line = server.lines[0]
    tag = line.sent_to("/sync")[0]["tag"]
    for _ in range(1500):
        line.publish(chance.choice(TOPICS), nonsense(server, chance), qos=chance.randrange(2))
        if chance.random() < .05:
            line.publish(f"user/{ME}/sync/{tag}", {
                "items": chance.choice([[], [server.message(5, chance.randrange(40))], [5], [None], None, "x"]),
                "done": chance.choice([True, False, None, 1]), "more": chance.choice([[], ["5"], [5], None, "5"]),
                "missing": chance.choice([[], ["5"], {}])})
    line.publish("dm/5/messages", server.message(5, 1000, "the end"))
    app.till(lambda: app.log(5)[-1]["text"] == "the end")
    assert len(server.lines) == 1


@alone
def test_nonsense_over_rest(server, phone):
    good = server.session()
    bodies = [b"", b"{", b"[]", b"{}", b"x" * 9_000_000, {**good, "mqtt": {}}, {**good, "user": None}, {"code": 5},
              {**good, "session_id": 5}, {**good, "mqtt": {**good["mqtt"], "tcp": "http://127.0.0.1:1"}}]
    app = phone()
    for body in bodies:
        server.on_call = lambda *_, body=body: (200, body)
        call = app.sign_in(b"alice@example.org", b"correct horse")
        assert app.until(kind="answer", call=call)["status"] == 0
        assert app.me() == 0


# --- once more, watched ---

if PRESET == "asan":
    def test_all_of_it_under_address_sanitizer(tmp_path):
        def runtime(name):
            return subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()

        env = {**os.environ, "HUM_PRESET": "release", "PYTHONMALLOC": "malloc",
               "HUM_LIBRARY": str(build_dir() / "clients-sample" / "mobile" / "libhum.so"),
               "LD_PRELOAD": f"{runtime('libasan.so')}:{runtime('libubsan.so')}",
               "ASAN_OPTIONS": f"detect_leaks=0:log_path={tmp_path}/asan",  # Python itself leaks at its end
               "UBSAN_OPTIONS": f"log_path={tmp_path}/ubsan"}
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900, check=False)
        reports = [path.read_text() for path in tmp_path.glob("*san.*")]
        assert done.returncode == 0 and not reports, done.stdout.decode()[-3000:] + "".join(reports)[-5000:]
