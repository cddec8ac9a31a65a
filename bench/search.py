"""People search among a million: by what is typed first, by whole names, by names with a slip."""

import random
from functools import partial

import pgbench
import wrk
from brokers import BenchError, Hum, Side, tell
from people import call, sign_in, sign_up

PEOPLE = 1_000_000
PIECES = 10
SEARCHES = 2000
CONNECTIONS = 2

# Names of three syllables out of thirty and a number, as people make them up; the same at every run.
_PEOPLE = """
set synchronous_commit = off;
set session_replication_role = replica;
with parts as (select array['an','be','car','da','el','fi','gus','ha','in','jo','ka','li','mar','na',
    'ol','pe','qui','ro','sa','ti','ul','vi','wen','xa','yo','za','chi','dre','sto','fra'] as list)
insert into users (id, email, nickname, nickname_key)
select n, n || '@past.example.org', name, name
from generate_series({first}, {last}) n, parts,
     lateral (select list[1 + abs(hashint8(n)) % 30] || list[1 + abs(hashint8(n * 7)) % 30] ||
                     list[1 + abs(hashint8(n * 49)) % 30] || n as name) made;
"""

_PLAN = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_nested_statements = on;
set auto_explain.log_analyze = on;
set auto_explain.log_timing = off;
set client_min_messages = log;
set plan_cache_mode = force_generic_plan;
prepare search(bigint, text, bigint, text, integer) as {sql};
\\o /dev/null
execute search({user}, 'mar', 0, '', 51);
execute search({user}, 'mraliza', 0, '', 51);
"""


def _fill(hum, people):
    step = people // PIECES
    for piece in range(PIECES):
        hum.sql(_PEOPLE.format(first=piece * step + 1, last=(piece + 1) * step))
    hum.sql("vacuum analyze users; checkpoint")
    tell("search", f"{step * PIECES:,} people stored")


def _probe(hum, user):
    """Both ways to search go by their index."""
    plan = hum.sql(_PLAN.format(sql=pgbench.statements(hum)["users_search"], user=user))
    if "Seq Scan" in plan or "users_nickname_key" not in plan or "users_similar" not in plan:
        raise BenchError(f"search: not by the indexes:\n{plan}")
    tell("search", "by Index Scan of users_nickname_key, then Bitmap Scan of users_similar")


def _slip(chance, name):
    """Two letters the wrong way round."""
    at = chance.randrange(1, 5)
    return name[:at] + name[at + 1] + name[at] + name[at + 2:]


def _searches(hum):
    """A third each: the first two to six letters, whole names, names with a slip."""
    chance = random.Random(1)
    names = hum.sql("select nickname from users where id < 1000000000 order by hashint8(id)"
                    f" limit {SEARCHES}").split()
    kinds = (lambda name: name[:chance.randrange(2, 7)], str, partial(_slip, chance))
    return [kinds[at % 3](name) for at, name in enumerate(names)]


def _check(hum, token, searches):
    """Whoever is asked for without a slip is found."""
    for text in searches[::3] + searches[1::3]:
        if not call("GET", hum.url + wrk.search_path(text), token=token)["items"]:
            raise BenchError(f"search: nobody was found by {text}")


def measure(bench, row):
    with Hum(bench.checkout, bench.folder, "search") as hum, bench.running(hum):
        (person,) = sign_up(hum.url, 1, "searcher")
        _fill(hum, bench.size(PEOPLE))
        _probe(hum, person["user"]["id"])
        token = sign_in(hum.url, person)["access_token"]
        searches = _searches(hum)
        _check(hum, token, searches[:30])
        requests = wrk.write_requests(bench.folder / "search.requests",
                                      [(token, wrk.search_path(text)) for text in searches])
        side = Side("hum", partial(wrk.run, hum, requests, CONNECTIONS, bench.arguments.seconds,
                                   row.name))
        return bench.alternate(row, (side,), lambda side: bench.again_if_busy(side.measure))
