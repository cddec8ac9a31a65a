"""Parts that go away and come back while people chat."""

import os
import signal
import subprocess
import threading

import pytest

from lib.instance import Instance
from lib.mqtt import TAKEN, V5, V311, Client, Refused, eventually, friends, settle
from lib.rest import ok, unique

WAYS = [(v, t) for v in (V311, V5) for t in ("tcp", "websockets")]


def room(dm):
    return f"dm/{dm}/messages"


def expect_log(client, dm, history):
    client.barrier()
    assert client.messages(room(dm)) == history
    assert [m["seq"] for m in history] == list(range(1, len(history) + 1))


# --- on the instance that all tests share ---


def reloads(hum):
    return hum.log("mosquitto").count("Reloading config")


def test_sighup_leaves_living_sessions_alone(connect, hum, people):
    alice, bob, dm = people
    listeners = [connect(bob, version=v, transport=t, suffix=f"{t}{v}") for v, t in WAYS]
    a = connect(alice)
    for client in (*listeners, a):
        client.may(room(dm))
    for _ in range(5):
        before = reloads(hum)
        os.kill(hum.pid("mosquitto"), signal.SIGHUP)
        mids = [a.submit(f"dm/{dm}/send", {"nonce": unique("n"), "text": "x"}) for _ in range(20)]
        for mid in mids:
            assert a.acked(mid) in TAKEN
        eventually(lambda: reloads(hum) > before)
        posted = alice.say(dm, "by REST")
        for client in (*listeners, a):
            client.message(room(dm), posted["nonce"])
            client.barrier()
            assert not client.gone.is_set()
        for client in listeners:
            client.send(dm, "from everywhere")
    last = a.send(dm, "the end")
    for client in (*listeners, a):
        client.message(room(dm), last)
        expect_log(client, dm, alice.history(dm))
    with connect(alice, suffix="new") as client:
        client.may(room(dm))
        client.message(room(dm), client.send(dm, "and who comes later"))


def plugins_backends(hum):
    sql = "select pid from pg_stat_activity where usename = 'hum_broker'"
    return {pid for (pid,) in hum.database.rows(sql)}


def test_the_plugins_database_connections_broken_off(connect, hum, people):
    """Again and again while both ways of sending go on: all of it comes, once, in order."""
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(room(dm))
    nonces = []

    def all_back(old):
        """The connection for read marks comes back when it is needed."""
        a.publish(f"dm/{dm}/read", {"seq": 1})
        return len(plugins_backends(hum) - old) >= len(old)

    for _ in range(3):
        old = plugins_backends(hum)
        assert old
        for pid in old:
            hum.database.rows("select pg_terminate_backend(%s)", pid)
        for _ in range(10):
            nonces.append(a.send(dm, "by MQTT"))
            nonces.append(alice.say(dm, "by REST")["nonce"])
        eventually(lambda: all_back(old))
    for nonce in (a.send(dm, "last"), alice.say(dm, "and last")["nonce"]):
        nonces.append(nonce)
        for client in (a, b):
            client.message(room(dm), nonce)
    history = bob.history(dm)
    assert sorted(m["nonce"] for m in history) == sorted(nonces)
    for client in (a, b):
        client.until(room(dm), len(history))
        expect_log(client, dm, history)


def test_what_changed_while_the_plugin_heard_nothing(connect, hum, people):
    """Notices are lost with the connection that listens: rights, sessions and the ends of rooms are then read
    anew."""
    alice, bob, dm = people
    second = alice.sign_in()
    revoked, stays, b = connect(second), connect(alice), connect(bob)
    for client in (revoked, stays, b):
        client.may(room(dm), f"user/{client.user}/errors")
    # Changed behind everybody's back, so that there is no notice whatever the moment.
    with hum.database.session() as cursor:
        cursor.execute("update sessions set revoked_at = now() where id = %s", (second.sid,))
        cursor.execute("delete from friendships where user_id in (%s, %s)", (alice.id, bob.id))
        cursor.execute(
            "select from hum_append(1::smallint, array[%s::bigint], array[%s::bigint], array['unheard'],"
            " array[gen_random_uuid()], array['x'], array[null::bigint], array[null::jsonb], true, true)",
            (dm, alice.id))
    for pid in plugins_backends(hum):
        hum.database.rows("select pg_terminate_backend(%s)", pid)
    revoked.closed()
    for client in (stays, b):
        client.message(room(dm), "unheard")

    def refused():
        nonce = unique("n")
        return stays.publish(f"dm/{dm}/send", {"nonce": nonce, "text": "x"}) == 0x87 and nonce

    assert stays.error(eventually(refused))["code"] == "not_friends"
    assert not stays.gone.is_set() and not b.gone.is_set()


def test_a_room_that_somebody_holds_stops_no_other(connect, hum, people):
    alice, bob, dm = people
    carol, dave, other = hum.pair()
    a, b, c = connect(alice), connect(bob), connect(carol)
    b.may(room(dm))
    c.may(room(other))
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("select from rooms where id = %s for update", (dm,))
        held = [a.send(dm, f"held {i}") for i in range(50)]
        for i in range(20):
            c.message(room(other), c.send(other, f"free {i}"))
        b.barrier()
        assert b.heard() == []
        held += [a.send(dm, f"held {i}") for i in range(50, 100)]
        cursor.connection.rollback()
    held.append(a.send(dm, "behind"))
    assert [m["nonce"] for m in b.until(room(dm), 101)] == held
    expect_log(b, dm, bob.history(dm))


# --- on an instance of their own ---


@pytest.fixture(scope="module")
def own():
    instance = Instance()
    try:
        instance.up()
        yield instance
        assert not instance.reports(), instance.reports()
    finally:
        instance.remove()


@pytest.fixture
def own_people(own):
    """Two friends, their DM, and a way to connect that cleans up."""
    alice, bob, dm = friends(own)
    made = []

    def connect(who, **kw):
        settle(own, who)
        made.append(Client(own, who.mqtt, **kw))
        return made[-1]

    yield alice, bob, dm, connect
    for client in made:
        client.close()


def restart_postgres(instance, mode):
    """By PostgreSQL's own means, as the owner of the cluster; ./hum goes on knowing it."""
    data = instance.home / "postgres"
    owner = data.stat()
    command = ["/usr/lib/postgresql/15/bin/pg_ctl", "-D", str(data), "-m", mode, "-w",
               "-l", str(instance.home / "log" / "postgres.log"), "restart"]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--init-groups",
                   *command]
    done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, start_new_session=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pid = int((data / "postmaster.pid").read_text().split()[0])
    stat = open(f"/proc/{pid}/stat").read()
    started = stat.rsplit(")", 1)[1].split()[19]
    (instance.home / "run" / "postgres.pid").write_text(f"{pid} {started}\n")


AHEAD_MAX = 2000


@pytest.mark.parametrize("mode", ("fast", "immediate"))
def test_postgres_restarted_under_load(own, own_people, mode):
    """Everything that was acknowledged comes, once, in order, to who stayed connected throughout."""
    alice, bob, dm, connect = own_people
    listeners = [connect(bob, version=v, transport=t, suffix=f"{t}{v}") for v, t in WAYS]
    for client in listeners:
        client.may(room(dm))
    sender = connect(alice)
    sender.may(f"user/{alice.id}/errors")
    sender.may(room(dm))
    acked, stop = [], threading.Event()

    def load():
        # What is taken while PostgreSQL is away comes all at once: no more than the readers' queues hold.
        while not stop.is_set():
            batch = {}
            for _ in range(10):
                nonce = unique("n")
                batch[nonce] = sender.submit(f"dm/{dm}/send", {"nonce": nonce, "text": "x"})
            acked.extend(n for n, mid in batch.items() if sender.acked(mid) in TAKEN)
            sender.wait(lambda: stop.is_set() or len(acked) - len(sender.received) < AHEAD_MAX)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        eventually(lambda: len(acked) >= 50)
        before = len(acked)
        restart_postgres(own, mode)
        eventually(lambda: len(acked) > before + 50)
    finally:
        stop.set()
        thread.join()
    posted = eventually(lambda: posted_by_rest(alice, dm))
    for client in listeners:
        client.message(room(dm), acked[-1])
        client.message(room(dm), posted["nonce"])
    history = bob.history(dm)
    assert sender.heard(f"user/{alice.id}/errors") == []
    assert sorted(m["nonce"] for m in history) == sorted([*acked, posted["nonce"]])
    assert [m["nonce"] for m in history if m != posted] == acked
    for client in listeners:
        expect_log(client, dm, history)
    # Rights still come through: the listening connection is back as well.
    inbox = connect(bob, suffix="inbox")
    inbox.may(f"user/{bob.id}/inbox")
    ok(alice.delete(f"/v1/friends/{bob.id}"), 204)
    inbox.wait(lambda: inbox.heard())
    eventually(lambda: sender.publish(f"dm/{dm}/send", {"nonce": unique("n"), "text": "x"}) == 0x87)


def posted_by_rest(person, dm):
    """The API may need a moment to find the database again."""
    response = person.post(f"/v1/rooms/{dm}/messages", {"nonce": "posted", "text": "by REST"})
    assert response.status_code in (200, 201, 503), response.text
    return response.json() if response.ok else None


def test_after_a_restart_of_everything(own, own_people):
    """Tokens, rights and the log are as before; and who was signed out stays out."""
    alice, bob, dm, connect = own_people
    gone = alice.sign_in()
    ok(gone.post("/v1/auth/logout"), 204)
    a = connect(alice)
    a.may(room(dm))
    a.message(room(dm), a.send(dm, "before", nonce="before"))
    history = alice.history(dm)
    own.down()
    a.closed()
    own.up()
    try:
        Client(own, gone.mqtt).closed()  # let in to be looked up, at most
    except Refused:
        pass
    a, b = connect(alice, suffix="again"), connect(bob, version=V311, transport="websockets")
    assert a.subscribe(room(dm)) == b.subscribe(room(dm)) == 1
    a.send(dm, "another text", nonce="before")  # known, also after the restart
    message = b.message(room(dm), a.send(dm, "after", reply_to=1))
    a.message(room(dm), message["nonce"])
    assert alice.history(dm) == [*history, message]
    expect_only = [m["nonce"] for m in b.messages(room(dm))]
    assert expect_only == [message["nonce"]]


def test_a_broker_that_is_asked_to_stop_commits_what_it_acknowledged(own, own_people):
    alice, bob, dm, connect = own_people
    a = connect(alice)
    mids = [a.submit(f"dm/{dm}/send", {"nonce": f"n{i}", "text": "x"}) for i in range(300)]
    for mid in mids:
        assert a.acked(mid) in TAKEN
    own.down()
    own.up()
    assert [m["nonce"] for m in bob.history(dm)] == [f"n{i}" for i in range(300)]


@pytest.mark.parametrize("held", (True, False), ids=("before any commit", "among commits"))
def test_a_broker_that_is_killed_keeps_what_it_acknowledged(own, own_people, held):
    """Killed in the middle of a burst. What had no acknowledgement may be there or not."""
    alice, bob, dm, connect = own_people
    a = connect(alice)
    with own.database.session(autocommit=False) as cursor:
        if held:
            cursor.execute("select from rooms where id = %s for update", (dm,))
        sent = [unique("n") for _ in range(400)]
        mids = [a.submit(f"dm/{dm}/send", {"nonce": nonce, "text": "x"}) for nonce in sent]
        a.wait(lambda: len(a.codes) >= 200)
        os.kill(own.pid("mosquitto"), signal.SIGKILL)
        a.closed()
        cursor.connection.rollback()
    acked = [nonce for nonce, mid in zip(sent, mids) if a.codes.get(mid) in TAKEN]
    assert len(acked) >= 200
    if held:
        assert bob.history(dm) == []
    own.down()
    own.up()
    with connect(alice, suffix="again") as client:
        client.may(room(dm))
        client.message(room(dm), client.send(dm, "the end", nonce="end"))
    log = [m["nonce"] for m in bob.history(dm)]
    assert len(set(log)) == len(log)
    assert set(acked) <= set(log) <= {*sent, "end"}
    assert [n for n in log if n in acked] == acked
