"""A page of history at both ends of a long room: its length must not matter."""

from functools import partial

import wrk
from brokers import Hum, Side, tell
from people import befriend_in_pairs, sign_in, sign_up

MESSAGES = 1_000_000
PIECES = 10
PAGE = 50

_MESSAGES = """
set synchronous_commit = off;
insert into messages (room_id, seq, id, sender_id, kind, nonce, dedup_key, text, sent_at)
select {room}, n, {room} + n, {user}, 1, 'past-' || n, md5(n::text)::uuid,
       'I left the keys with the neighbours, the bell is the upper one ' || n, now()
from generate_series({first}, {last}) n;
update rooms set last_seq = {last} where id = {room};
"""


def _fill(hum, room, user, messages):
    step = messages // PIECES
    for piece in range(PIECES):
        hum.sql(_MESSAGES.format(room=room, user=user, first=piece * step + 1,
                                 last=(piece + 1) * step))
    hum.sql("vacuum analyze messages; analyze; checkpoint")
    tell("history", f"{step * PIECES:,} messages stored in one room")


def measure(bench, row):
    """The same page in turns: the first 50 messages, the last 50."""
    with Hum(bench.checkout, bench.folder, "history") as hum, bench.running(hum):
        people = sign_up(hum.url, row.people, "history")
        (room,) = befriend_in_pairs(hum.url, people)
        _fill(hum, room, people[0]["user"]["id"], bench.size(MESSAGES))
        token = sign_in(hum.url, people[0])["access_token"]
        sides = []
        for name, query in (("tail", "limit"), ("head", "after=0&limit")):
            requests = wrk.write_requests(
                bench.folder / f"{name}.requests", [(token, f"/v1/rooms/{room}/messages?{query}={PAGE}")])
            sides.append(Side(name, partial(wrk.run, hum, requests, 1, bench.arguments.seconds, row.name)))
        return bench.alternate(row, sides, lambda side: bench.again_if_busy(side.measure))
