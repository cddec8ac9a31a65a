"""What a Send may be. Everything else is refused by name, stored nowhere, and costs no connection."""

import json

import pytest

from lib.mqtt import REFUSED, TAKEN, V5, V311, friends
from lib.rest import unique

PAYLOAD_MAX = 16 * 1024


def send(**members):
    return json.dumps(members, ensure_ascii=False).encode()


def padded(size):
    """A valid Send of this many bytes: spaces count, too."""
    body = send(nonce="k", text="hi")
    return body[:-1] + b" " * (size - len(body)) + b"}"


# name: payload, the nonce that the Error names, the code
BAD = {
    "empty": (b"", None, "invalid_payload"),
    "not JSON": (b"hello", None, "invalid_payload"),
    "cut off": (b'{"nonce":"k","text":"hi"', None, "invalid_payload"),
    "more behind it": (b'{"nonce":"k","text":"hi"}{}', None, "invalid_payload"),
    "an array": (b'["k","hi"]', None, "invalid_payload"),
    "a string": (b'"hi"', None, "invalid_payload"),
    "a number": (b"1", None, "invalid_payload"),
    "null": (b"null", None, "invalid_payload"),
    "no members": (b"{}", None, "invalid_payload"),
    "single quotes": (b"{'nonce':'k','text':'hi'}", None, "invalid_payload"),
    "comment": (b'{"nonce":"k",/**/"text":"hi"}', None, "invalid_payload"),
    "byte order mark": (b'\xef\xbb\xbf{"nonce":"k","text":"hi"}', None, "invalid_payload"),
    "UTF-16": ('{"nonce":"k","text":"hi"}'.encode("utf-16"), None, "invalid_payload"),
    "nonce twice": (b'{"nonce":"k","nonce":"l","text":"hi"}', None, "invalid_payload"),
    "text twice": (b'{"nonce":"k","text":"hi","text":"ho"}', None, "invalid_payload"),
    "escaped twice": (b'{"nonce":"k","text":"hi","te\\u0078t":"ho"}', None, "invalid_payload"),
    "raw NUL": (b'{"nonce":"k","text":"h\0i"}', None, "invalid_payload"),
    "escaped NUL": (b'{"nonce":"k","text":"h\\u0000i"}', None, "invalid_payload"),
    "NUL behind it": (b'{"nonce":"k","text":"hi"}\0', None, "invalid_payload"),
    "raw control character": (b'{"nonce":"k","text":"h\x01i"}', None, "invalid_payload"),
    "bad UTF-8": (b'{"nonce":"k","text":"h\xffi"}', None, "invalid_payload"),
    "cut UTF-8": (b'{"nonce":"k","text":"h\xe2\x82"}', None, "invalid_payload"),
    "overlong UTF-8": (b'{"nonce":"k","text":"h\xc0\xafi"}', None, "invalid_payload"),
    "surrogate as UTF-8": (b'{"nonce":"k","text":"h\xed\xa0\x80i"}', None, "invalid_payload"),
    "beyond Unicode": (b'{"nonce":"k","text":"h\xf4\x90\x80\x80i"}', None, "invalid_payload"),
    "lone surrogate": (b'{"nonce":"k","text":"h\\ud800i"}', None, "invalid_payload"),
    "deep arrays": (b"[" * PAYLOAD_MAX, None, "invalid_payload"),
    "deep objects": (b'{"a":' * (PAYLOAD_MAX // 5), None, "invalid_payload"),
    "deep and closed": (b'{"nonce":"k","text":"hi","x":' + b"[" * 8000 + b"]" * 8000 + b"}", None,
                        "invalid_payload"),
    "huge number": (b'{"nonce":"k","text":"hi","x":1e999}', None, "invalid_payload"),
    "too large": (padded(PAYLOAD_MAX + 1), None, "too_large"),
    "much too large": (padded(60000), None, "too_large"),
    "text missing": (send(nonce="k"), "k", "invalid_payload"),
    "text null": (send(nonce="k", text=None), "k", "invalid_payload"),
    "text a number": (send(nonce="k", text=1), "k", "invalid_payload"),
    "text a list": (send(nonce="k", text=["hi"]), "k", "invalid_payload"),
    "text an object": (send(nonce="k", text={"a": "b"}), "k", "invalid_payload"),
    "text empty": (send(nonce="k", text=""), "k", "invalid_payload"),
    "text of 4001": (send(nonce="k", text="x" * 4001), "k", "invalid_payload"),
    "text of 4001 wide": (send(nonce="k", text="𝄞" * 4001), "k", "invalid_payload"),
    "nonce missing": (send(text="hi"), None, "invalid_payload"),
    "nonce null": (send(nonce=None, text="hi"), None, "invalid_payload"),
    "nonce a number": (send(nonce=7, text="hi"), None, "invalid_payload"),
    "nonce empty": (send(nonce="", text="hi"), None, "invalid_payload"),
    "nonce of 65": (send(nonce="k" * 65, text="hi"), None, "invalid_payload"),
    "nonce with a space": (send(nonce="a b", text="hi"), None, "invalid_payload"),
    "nonce with a slash": (send(nonce="a/b", text="hi"), None, "invalid_payload"),
    "nonce with a newline": (send(nonce="k\n", text="hi"), None, "invalid_payload"),
    "nonce with a quote": (send(nonce='k"', text="hi"), None, "invalid_payload"),
    "nonce beyond ASCII": (send(nonce="ä", text="hi"), None, "invalid_payload"),
    "nonce wide digits": (send(nonce="１", text="hi"), None, "invalid_payload"),
    "nonce with NUL": (b'{"nonce":"k\\u0000","text":"hi"}', None, "invalid_payload"),
    "reply_to 0": (send(nonce="k", text="hi", reply_to=0), "k", "invalid_payload"),
    "reply_to negative": (send(nonce="k", text="hi", reply_to=-1), "k", "invalid_payload"),
    "reply_to a text": (send(nonce="k", text="hi", reply_to="1"), "k", "invalid_payload"),
    "reply_to a float": (send(nonce="k", text="hi", reply_to=1.5), "k", "invalid_payload"),
    "reply_to true": (send(nonce="k", text="hi", reply_to=True), "k", "invalid_payload"),
    "reply_to a list": (send(nonce="k", text="hi", reply_to=[1]), "k", "invalid_payload"),
    "reply_to beyond 64 bits": (send(nonce="k", text="hi", reply_to=2**63), None, "invalid_payload"),
}


@pytest.fixture(scope="module")
def dm(hum):
    """A DM that must stay as it is."""
    alice, bob, dm = friends(hum)
    alice.say(dm, "the first")
    return alice, bob, dm


@pytest.fixture
def sender(connect, dm):
    """Makes a connection of alice, listening for errors."""
    alice, _, room = dm

    def make(version):
        client = connect(alice, version=version)
        assert client.subscribe(f"user/{alice.id}/errors", f"dm/{room}/messages") == [1, 1]
        return client

    return make


@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
@pytest.mark.parametrize("name", BAD)
def test_a_bad_payload_is_refused_by_name(dm, sender, name, version):
    alice, bob, room = dm
    payload, nonce, code = BAD[name]
    client = sender(version)
    errors = f"user/{alice.id}/errors"
    before = bob.history(room)
    for qos in (0, 1, 2):
        got = client.publish(f"dm/{room}/send", payload, qos=qos)
        if qos:
            assert got == (REFUSED if version == V5 else 0)
        client.wait(lambda: len(client.heard(errors)) == qos + 1)
    for error in client.messages(errors):
        assert set(error) - {"nonce"} == {"room", "code", "detail"}
        assert (error["room"], error["code"]) == (room, code)
        assert error.get("nonce") == nonce
        assert error["detail"]
    # The connection goes on, and the log has only what comes now.
    message = client.message(f"dm/{room}/messages", client.send(room, "fine"))
    assert message["seq"] == len(before) + 1
    assert bob.history(room) == [*before, message]


GOOD = {
    "text of 1": send(nonce="{}", text="x"),
    "text of 4000": send(nonce="{}", text="x" * 4000),
    "text of 4000 wide": send(nonce="{}", text="𝄞" * 4000),
    "pair of surrogates": b'{"nonce":"{}","text":"\\ud834\\udd1e"}',
    "reply_to null": send(nonce="{}", text="x", reply_to=None),
    "reply_to the first": send(nonce="{}", text="x", reply_to=1),
    "white space around": b' \n\t{ "nonce" : "{}" , "text" : "x" }\r\n ',
    "unknown members": send(nonce="{}", text="x", other=[1, {"a": None}], texts="y"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_payload_is_taken(dm, sender, name):
    _, bob, room = dm
    client = sender(V5)
    nonce = unique("n")
    payload = GOOD[name].replace(b"{}", nonce.encode(), 1)
    assert client.publish(f"dm/{room}/send", payload) in TAKEN
    message = client.message(f"dm/{room}/messages", nonce)
    assert message["text"] == json.loads(payload)["text"]
    assert bob.history(room)[-1] == message


def test_a_payload_of_exactly_the_bound_is_taken(dm, sender):
    _, _, room = dm
    client = sender(V5)
    nonce = unique("n")
    body = send(nonce=nonce, text="x")
    body = body[:-1] + b" " * (PAYLOAD_MAX - len(body)) + b"}"
    assert len(body) == PAYLOAD_MAX
    assert client.publish(f"dm/{room}/send", body) in TAKEN
    client.message(f"dm/{room}/messages", nonce)


@pytest.mark.parametrize("nonce", ("k", "K" * 64, "a-b_c.d:e", "0", "-", ".", ":", "_"))
def test_nonces_that_are_taken(connect, people, nonce):
    alice, _, room = people
    client = connect(alice)
    client.may(f"dm/{room}/messages")
    client.message(f"dm/{room}/messages", client.send(room, "x", nonce=nonce))


@pytest.mark.parametrize("reply_to", (2**31, 2**53 + 1, 2**63 - 1))
def test_a_reply_to_what_is_not_there_yet_is_refused_by_name(dm, sender, reply_to):
    """Only the log knows how long it is: the send is taken, and the Error follows."""
    _, bob, room = dm
    client = sender(V5)
    before = bob.history(room)
    nonce = unique("n")
    client.publish(f"dm/{room}/send", {"nonce": nonce, "text": "x", "reply_to": reply_to})
    error = client.error(nonce)
    assert (error["room"], error["code"]) == (room, "invalid_payload")
    # The nonce is still free: the same message without the mistake goes through.
    message = client.message(f"dm/{room}/messages", client.send(room, "x", nonce=nonce, reply_to=1))
    assert bob.history(room) == [*before, message]


def test_a_reply_to_the_next_message_is_refused_in_the_middle_of_others(dm, sender):
    _, bob, room = dm
    client = sender(V5)
    before = len(bob.history(room))
    nonces = [unique("n") for _ in range(20)]
    bad = unique("n")
    mids = [client.submit(f"dm/{room}/send", {"nonce": n, "text": "x"}) for n in nonces[:10]]
    mids.append(client.submit(f"dm/{room}/send", {"nonce": bad, "text": "x", "reply_to": 10**9}))
    mids += [client.submit(f"dm/{room}/send", {"nonce": n, "text": "x"}) for n in nonces[10:]]
    for mid in mids:
        client.acked(mid)
    assert client.error(bad)["code"] == "invalid_payload"
    client.message(f"dm/{room}/messages", nonces[-1])
    log = bob.history(room)[before:]
    assert [m["nonce"] for m in log] == nonces
    assert [m["seq"] for m in log] == list(range(before + 1, before + 21))


@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
def test_a_room_that_does_not_exist(dm, sender, version):
    client = sender(version)
    for room in ("77", "9223372036854775807"):
        nonce = unique("n")
        code = client.publish(f"dm/{room}/send", {"nonce": nonce, "text": "x"})
        assert code == (REFUSED if version == V5 else 0)
        error = client.error(nonce)
        assert (error["room"], error["code"]) == (room, "forbidden")


def test_errors_go_to_the_sender_alone(connect, dm):
    alice, bob, room = dm
    here = connect(alice)
    there = connect(alice.sign_in())
    b = connect(bob)
    for client in (here, there, b):
        client.may(f"user/{client.user}/errors")
    here.publish(f"dm/{room}/send", {"nonce": "k", "text": ""})
    for client in (here, there):
        client.error("k")
    b.barrier()
    assert b.heard() == []
