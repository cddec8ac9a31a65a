"""REST beside PostgreSQL alone: the same reads through the control API, and by pgbench."""

from functools import partial

import pgbench
import wrk
from brokers import Side
from people import befriend_in_pairs, call, sign_in, sign_up

CONNECTIONS = 20  # more than the API has to the database, as a proxy keeps
PAGE = 50
MESSAGES = 120  # of each room: there is more than a page


def _talk(hum, people, rooms):
    for number in range(MESSAGES):
        for at, person in enumerate(people):
            call("POST", f"{hum.url}/v1/rooms/{rooms[at // 2]}/messages",
                 {"nonce": f"rest-{number}", "text": f"I left the keys with the neighbours {number}"},
                 person["access_token"])


def _profile(bench, people):
    """What wrk asks, and a script with its variables for pgbench; each for every person."""
    get = pgbench.statements(bench.hum)["user_get"]
    return [("/v1/users/me", pgbench.fill(get, [f"user{at}"]), {f"user{at}": person["user"]["id"]})
            for at, person in enumerate(people)]


def _page(bench, people):
    rooms = befriend_in_pairs(bench.hum.url, people)
    _talk(bench.hum, people, rooms)
    known = pgbench.statements(bench.hum)
    found = []
    for at, person in enumerate(people):
        room = rooms[at // 2]
        script = pgbench.fill(known["rooms_access"], [f"user{at}", f"rooms{at}"]) + \
            pgbench.fill(known["messages_before"], [f"room{at}", "before", "limit"])
        found.append((f"/v1/rooms/{room}/messages?limit={PAGE}", script,
                      {f"user{at}": person["user"]["id"], f"rooms{at}": f"{{{room}}}",
                       f"room{at}": room, "before": 2**63 - 1, "limit": PAGE + 1}))
    return found


_READS = {"rest-profile": _profile, "rest-page": _page}


def measure(bench, row):
    """Everybody asks for what is theirs, over as many connections on either side."""
    bench.hum.sql("analyze")
    people = sign_up(bench.hum.url, row.people, row.name)
    reads = _READS[row.name](bench, people)
    # Access tokens live for 15 minutes.
    people = [sign_in(bench.hum.url, person) for person in people]
    requests = wrk.write_requests(bench.folder / f"{row.name}.requests", [
        (person["access_token"], read[0]) for person, read in zip(people, reads)])
    scripts, variables = [], {}
    for at, (_, script, values) in enumerate(reads):
        scripts.append(bench.folder / f"{row.name}-{at}.sql")
        scripts[-1].write_text(script)
        variables |= values
    seconds = bench.arguments.seconds
    sides = (
        Side("hum", partial(wrk.run, bench.hum, requests, CONNECTIONS, seconds, row.name)),
        Side("pgbench", partial(pgbench.run, bench.hum, scripts, variables, CONNECTIONS, seconds)),
    )
    return bench.alternate(row, sides, lambda side: bench.again_if_busy(side.measure))
