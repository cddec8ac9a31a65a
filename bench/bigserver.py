"""A server of 100,000 members is posted to, joined and left, then deleted: how long that takes, and
what everybody else notices of it."""

import json
import subprocess
import threading
import time
from functools import partial

import loads
import wrk
from brokers import BenchError, Hum, Side, tell
from cpu import CpuMeter, children_s
from member import Member
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
    server = call("POST", f"{hum.url}/v1/servers", {"name": "Large"}, owner["access_token"])["id"]
    hum.sql(_SERVER.format(server=server, members=members, owner=owner["user"]["id"]))
    return server


class _Use:
    """While in the block, over and over: somebody joins, the owner posts and a member online gets it,
    who has joined leaves. Each call's time, and that until the post is there, is kept, in ms."""

    def __init__(self, hum, server, owner, reader, guest):
        self._room, self._owner, self._guest = server, owner["access_token"], guest["access_token"]
        self._place = f"{hum.url}/v1/servers/{server}/members/me"
        self._posts = f"{hum.url}/v1/rooms/{server}/messages"
        self._member = Member("big-server", hum.port, reader["mqtt"], [f"server/{server}/messages"])
        self._stop = threading.Event()
        self._failed = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.times = {"join": [], "post": [], "arrival": [], "leave": []}

    def _timed(self, what, *request):
        began = time.monotonic()
        call(*request)
        self.times[what].append((time.monotonic() - began) * 1000)
        return began

    def _turn(self):
        arrived = self._member.arrived
        before = len(arrived)
        self._timed("join", "PUT", self._place, None, self._guest)
        began = self._timed("post", "POST", self._posts,
                            {"nonce": f"use-{before}", "text": "The hall opens at eight."}, self._owner)
        self._member.wait(lambda: len(arrived) > before, "a post")
        self.times["arrival"].append((arrived[before][0] - began) * 1000)
        self._timed("leave", "DELETE", self._place, None, self._guest)

    def _run(self):
        try:
            while not self._stop.is_set():
                self._turn()
        except (BenchError, OSError) as error:
            self._failed = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._member.close()

    def result(self):
        if self._failed or not self.times["leave"]:
            raise self._failed or BenchError("big-server: not one turn of use was made")
        return {f"{what}_p99_ms": sorted(times)[int(len(times) * 0.99)]
                for what, times in self.times.items()} | {"turns": len(self.times["leave"])}


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


def _using(bench, hum, requests, server, people):
    call("PUT", f"{hum.url}/v1/servers/{server}/members/me", None, people[1]["access_token"])
    bench.quiet()
    with _Use(hum, server, *people) as use:
        found = _watch(hum, requests, bench.arguments.seconds)
    return use.result() | {f"used_{key}": value for key, value in found.items()}


def _large(bench, hum, requests, people, members):
    people = [sign_in(hum.url, person) for person in people]  # access tokens live for 15 minutes
    server = _found(hum, people[0], members)
    used = _using(bench, hum, requests, server, people)
    before = _notices(hum, members)
    bench.quiet()
    began = time.monotonic()
    call("DELETE", f"{hum.url}/v1/servers/{server}", None, people[0]["access_token"])
    answered = time.monotonic() - began
    result = used | _watch(hum, requests, bench.arguments.seconds)
    _wait_until_gone(hum)
    told = _notices(hum, members) - before
    if told != members:
        raise BenchError(f"big-server: {told:,} of {members:,} members were told")
    return result | {"answer_ms": answered * 1000, "gone_s": time.monotonic() - began}


def _quiet(hum, requests, seconds):
    found = _watch(hum, requests, seconds)
    return found | {f"used_{key}": value for key, value in found.items()}


def measure(bench, row):
    with Hum(bench.checkout, bench.folder, "big-server") as hum, bench.running(hum):
        members = bench.size(MEMBERS)
        hum.sql(_PEOPLE.format(members=members))
        people = sign_up(hum.url, row.people, "bench")
        rooms = befriend_in_pairs(hum.url, people[:2])
        write_credentials(bench.folder, (hum,), 2, dm_members(people[:2], rooms))
        tell("big-server", f"{members:,} people stored")
        requests = bench.folder / "big-server.requests"

        def run(side):
            # Access tokens live for 15 minutes.
            token = sign_in(hum.url, people[0])["access_token"]
            wrk.write_requests(requests, [(token, "/v1/users/me")])
            return side.measure()

        sides = (Side("quiet", partial(_quiet, hum, requests, bench.arguments.seconds)),
                 Side("large", partial(_large, bench, hum, requests, people[2:], members)))
        return bench.alternate(row, sides, run)
