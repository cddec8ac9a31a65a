"""How long a revoked right lives on: unfriended while sending, signed out while reading.

Under a moderate load of other people, one writes into a DM every few milliseconds. Time counts from
when the REST call is sent, so its own duration is in it, and ends with the last message that still
came through.
"""

import subprocess
import threading
import time

import loads
from brokers import BenchError
from cpu import CpuMeter
from member import Member
from people import call, sign_in

REPEATS = 50  # of either kind, a round
PAUSE_S = 0.003  # between two messages
QUIET_S = 0.1  # after which nothing more is taken to come
LOADERS = 8


def _member(hum, mqtt, room):
    return Member("revoke", hum.port, mqtt, [f"dm/{room}/messages"])


class _Talk:
    """Messages of one member into the room, one every PAUSE_S, while in the block."""

    numbers = 0

    def __init__(self, member, room):
        self._member, self._room = member, room
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(PAUSE_S):
            _Talk.numbers += 1
            self._member.publish(f"dm/{self._room}/send", f"revoke-{_Talk.numbers}")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def _wait_for_next(member):
    """Until a message comes that was not there yet."""
    before = len(member.arrived)
    member.wait(lambda: len(member.arrived) > before, "a message")


def _last_after(member, began):
    """When the last message came, as a time since `began`; 0 when none came after it."""
    quiet_since = max([began, *(at for at, _ in member.arrived[-1:])])
    while time.monotonic() - quiet_since < QUIET_S:
        time.sleep(QUIET_S / 4)
        quiet_since = max([began, *(at for at, _ in member.arrived[-1:])])
    return max(0, member.arrived[-1][0] - began)


def _check_order(member):
    numbers = [int(nonce.split("-")[1]) for _, nonce in member.arrived]
    if numbers != sorted(set(numbers)):
        raise BenchError("revoke: messages came twice or out of order")


def _unfriend(hum, pair, room, writer, reader):
    """The writer's friend ends the friendship; who was sending is told."""
    one, other = pair
    with _Talk(writer, room):
        _wait_for_next(reader)
        told = len(writer.errors)
        began = time.monotonic()
        call("DELETE", f"{hum.url}/v1/friends/{one['user']['id']}", None, other["access_token"])
        writer.wait(lambda: len(writer.errors) > told, "the error of the unfriended")
        if writer.errors[-1][1] != "not_friends":
            raise BenchError(f"revoke: the unfriended was told {writer.errors[-1][1]}")
        # Still sending, now in vain.
        lag = _last_after(reader, began)
    call("POST", f"{hum.url}/v1/friends/requests", {"user_id": other["user"]["id"]},
         one["access_token"])
    call("POST", f"{hum.url}/v1/friends/requests/{one['user']['id']}/accept", None,
         other["access_token"])
    return lag


def _sign_out(hum, session, room, writer):
    """A device of the reader is signed out while the other goes on."""
    device = _member(hum, session["mqtt"], room)
    try:
        with _Talk(writer, room):
            _wait_for_next(device)
            began = time.monotonic()
            call("POST", f"{hum.url}/v1/auth/logout", None, session["access_token"])
            device.wait(lambda: device.gone_at is not None, "the end of the signed-out connection")
            lag = _last_after(device, began)
        _check_order(device)
        return lag
    finally:
        device.close()


def _run(hum, pair, room):
    sessions = [sign_in(hum.url, pair[1]) for _ in range(REPEATS)]
    # Access tokens live 15 minutes: these of sign-up may be old.
    pair = [sign_in(hum.url, person) for person in pair]
    writer = _member(hum, pair[0]["mqtt"], room)
    reader = _member(hum, pair[1]["mqtt"], room)
    try:
        unfriended, signed_out = [], []
        for session in sessions:
            unfriended.append(_unfriend(hum, pair, room, writer, reader))
            signed_out.append(_sign_out(hum, session, room, writer))
        _check_order(reader)
        return unfriended, signed_out
    finally:
        writer.close()
        reader.close()


def _quantile_ms(lags, share):
    return round(sorted(lags)[min(len(lags) - 1, int(share * len(lags)))] * 1000, 1)


def measure(hum, people, rooms, quiet):
    """`people`: the first eight make the load, the last two are watched, in the last of `rooms`."""
    quiet()
    meter = CpuMeter(hum.pids())
    load = subprocess.Popen(
        loads.command(hum, "pairs", LOADERS, "--window", 1, "--warmup", 0, "--seconds", 600),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        unfriended, signed_out = _run(hum, people[-2:], rooms[-1])
        if load.poll() is not None:
            raise BenchError(f"revoke: the load ended: {load.stderr.read().strip()}")
    finally:
        load.terminate()
        load.communicate()
    every = unfriended + signed_out
    return {"p50_ms": _quantile_ms(every, 0.5), "p99_ms": _quantile_ms(every, 0.99),
            "max_ms": _quantile_ms(every, 1), "repeats": len(every),
            "unfriend_p99_ms": _quantile_ms(unfriended, 0.99),
            "logout_p99_ms": _quantile_ms(signed_out, 0.99),
            "cpu_elsewhere": meter.elsewhere()}
