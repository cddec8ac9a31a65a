"""Messages that were taken and cannot be stored: they are set aside, and the rest of their batch goes
on."""

import contextlib
import time

from lib.bed import journal
from lib.mqtt import eventually


def aside(bed, room):
    """What was set aside of a room: nonce -> (sender, body, reason)."""
    rows = bed.database.rows("select nonce, sender_id, body, reason from set_aside where room_id = %s", room)
    found = {nonce: (str(sender), bytes(body), reason) for nonce, sender, body, reason in rows}
    assert len(found) == len(rows), "set aside twice"
    return found


@contextlib.contextmanager
def picky_table(bed):
    """A table that refuses some texts: those that end with a 7."""
    with bed.database.session() as cursor:
        cursor.execute("alter table messages add constraint picky check (text not like '%7') not valid")
    try:
        yield
    finally:
        with bed.database.session() as cursor:
            cursor.execute("alter table messages drop constraint picky")


def test_rows_that_the_table_refuses(bed):
    """Their senders are told, and nobody else's message suffers."""
    _, (ab, bc) = bed.crowd(pace=500)
    bed.talk()
    bed.moment()
    with picky_table(bed):
        bed.until(lambda: all(c.refused_some() for c in bed.chatters), "senders are told")
        bed.moment()
        bed.hush()
        bed.until(lambda: not any(c.waiting for c in bed.chatters), "all is answered")
        bed.clients[-1].waiting.clear()  # by REST it is tried again and again
        bed.site.settle()
    bed.talk()
    bed.healed("with a table that takes all, all")
    bed.finish(errors=["internal"])
    kept = {**aside(bed, ab), **aside(bed, bc)}
    for client in bed.chatters:
        for message in client.sent.values():
            if message.errors:
                assert message.text.endswith("7")
                sender, body, reason = kept[message.nonce]
                assert (sender, body.decode()) == (client.person.id, message.text)
                assert "picky" in reason
    assert all(body.endswith(b"7") for _, body, _ in kept.values())
    assert bed.broker.numbers()["hum_messages_set_aside_total"] >= len(kept)


def test_records_that_are_no_text(bed):
    """Such as could only come from a damaged program: written into the journal of a broker that is
    down, among others of its batch. What follows them is whole."""
    (alice, bob, carol), (ab, bc) = bed.crowd()
    bed.talk()
    bed.moment()
    with bed.hold(ab, bc):
        bed.until(lambda: all(len(c.waiting) == c.window for c in bed.chatters if c.resend), "messages gather")
        bed.broker.kill()
        poison = {}
        for i, text in enumerate((b"\xff\xfe", b"a\0b", b"\xed\xa0\x80", b"cut off \xe2\x82")):
            nonce = f"poison-{bed.random.randrange(10**9)}-{i}"
            poison[nonce] = text
            journal.append(bed.broker.journal, journal.Record(int(ab), int(alice.id), nonce.encode(), text))
            good = f"good-{nonce}"
            bed.strange.setdefault(ab, []).append(good)
            journal.append(bed.broker.journal, journal.Record(int(ab), int(bob.id), good.encode(), b"fine"))
        bed.broker.start()
    bed.healed("with poison set aside, all")
    bed.finish()
    kept = aside(bed, ab)
    assert {nonce: body for nonce, (_, body, _) in kept.items()} == poison
    for sender, _, reason in kept.values():
        assert sender == alice.id and "invalid byte sequence" in reason
    assert set(bed.strange[ab]) <= {m["nonce"] for m in bed.history(ab)}
    assert "is refused" in bed.instance.log("mosquitto")


def test_a_nonce_that_is_no_text(bed):
    """Not even its nonce can be kept: the log tells, and nothing stands still."""
    (alice, *_), (ab, _) = bed.crowd()
    bed.talk()
    bed.moment()
    bed.broker.kill()
    journal.append(bed.broker.journal, journal.Record(int(ab), int(alice.id), b"\xff\xff", b"\xff"))
    with bed.broker.log_after() as log:
        bed.broker.start()
        bed.healed("with poison passed over, all")
        eventually(lambda: f"a message of user {alice.id} to room {ab} is refused" in log())
    bed.finish()


def test_a_room_that_is_deleted_meanwhile(bed):
    """Taken, and then its room is gone: set aside, and its senders are told. Others do not notice."""
    (alice, bob, carol), (ab, bc) = bed.crowd()
    bed.talk()
    bed.moment()
    losers = [c for c in bed.chatters if ab in c.rooms]
    with bed.hold(ab) as cursor:
        acked = {c: c.acked for c in losers}
        bed.until(lambda: all(c.acked > n + 20 for c, n in acked.items()), "messages gather")
        for table, column in (("messages", "room_id"), ("dms", "room_id"), ("read_marks", "room_id"), ("rooms", "id")):
            cursor.execute(f"delete from {table} where {column} = %s", (ab,))
        cursor.connection.commit()
    bed.until(lambda: all(any(e["code"] == "not_found" for m in list(c.sent.values()) for e in m.errors)
                          for c in losers), "senders are told")
    moment = time.monotonic()
    bed.until(lambda: all(c.seen_since(moment) for c in bed.clients if c.rooms == [bc]), "the other room goes on")
    bed.hush()
    bed.until(lambda: not any(c.waiting for c in losers), "all is answered")
    bed.site.settle()
    kept = aside(bed, ab)
    for client in losers:
        for message in client.sent.values():
            if message.room == ab and message.errors:
                assert message.nonce in kept, f"{message.nonce} is nowhere"
    del bed.members[ab]
    for client in bed.clients:
        assert not client.problems
