"""A database with a past: 10 million messages in 1 million DMs, and how it is searched."""

import time

from brokers import BenchError, tell

ROOMS = 1_000_000
MESSAGES_A_ROOM = 10
PEOPLE = 20_000
PIECES = 10

# Ids spread from 2024 to twice as far as now, so that the rooms of the benchmark lie in the middle
# of every index, not at its end. Node 63 keeps them apart from those that the database hands out.
_IDS = """
create function pg_temp.spread(p_n bigint, p_of bigint) returns bigint language sql immutable as $$
    select ((((extract(epoch from timestamptz '{now}') * 1000)::bigint - 1704067200000) * 2
             / p_of * p_n) << 22) | (63 << 16) | (p_n % 65536)
$$;
-- Written by the owner in bulk: the foreign keys hold by construction.
set session_replication_role = replica;
set synchronous_commit = off;
"""

_PEOPLE_AND_ROOMS = """
insert into users (id, email, nickname, nickname_key)
select pg_temp.spread(n, {people}) + 1, 'past-' || n || '@example.org', 'past-' || n, 'past-' || n
from generate_series(1, {people}) n;
insert into rooms (id, kind, last_seq)
select pg_temp.spread(n, {rooms}), 1, {messages} from generate_series(1, {rooms}) n;
insert into dms (room_id, user_lo, user_hi)
select pg_temp.spread(n, {rooms}), pg_temp.spread(least(a, b), {people}) + 1,
       pg_temp.spread(greatest(a, b), {people}) + 1
from (select n, n % {people} + 1 as a, (n % {people} + n / {people} + 1) % {people} + 1 as b
      from generate_series(1, {rooms}) n) pair;
"""

_MESSAGES = """
insert into messages (room_id, seq, id, sender_id, kind, nonce, dedup_key, text, sent_at)
select pg_temp.spread(n, {rooms}), seq, pg_temp.spread(n, {rooms}) + seq,
       pg_temp.spread(n % {people} + 1, {people}) + 1, 1, 'past-' || n || '-' || seq,
       md5(n || '-' || seq)::uuid,
       'I left the keys with the neighbours, the bell is the upper one ' || n, now()
from generate_series({first}, {last}) n, generate_series(1, {messages}) seq;
"""

_SETTLE = """
vacuum (analyze) messages;
analyze;
checkpoint;
"""

# How a repeated nonce is looked for under the room's lock, planned once for all rooms, as the
# broker's connection does.
_LOOKUP = """
set plan_cache_mode = force_generic_plan;
prepare known(bigint[], uuid[]) as
select m.ord from unnest($1, $2) with ordinality m(room, key, ord)
where exists (select from messages x where x.room_id = m.room and x.dedup_key = m.key);
select array(select id from rooms order by hashint8(id) limit 100) as rooms,
       array(select gen_random_uuid() from generate_series(1, 100)) as keys \\gset
explain (analyze, costs off, timing off, summary on) execute known(:'rooms', :'keys');
"""


def _fill_messages(hum, ids):
    step = ROOMS // PIECES
    for first in range(1, ROOMS, step):
        hum.sql(ids + _MESSAGES.format(rooms=ROOMS, people=PEOPLE, messages=MESSAGES_A_ROOM,
                                       first=first, last=first + step - 1))
        tell("big", f"{(first + step - 1) * MESSAGES_A_ROOM:,} messages stored")


def _probe(hum):
    plan = hum.sql(_LOOKUP)
    searched = [line.strip() for line in plan.splitlines() if " on messages" in line]
    if not searched or any("Seq Scan" in line for line in searched):
        raise BenchError(f"big: the look-up of nonces does not probe the index:\n{plan}")
    scans = sorted({line.partition(" using ")[0].removeprefix("->").strip() for line in searched})
    times = [line.strip() for line in plan.splitlines() if "Time" in line]
    tell("big", f"100 nonces looked up by {', '.join(scans)}; {', '.join(times)}")


def fill(hum):
    """Writes the past; says how long that took."""
    began = time.monotonic()
    ids = _IDS.format(now=hum.sql("select now()").strip())
    hum.sql(ids + _PEOPLE_AND_ROOMS.format(rooms=ROOMS, people=PEOPLE, messages=MESSAGES_A_ROOM))
    _fill_messages(hum, ids)
    hum.sql(_SETTLE)
    size = hum.sql("select pg_size_pretty(pg_database_size(current_database()))").strip()
    tell("big", f"filled in {time.monotonic() - began:.0f} s, {size}")
    _probe(hum)
