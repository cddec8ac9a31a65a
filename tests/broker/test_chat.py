"""Two people chat: what is sent comes to both, numbered and committed, and is what history shows."""

import itertools
import json
import re
import subprocess
import threading

import pytest

from lib.mqtt import TAKEN, V5, V311
from lib.rest import ok, unique

WAYS = [(v, t) for v in (V311, V5) for t in ("tcp", "websockets")]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def way_id(way):
    return f"{'5' if way[0] == V5 else '3.1.1'}-{way[1]}"


def room(dm):
    return f"dm/{dm}/messages"


def expect_log(client, dm, history):
    """The client has heard the whole log of the DM, each entry once, in order."""
    client.barrier()
    assert client.messages(room(dm)) == history
    assert [m["seq"] for m in history] == list(range(1, len(history) + 1))


@pytest.mark.parametrize("bobs", WAYS, ids=way_id)
@pytest.mark.parametrize("alices", WAYS, ids=way_id)
def test_both_get_what_either_sends(connect, people, alices, bobs):
    alice, bob, dm = people
    a = connect(alice, version=alices[0], transport=alices[1])
    b = connect(bob, version=bobs[0], transport=bobs[1])
    for client in (a, b):
        assert client.subscribe(room(dm)) == 1
    sent = []
    for qos in (0, 1, 2, 1):
        sent.append((alice.id, a.send(dm, f"from alice at {qos}", qos=qos)))
        a.message(room(dm), sent[-1][1])
        sent.append((bob.id, b.send(dm, f"from bob at {qos}", qos=qos, reply_to=1)))
        b.message(room(dm), sent[-1][1])
    history = alice.history(dm)
    assert history == bob.history(dm)
    assert [(m["from"], m["nonce"]) for m in history] == sent
    for client in (a, b):
        client.until(room(dm), len(sent))
        expect_log(client, dm, history)


def test_a_message_has_the_agreed_members(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(room(dm))
    first = a.message(room(dm), a.send(dm, "hi"))
    assert set(first) == {"room", "seq", "id", "kind", "from", "nonce", "text", "sent_at"}
    assert (first["room"], first["seq"], first["kind"]) == (dm, 1, "text")
    assert (first["from"], first["text"]) == (alice.id, "hi")
    assert first["id"].isdecimal() and TIME.fullmatch(first["sent_at"])
    answer = b.message(room(dm), b.send(dm, "hello", reply_to=1))
    assert (answer["seq"], answer["from"], answer["reply_to"]) == (2, bob.id, 1)
    assert int(answer["id"]) > int(first["id"])
    assert alice.history(dm) == [first, answer]


@pytest.mark.parametrize("qos", (0, 1, 2))
def test_delivery_at_the_quality_asked_for(connect, people, qos):
    alice, bob, dm = people
    b = connect(bob)
    assert b.subscribe(room(dm), qos=qos) == qos
    b.message(room(dm), connect(alice).send(dm, "hi", qos=2))
    (received,) = b.heard()
    assert received.qos <= qos
    assert not received.retain


TEXTS = [
    'quotes " and \\ back\\slashes / and </script>',
    "tab\t newline\n return\r bell\x07 delete\x7f",
    "line\u2028paragraph\u2029 bom\ufeff joiner\u200d rtl\u202e",
    "é ß 漢字 עברית 👩‍👩‍👧‍👦 \U0010ffff",
    "$1 %s %n {} ' -- ; drop table messages; \\x00",
    " ",
    "𝄞" * 4000,
    "\\" * 4000,
    "x" * 4000,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_text_arrives_as_it_was_sent(connect, people, text):
    alice, bob, dm = people
    b = connect(bob, version=V311)
    b.may(room(dm))
    nonce = unique("n")
    payload = json.dumps({"nonce": nonce, "text": text}, ensure_ascii=False)
    assert connect(alice).publish(f"dm/{dm}/send", payload) in TAKEN
    message = b.message(room(dm), nonce)
    assert message["text"] == text
    assert bob.history(dm) == [message]


def test_one_connection_keeps_its_order(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    b.may(room(dm))
    count = 400
    mids = [
        a.submit(f"dm/{dm}/send", {"nonce": f"n{i}", "text": f"text {i}"}, qos=i % 3)
        for i in range(count)
    ]
    for mid in mids:
        a.acked(mid)
    heard = b.until(room(dm), count)
    assert [m["nonce"] for m in heard] == [f"n{i}" for i in range(count)]
    expect_log(b, dm, bob.history(dm))


def send_all(client, dm, name, count):
    mids = [
        client.submit(f"dm/{dm}/send", {"nonce": f"{name}-{i}", "text": f"{name} {i}"}, qos=i % 3)
        for i in range(count)
    ]
    for mid in mids:
        assert client.acked(mid) in TAKEN


def post_all(person, dm, name, count):
    for i in range(count):
        person.say(dm, f"{name} {i}", nonce=f"{name}-{i}")


def run_all(*jobs):
    """Runs (function, arguments…) at once; the first failure is raised here."""
    failures = []

    def run(function, *args):
        try:
            function(*args)
        except BaseException as error:  # also an assertion's
            failures.append(error)

    threads = [threading.Thread(target=run, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_many_senders_by_mqtt_and_rest_make_one_log(connect, people):
    alice, bob, dm = people
    listeners = [
        connect(who, version=version, transport=transport, suffix="listener" + str(i))
        for i, (who, (version, transport)) in enumerate(zip((alice, bob, alice, bob), WAYS))
    ]
    for client in listeners:
        client.may(room(dm))
    senders = {
        "a-tcp": connect(alice, suffix="s1"),
        "a-ws": connect(alice, suffix="s2", transport="websockets", version=V311),
        "b-tcp": connect(bob, suffix="s1", version=V311),
        "b-ws": connect(bob, suffix="s2", transport="websockets"),
    }
    count = 60
    run_all(
        *((send_all, client, dm, name, count) for name, client in senders.items()),
        (post_all, alice, dm, "a-rest", count),
        (post_all, bob, dm, "b-rest", count),
    )
    total = count * 6
    for client in listeners:
        client.until(room(dm), total)
        expect_log(client, dm, alice.history(dm))
    nonces = [m["nonce"].rsplit("-", 1) for m in alice.history(dm)]
    for name, own in itertools.groupby(sorted(nonces, key=lambda n: n[0]), key=lambda n: n[0]):
        assert [int(i) for _, i in own] == list(range(count)), name


def test_a_rest_message_comes_over_mqtt(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob, transport="websockets", version=V311)
    for client in (a, b):
        client.may(room(dm))
    posted = alice.say(dm, "by REST")
    for client in (a, b):
        assert client.message(room(dm), posted["nonce"]) == posted


# --- one nonce, one message ---


def test_a_nonce_repeated_a_hundred_times_is_one_message(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    other_device = connect(alice.sign_in(), version=V311)
    for client in (a, b):
        client.may(room(dm))
    body = {"nonce": "the-one", "text": "once"}

    def by_mqtt(client):
        for i in range(100):
            assert client.publish(f"dm/{dm}/send", body, qos=i % 3) in (None, *TAKEN)

    def by_rest():
        for _ in range(100):
            assert alice.post(f"/v1/rooms/{dm}/messages", body).status_code in (200, 201)

    run_all((by_mqtt, a), (by_mqtt, other_device), (by_rest,))
    last = a.send(dm, "the end")
    for client in (a, b):
        client.message(room(dm), last)
        client.barrier()
        assert [m["nonce"] for m in client.messages(room(dm))] == ["the-one", last]
    assert [m["nonce"] for m in bob.history(dm)] == ["the-one", last]


def test_a_nonce_known_from_mqtt_yields_the_original_by_rest(connect, people):
    alice, bob, dm = people
    a = connect(alice)
    a.may(room(dm))
    original = a.message(room(dm), a.send(dm, "the first text", nonce="k:1"))
    body = {"nonce": "k:1", "text": "another text"}
    assert ok(alice.post(f"/v1/rooms/{dm}/messages", body), 200) == original
    assert alice.history(dm) == [original]


def test_a_nonce_known_from_rest_is_not_stored_again_by_mqtt(connect, people):
    alice, bob, dm = people
    a = connect(alice)
    a.may(room(dm))
    original = alice.say(dm, "the first text", nonce="k.1")
    a.message(room(dm), "k.1")
    a.send(dm, "another text", nonce="k.1")
    last = a.message(room(dm), a.send(dm, "the end"))
    a.barrier()
    assert a.messages(room(dm)) == [original, last] == bob.history(dm)


def test_a_nonce_is_the_senders_and_the_rooms(connect, hum, people):
    alice, bob, dm = people
    carol = hum.sign_up()
    hum.befriend(alice, carol)
    second = hum.open_dm(alice, carol)
    a, b = connect(alice), connect(bob)
    a.may(room(dm), room(second))
    for client, where, text in ((a, dm, "alice"), (b, dm, "bob"), (a, second, "elsewhere")):
        client.send(where, text, nonce="same")
        a.wait(lambda: any(m["text"] == text for m in a.messages(room(where))))
    assert [m["text"] for m in alice.history(dm)] == ["alice", "bob"]
    assert [m["text"] for m in alice.history(second)] == ["elsewhere"]


# --- subscriptions ---


def test_unsubscribe_ends_deliveries_and_subscribing_again_brings_only_what_is_new(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(room(dm))
    b.message(room(dm), a.send(dm, "one"))
    b.unsubscribe(room(dm))
    for i in range(20):
        a.message(room(dm), a.send(dm, f"missed {i}"))
    b.barrier()
    assert [m["text"] for m in b.messages(room(dm))] == ["one"]
    b.may(room(dm))
    b.message(room(dm), a.send(dm, "new"))
    b.barrier()
    assert [(m["seq"], m["text"]) for m in b.messages(room(dm))] == [(1, "one"), (22, "new")]


def test_who_comes_late_gets_only_what_is_new(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    a.may(room(dm))
    for i in range(3):
        alice.say(dm, f"earlier {i}")
    a.until(room(dm), 3)  # the broker has heard of them
    b.may(room(dm))
    b.message(room(dm), a.send(dm, "now"))
    b.barrier()
    assert [m["seq"] for m in b.messages(room(dm))] == [4]


def test_overlapping_filters_bring_a_copy_each(connect, people):
    alice, bob, dm = people
    b = connect(bob)
    filters = (room(dm), f"dm/{dm}/#", f"dm/{dm}/+")
    assert b.subscribe(*filters) == [1, 1, 1]
    nonce = connect(alice).send(dm, "hi")
    b.message(room(dm), nonce, copies=3)
    b.barrier()
    assert b.messages(room(dm)) == bob.history(dm) * 3


FILTERS = ("dm/{}/messages", "dm/{}/#", "dm/{}/+")


@pytest.mark.parametrize("left, kept", itertools.permutations(FILTERS, 2))
def test_what_is_left_of_overlapping_filters_goes_on(connect, people, left, kept):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    assert b.subscribe(kept.format(dm), left.format(dm)) == [1, 1]
    b.message(room(dm), a.send(dm, "one"), copies=2)
    b.unsubscribe(left.format(dm))
    b.message(room(dm), a.send(dm, "two"))
    b.barrier()
    assert [m["text"] for m in b.messages(room(dm))] == ["one", "one", "two"]
    b.unsubscribe(kept.format(dm))
    a.may(room(dm))
    a.message(room(dm), a.send(dm, "three"))
    b.barrier()
    assert len(b.heard()) == 3


def test_a_filter_subscribed_twice_is_one_filter(connect, people):
    alice, bob, dm = people
    a, b, other = connect(alice), connect(bob), connect(bob, suffix="other")
    for client in (b, b, other):
        assert client.subscribe(room(dm)) == 1
    b.message(room(dm), a.send(dm, "one"))
    b.unsubscribe(room(dm))
    other.message(room(dm), a.send(dm, "two"))
    b.barrier()
    assert [m["text"] for m in b.messages(room(dm))] == ["one"]


def test_requests_reach_nobody(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(f"dm/{dm}/#", f"dm/{dm}/+", f"user/{client.user}/#")
    for qos in (0, 1, 2):
        a.message(room(dm), a.send(dm, "hi", qos=qos))
    b.message(room(dm), a.send(dm, "last"))
    for client in (a, b):
        client.barrier()
        assert {r.topic for r in client.heard()} == {room(dm), f"user/{client.user}/presence"}


def test_the_inbox_is_live(connect, hum):
    alice, bob = hum.sign_up(), hum.sign_up()
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        assert client.subscribe(f"user/{client.user}/inbox") == 1
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    for client, person, kinds in (
        (a, alice, ["friend_request_accepted"]),
        (b, bob, ["friend_request_received", "dm_opened"]),
    ):
        heard = client.until(f"user/{person.id}/inbox", len(kinds))
        assert [m["kind"] for m in heard] == kinds
        assert heard == person.inbox()
    # The rights in the new room are there with the news of it.
    assert a.subscribe(room(dm)) == b.subscribe(room(dm)) == 1
    b.message(room(dm), a.send(dm, "hi"))


# --- the stock clients ---


class StockSubscriber:
    """A mosquitto_sub that has subscribed."""

    def __init__(self, hum, person, version, topic, count):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-d", "-h", hum.host, "-p", str(hum.mqtt_port), "-V", version,
             "-i", person.mqtt["client_id"] + ":stock", "-u", person.mqtt["username"],
             "-P", person.mqtt["password"], "-q", "1", "-t", topic, "-C", str(count), "-W", "30"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if line.startswith("Subscribed"):
                return
        raise AssertionError("mosquitto_sub did not subscribe")

    def messages(self):
        """All of them, once it has got as many as it waits for."""
        out, _ = self.process.communicate()
        assert self.process.returncode == 0, out
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("version", ("mqttv311", "mqttv5"))
def test_stock_clients(hum, people, version):
    alice, bob, dm = people
    subscriber = StockSubscriber(hum, bob, version, room(dm), 3)
    for i in range(3):
        subprocess.run(
            ["mosquitto_pub", "-h", hum.host, "-p", str(hum.mqtt_port), "-V", version,
             "-i", alice.mqtt["client_id"], "-u", alice.mqtt["username"],
             "-P", alice.mqtt["password"], "-q", str(i), "-t", f"dm/{dm}/send",
             "-m", json.dumps({"nonce": f"pub-{i}", "text": f"text {i}"})],
            check=True, timeout=60)
    messages = subscriber.messages()
    assert [m["nonce"] for m in messages] == ["pub-0", "pub-1", "pub-2"]
    assert messages == bob.history(dm)
