"""A server of 100,000 members is deleted: what everybody else notices of it."""

import json
import subprocess
import time
from functools import partial

import loads
import wrk
from brokers import BenchError, Hum, Side, tell
from cpu import CpuMeter, children_s
from people import befriend_in_pairs, call, dm_members, sign_in, sign_up, write_credentials

MEMBERS = 100_000
PAUSE_MS = 5  # between two requests of who watches
DONE_S = 600

_PEOPLE = """
set synchronous_commit = off;
set session_replication_role = replica;
insert into users (id, email, nickname, nickname_key)
select n, n || '@past.example.org', 'past-' || n, 'past-' || n from generate_series(1, {members}) n;
insert into rooms (id, kind) select n, 4 from generate_series(1, {members}) n;
"""

_SERVER = """
set synchronous_commit = off;
insert into server_members (server_id, user_id) select {server}, n from generate_series(1, {members}) n;
insert into messages (room_id, seq, id, sender_id, kind, nonce, dedup_key, text, sent_at)
select {server}, n, {server} + n, {owner}, 1, 'past-' || n, md5(n::text)::uuid, 'News ' || n, now()
from generate_series(1, {members}) n;
update rooms set last_seq = {members} where id = {server};
analyze;
"""


def _found(hum, owner, members):
    owner = sign_in(hum.url, owner)  # access tokens live for 15 minutes
    server = call("POST", f"{hum.url}/v1/servers", {"name": "Large"}, owner["access_token"])["id"]
    hum.sql(_SERVER.format(server=server, members=members, owner=owner["user"]["id"]))
    return server, owner["access_token"]


def _watch(hum, requests, seconds):
    """Two people who chat, and one who reads the own profile, for so long."""
    meter = CpuMeter(hum.pids())
    before = children_s()
    rest = wrk.start(hum, requests, 1, seconds, PAUSE_MS)
    mqtt = subprocess.run(
        loads.command(hum, "lone", 2, "--warmup", 0, "--seconds", seconds),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = wrk.finish(rest, "big-server")
    if mqtt.returncode != 0:
        raise BenchError(f"big-server: {mqtt.stderr.strip()}\n{hum.log_tail()}")
    chat = json.loads(mqtt.stdout)
    return {"rest_p50_us": found["p50_us"], "rest_p99_us": found["p99_us"],
            "rest_max_us": found["max_us"], "mqtt_p50_us": chat["p50_us"],
            "mqtt_p99_us": chat["p99_us"], "mqtt_max_us": chat["max_us"],
            "cpu_elsewhere": meter.elsewhere(children_s() - before)}


def _wait_until_gone(hum):
    began = time.monotonic()
    while hum.sql("select count(*) from jobs").strip() != "0":
        if time.monotonic() - began > DONE_S:
            raise BenchError(f"big-server: the server is not gone after {DONE_S} s")
        time.sleep(0.2)


def _notices(hum, members):
    return int(hum.sql(f"select sum(last_seq) from rooms where kind = 4 and id <= {members}"))


def _deleting(bench, hum, requests, owner, members):
    server, token = _found(hum, owner, members)
    before = _notices(hum, members)
    bench.quiet()
    began = time.monotonic()
    call("DELETE", f"{hum.url}/v1/servers/{server}", None, token)
    answered = time.monotonic() - began
    result = _watch(hum, requests, bench.arguments.seconds)
    _wait_until_gone(hum)
    told = _notices(hum, members) - before
    if told != members:
        raise BenchError(f"big-server: {told:,} of {members:,} members were told")
    return result | {"answer_ms": answered * 1000, "gone_s": time.monotonic() - began}


def measure(bench, row):
    with Hum(bench.checkout, bench.folder, "big-server") as hum, bench.running(hum):
        members = bench.size(MEMBERS)
        hum.sql(_PEOPLE.format(members=members))
        people = sign_up(hum.url, 3, "bench")
        rooms = befriend_in_pairs(hum.url, people[:2])
        write_credentials(bench.folder, (hum,), 2, dm_members(people[:2], rooms))
        tell("big-server", f"{members:,} people stored")
        requests = bench.folder / "big-server.requests"

        def run(side):
            # Access tokens live for 15 minutes.
            token = sign_in(hum.url, people[0])["access_token"]
            wrk.write_requests(requests, [(token, "/v1/users/me")])
            return side.measure()

        sides = (Side("quiet", partial(_watch, hum, requests, bench.arguments.seconds)),
                 Side("deleting", partial(_deleting, bench, hum, requests, people[2], members)))
        return bench.alternate(row, sides, run)
