"""The room log, as the daemons use it: hum_append."""

import hashlib
import uuid
from collections import namedtuple

TEXT = 1
APPENDED, KNOWN, BUSY, NO_ROOM, NO_REF = range(5)

Row = namedtuple("Row", "ord status seq id sent_at_ms")

CALL = """select ord, status, seq, id, sent_at_ms
          from hum_append(%s::smallint, %s::bigint[], %s::bigint[], %s::text[], %s::uuid[],
                          %s::text[], %s::bigint[], %s::jsonb[], %s, %s)
          order by ord"""


def dedup_key(sender, nonce):
    """The first half of SHA-256 over the sender (8 bytes, network order) and the nonce."""
    digest = hashlib.sha256(sender.to_bytes(8, "big") + nonce.encode()).digest()
    return str(uuid.UUID(bytes=digest[:16]))


def message(room, nonce, sender=7, text="hi", ref=None):
    return {"room": room, "sender": sender, "nonce": nonce, "text": text, "ref": ref}


def append(cursor, messages, lookup=True, wait=True, kind=TEXT):
    """Calls hum_append; one Row a message, in their order."""

    def column(name):
        return [m[name] for m in messages]

    keys = [m["nonce"] and dedup_key(m["sender"], m["nonce"]) for m in messages]
    cursor.execute(
        CALL,
        (kind, column("room"), column("sender"), column("nonce"), keys, column("text"),
         column("ref"), [None] * len(messages), lookup, wait),
    )
    rows = [Row(*row) for row in cursor.fetchall()]
    assert [row.ord for row in rows] == list(range(1, len(messages) + 1))
    return rows


def make_room(database, kind=1):
    return database.value("insert into rooms (id, kind) values (hum_id(), %s) returning id", kind)


def append_texts(cursor, messages):
    """Calls hum_append_texts as the writer does; one Row a message, or None where it sends one to hum_append."""
    rooms = sorted({m["room"] for m in messages})
    counts, reach = [0] * len(rooms), [0] * len(rooms)
    slots, ranks = [], []
    for m in messages:
        slot = rooms.index(m["room"])
        counts[slot] += 1
        reach[slot] = max(reach[slot], m["ref"] or 0)
        slots.append(slot + 1)
        ranks.append(counts[slot])
    cursor.execute(
        "select base, first_id, sent_at_ms from hum_append_texts(%s::bigint[], %s::bigint[],"
        " %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::uuid[],"
        " %s::text[], %s::bigint[])",
        (rooms, counts, reach, slots, ranks, [m["sender"] for m in messages],
         [m["nonce"] for m in messages], [dedup_key(m["sender"], m["nonce"]) for m in messages],
         [m["text"] for m in messages], [m["ref"] for m in messages]))
    found = cursor.fetchall()
    if not found:
        return None
    assert len(found) == len(rooms)
    return [Row(i + 1, APPENDED, found[s - 1][0] + r, found[s - 1][1] + i, found[s - 1][2])
            for i, (s, r) in enumerate(zip(slots, ranks))]
