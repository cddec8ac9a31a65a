"""The export of all of one's data: whole, one's own only, and nobody waits for it."""

import base64
import json
import socket
import threading

import pytest

from lib.erasure import erase
from lib.mqtt import eventually
from lib.race import race
from lib.rest import ok, problem, unique
from lib.servers import enter, invite, join, make_channel, make_code, make_server

SECTIONS = ["exported_at", "profile", "sessions", "identities", "friends", "friend_requests", "blocks", "dms", "servers", "bans",
            "invites", "invite_codes", "channels", "channel_visits", "read_marks", "unstored_messages", "notifications",
            "messages"]
MANY = 12_000
READERS = 2  # connections that all exports together take
SPAN = 5000  # entries that the server looks through at a time


def export(person):
    return ok(person.get("/v1/users/me/export"))


def texts(data):
    return [m["text"] for m in data["messages"]]


def open_export(hum, person):
    """A client that asks and reads nothing. Its receive buffer is small, so that the server cannot send ahead."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30)
    sock.connect((hum.host, hum.http_port))
    head = f"GET /v1/users/me/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\n\r\n"
    sock.sendall(head.encode())
    assert sock.recv(15) == b"HTTP/1.1 200 OK"
    return sock


def read_all(sock):
    """What still comes until the server closes, or the last chunk."""
    got = b""
    while not got.endswith(b"\r\n0\r\n\r\n"):
        piece = sock.recv(65536)
        if not piece:
            break
        got += piece
    return got


def write_many(hum, person, room, count=MANY, text="x" * 200):
    """Messages of a person, past the API."""
    hum.database.rows(
        "insert into messages (room_id, seq, id, sender_id, kind, nonce, text, sent_at)"
        " select r.id, r.last_seq + i, r.last_seq + i, %s, 1, 'n' || i, %s || i, now()"
        " from rooms r, generate_series(1, %s) i where r.id = %s", person.id, text, count, room)
    hum.database.rows("update rooms set last_seq = last_seq + %s where id = %s", count, room)


def test_somebody_who_has_done_nothing(stranger):
    data = export(stranger)
    assert list(data) == SECTIONS
    assert data["profile"] == ok(stranger.get("/v1/users/me"))
    assert [s["id"] for s in data["sessions"]] == [stranger.sid]
    assert all(data[name] == [] for name in SECTIONS if name not in ("exported_at", "profile", "sessions"))


def test_everything(hum):
    device = {"name": "a phone \"quoted\" \u00fc", "kind": "phone"}
    alice, (bob, carol) = hum.sign_up(device=device), (hum.sign_up() for _ in range(2))
    hum.befriend(alice, bob)
    ok(alice.post("/v1/friends/requests", {"user_id": carol.id}), 201)
    dm = hum.open_dm(alice, bob)
    own = make_server(alice, about="mine")
    other = make_server(bob)["id"]
    third = make_server(carol, "private")["id"]
    join(alice, other)
    left, channel = make_channel(bob, other, "left"), make_channel(bob, other)
    enter(alice, left)
    earlier = alice.say(left, unique("mine "))
    enter(alice, channel)
    bobs = invite(bob, other, carol)
    sent = invite(alice, own["id"], bob)
    got = invite(carol, third, alice)
    code = make_code(alice, other, max_uses=5)
    banned = make_server(carol)["id"]
    ok(carol.delete(f"/v1/servers/{banned}/members/{alice.id}", params={"ban": "true"}), 204)
    said = [alice.say(room, unique("mine ")) for room in (dm, own["id"], channel)] + [earlier]
    foreign = [bob.say(room, unique("not hers ")) for room in (dm, other)]
    ok(alice.put(f"/v1/rooms/{dm}/read", {"seq": 2}), 204)
    hum.database.rows("select hum_set_aside(%s, %s, 'n', %s, 'bad text')", dm, alice.id, b"no \xff text" * 20)
    foe, enemy = hum.sign_up(), hum.sign_up()
    ok(alice.put(f"/v1/blocks/{foe.id}"), 204)
    ok(enemy.put(f"/v1/blocks/{alice.id}"), 204)

    data = export(alice)
    assert list(data) == SECTIONS
    assert data["profile"] == ok(alice.get("/v1/users/me")) and data["profile"]["email"] == alice.email
    session, = data["sessions"]
    assert session["id"] == alice.sid and session["revoked_at"] is None
    assert (session["device_name"], session["device_kind"]) == (device["name"], device["kind"])
    friend, = data["friends"]
    assert (friend["user_id"], friend["nickname"]) == (bob.id, bob.nickname)
    request, = data["friend_requests"]
    assert (request["from"], request["to"]) == (alice.id, carol.id)
    block, = data["blocks"]
    assert (block["user_id"], block["nickname"]) == (foe.id, foe.nickname)
    room, = data["dms"]
    assert (room["id"], room["user_id"], room["nickname"]) == (dm, bob.id, bob.nickname)
    assert [(s["id"], s["owner"], s["public"]) for s in data["servers"]] == [
        (own["id"], True, True), (other, False, True)]
    assert data["servers"][0]["name"] == own["name"] and data["servers"][0]["about"] == "mine"
    assert [b["server_id"] for b in data["bans"]] == [banned]
    assert [(i["id"], i["from"], i["to"]) for i in data["invites"]] == [
        (sent, alice.id, bob.id), (got, carol.id, alice.id)]
    made, = data["invite_codes"]
    assert (made["server_id"], made["max_uses"], made["uses"]) == (other, 5, 0)
    assert {v["channel_id"] for v in data["channel_visits"]} == {left, channel}
    lost, = data["unstored_messages"]
    assert (lost["room"], base64.b64decode(lost["body_base64"])) == (dm, b"no \xff text" * 20)
    place, = data["channels"]
    assert (place["id"], place["server_id"], place["name"]) == (channel, other, "general")
    assert data["read_marks"] == [{"room": dm, "seq": 2}]
    assert data["notifications"] == alice.inbox() and data["notifications"]
    assert data["messages"] == sorted(said, key=lambda m: int(m["room"]))
    text = json.dumps(data)
    for secret in (code, bobs, foreign[0]["text"], foreign[1]["text"], alice.password, bob.email, enemy.id):
        assert secret not in text


def test_sessions_that_have_ended_are_in_it(hum, stranger):
    gone = stranger.sign_in()
    ok(gone.call("POST", "/v1/auth/logout"), 204)
    sessions = {s["id"]: s["revoked_at"] for s in export(stranger)["sessions"]}
    assert sessions[stranger.sid] is None and sessions[gone.sid] is not None


def test_a_long_history_is_whole(hum):
    """Longer than what is looked through at once, by far; with gaps of what others wrote."""
    alice, bob, dm = hum.pair()
    first = alice.say(dm, "first")
    write_many(hum, bob, dm, 2 * SPAN + 7)
    write_many(hum, alice, dm, 3 * SPAN)
    write_many(hum, bob, dm, SPAN)
    last = alice.say(dm, "last")
    messages = export(alice)["messages"]
    assert len(messages) == 3 * SPAN + 2
    assert messages[0] == first and messages[-1] == last
    seqs = [m["seq"] for m in messages]
    assert seqs == sorted(set(seqs)) and {m["from"] for m in messages} == {alice.id}
    assert len(export(bob)["messages"]) == 3 * SPAN + 7


def test_many_of_everything(hum, stranger):
    """More rows than a piece has."""
    database, count = hum.database, 230
    database.rows(
        "with made as (insert into users (id, email, nickname, nickname_key) select hum_id(), n, n, n"
        " from (select %s || i as n from generate_series(1, %s) i) x returning id)"
        " insert into friendships (user_id, friend_id) select %s, id from made", unique("many"), count, stranger.id)
    database.rows(
        "insert into invite_codes (hash, server_id, creator_id, expires_at)"
        " select sha256((i || 'x')::bytea), %s, %s, now() + interval '1 day' from generate_series(1, %s) i",
        make_server(stranger)["id"], stranger.id, count)
    data = export(stranger)
    assert len({f["user_id"] for f in data["friends"]}) == len(data["friends"]) == count
    assert len(data["invite_codes"]) == count


def test_one_at_a_time_a_person(hum):
    alice, bob, dm = hum.pair()
    write_many(hum, alice, dm)
    with open_export(hum, alice) as slow:
        answer = alice.get("/v1/users/me/export")
        problem(answer, 429, "rate_limited")
        assert int(answer.headers["Retry-After"]) > 0
        assert len(texts(export(bob))) == 0, "another's is their own affair"
        assert read_all(slow).endswith(b"0\r\n\r\n")
    assert len(texts(export(alice))) == MANY, "and when it is done, again"


def test_one_after_another(alice):
    for _ in range(20):
        export(alice)
        assert alice.call("HEAD", "/v1/users/me/export").status_code == 200


def test_a_client_that_goes_away_frees_its_place(hum):
    alice, _, dm = hum.pair()
    write_many(hum, alice, dm)
    open_export(hum, alice).close()
    eventually(lambda: alice.get("/v1/users/me/export").status_code == 200)


def test_others_are_served_while_clients_read_nothing(hum):
    """More slow exports than the pool has connections: none of them is held."""
    slow = []
    for _ in range(12):
        alice, bob, dm = hum.pair()
        write_many(hum, alice, dm, 3000)
        slow.append(open_export(hum, alice))
    try:
        eventually(lambda: hum.database.value(
            "select count(*) from pg_stat_activity where application_name = 'hum-api' and state <> 'idle'") == 0)
        answers = race(*(lambda: bob.get(f"/v1/rooms/{dm}/messages").status_code for _ in range(16)))
        assert set(answers) == {200}
        for sock in slow:
            assert read_all(sock).endswith(b"}\n\r\n0\r\n\r\n")
    finally:
        for sock in slow:
            sock.close()


def test_many_at_once_take_few_connections(hum):
    """However fast their clients read."""
    people = []
    for _ in range(8):
        alice, bob, dm = hum.pair()
        write_many(hum, alice, dm)
        people.append(alice)
    reading, seen, done = [], [], threading.Event()

    def watch():
        with hum.database.session() as cursor:
            while not done.is_set():
                cursor.execute("select count(*) filter (where state = 'active'), count(*) from pg_stat_activity"
                               " where application_name = 'hum-api' and query like '%sender_id = $1%'")
                for found, number in zip((reading, seen), cursor.fetchone()):
                    found.append(number)
                ok(bob.get(f"/v1/rooms/{dm}/messages"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        exports = race(*(lambda p=p: export(p) for p in people))
    finally:
        done.set()
        watcher.join()
    assert [len(texts(data)) for data in exports] == [MANY] * len(people)
    assert max(seen) > 0, "those that have just been at work count here"
    assert max(reading) <= READERS


def test_connections_that_are_lost_in_between(hum):
    """The next piece takes another."""
    alice, _, dm = hum.pair()
    write_many(hum, alice, dm, 30_000)
    with open_export(hum, alice) as slow:
        hum.database.rows("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hum-api'")
        got = read_all(slow)
    assert got.endswith(b"}\n\r\n0\r\n\r\n")


def test_a_stop_does_not_wait_for_a_client_that_reads_nothing(new_instance):
    hum = new_instance()
    hum.up()
    alice, _, dm = hum.pair()
    write_many(hum, alice, dm, 30_000)
    with open_export(hum, alice):
        hum.down()
    assert hum.pids() == {}
    assert "cutting them off" in hum.log("api")


def memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def logged_bytes(hum, person):
    """Of each export of a person, what the access log says was sent."""
    lines = [json.loads(line) for line in hum.log("api").splitlines() if line.startswith("{")]
    return [line["bytes"] for line in lines
            if line.get("route") == "/v1/users/me/export" and line.get("user") == person.id]


@pytest.mark.release_only
def test_memory_is_bounded(hum):
    """40 MB of JSON, of which the server never holds more than a piece."""
    alice, _, dm = hum.pair()
    write_many(hum, alice, dm, 40_000, "y" * 1000)
    export(alice)
    before = memory(hum.pid("api"))
    peak = before
    got = 0
    answer = alice.call("GET", "/v1/users/me/export", stream=True)
    for chunk in answer.iter_content(1 << 20):
        got += len(chunk)
        peak = max(peak, memory(hum.pid("api")))
    assert got > 40_000_000
    assert peak - before < 8_000, f"{peak - before} KiB more"


def test_a_session_that_ends_ends_its_export(hum):
    """And what was sent is not to be taken for a whole."""
    alice, _, dm = hum.pair()
    write_many(hum, alice, dm, 30_000)
    other = alice.sign_in()
    with open_export(hum, other) as slow:
        ok(other.call("POST", "/v1/auth/logout"), 204)
        got = read_all(slow)
    assert not got.endswith(b"0\r\n\r\n")
    whole = export(alice)
    assert len(texts(whole)) == 30_000
    eventually(lambda: len(logged_bytes(hum, alice)) == 2)
    broken, complete = logged_bytes(hum, alice)
    assert 0 < broken < complete


def test_an_erasure_ends_it(hum):
    alice, _, dm = hum.pair()
    write_many(hum, alice, dm, 30_000)
    with open_export(hum, alice) as slow:
        got = b""
        while b"unstored_messages" not in got:  # it is well under way, and far from its end
            got += slow.recv(4096)
        erase(alice)
        got = read_all(slow)
    assert not got.endswith(b"0\r\n\r\n")


def test_what_is_unavailable_at_the_start_is_an_error(hum, stranger):
    """Not a broken answer: nothing has been sent yet."""
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("lock table sessions in access exclusive mode")
        answer = stranger.get("/v1/users/me/export")
        problem(answer, 503, "unavailable")
        cursor.execute("rollback")
    export(stranger)
