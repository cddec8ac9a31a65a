"""Pictures that take too long, decoders that hang, uploads that do not end, and too many of all of these."""

import concurrent.futures
import contextlib
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from lib import pictures, prometheus, raw
from lib.instance import PRESET, alive, build_dir
from lib.mqtt import eventually
from lib.pictures import ME, plain, put, save
from lib.race import race
from lib.rest import ok, problem


@pytest.fixture(scope="module")
def person(hum):
    return hum.sign_up()


# --- decoders that do not come to an end ---


def decoders(hum):
    """Pids of the processes that decode a picture now."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = path.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]
            if int(parent) == hum.pid("api") and b"\0avatar\0" in path.joinpath("cmdline").read_bytes():
                found.append(int(path.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@contextlib.contextmanager
def decoding(hum, count):
    """People whose pictures are being decoded and will be for some time: (pids of the decoders, answers to come)."""
    pictured = [hum.sign_up() for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(put, one, ENDLESS, "image/jpeg") for one in pictured]
        while len(pids := decoders(hum)) < count and not any(a.done() for a in answers):
            time.sleep(0.01)
        yield pids, answers


ENDLESS = pictures.endless_jpeg()


def test_a_picture_that_takes_too_long(hum):
    """The processor time of its decoder runs out, or on a busy machine the time on the wall before that."""
    with decoding(hum, 1) as (_, (answer,)):
        ok(hum.sign_up().get("/v1/users/me"))  # others are served meanwhile
        response = answer.result()
    if response.status_code == 503:
        problem(response, 503, "unavailable")
    else:
        assert "decoded" in problem(response, 400, "invalid_request")["detail"]
    assert decoders(hum) == []


def test_a_decoder_that_hangs(hum):
    """It uses no time at all: the clock on the wall ends it."""
    with decoding(hum, 1) as ((pid,), (answer,)):
        os.kill(pid, signal.SIGSTOP)
        response = answer.result()
        problem(response, 503, "unavailable")
        assert int(response.headers["Retry-After"]) >= 1
    assert decoders(hum) == []


def test_a_decoder_that_dies(hum, person):
    for number in (signal.SIGABRT, signal.SIGKILL):
        with decoding(hum, 1) as ((pid,), (answer,)):
            os.kill(pid, number)
            problem(answer.result(), 400, "invalid_request")
    ok(put(person, plain()))


def test_one_picture_a_person_at_a_time(hum):
    person = hum.sign_up()
    answers = race(*[lambda: put(person, ENDLESS, "image/jpeg")] * 6, patient=False)
    codes = sorted(a.status_code for a in answers)
    assert codes.count(429) >= 1 and set(codes) <= {400, 429, 503}, codes
    for answer in answers:
        if answer.status_code == 429:
            problem(answer, 429, "rate_limited")
            assert int(answer.headers["Retry-After"]) >= 1


PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.release_only
def test_a_decoder_goes_with_its_parent():
    """Even one that is stopped, when the API is killed."""
    program = build_dir() / "control-api" / "hum-api"
    with subprocess.Popen([sys.executable, "-c", PARENT, program, "avatar"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        status = pathlib.Path(f"/proc/{pid}/status")
        eventually(lambda: "Seccomp:\t2" in status.read_text())  # it has given up all but decoding
        os.kill(pid, signal.SIGSTOP)
        parent.kill()
    eventually(lambda: not alive(pid))


def numbers(hum):
    """What /metrics says of the studio."""
    found = prometheus.parse(hum.rest.get("/metrics").text)
    start = "hum_api_avatar_"
    return {name.removeprefix(start): value for (name, _), value in found.items() if name.startswith(start)}


def test_a_flood_of_pictures(hum):
    """While all places are taken, the others are told so, and nobody else notices."""
    crowd = [hum.sign_up() for _ in range(8)]
    before = numbers(hum)
    with decoding(hum, 2) as (pids, answers):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        told = race(*[lambda one=one: put(one, plain()) for one in crowd], lambda: crowd[0].get("/v1/users/me"),
                    patient=False)
        assert told.pop().status_code == 200
        refused = [a for a in told if a.status_code != 200]
        for answer in refused:
            problem(answer, 503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
        assert refused or all(a.done() for a in answers)
        assert len(decoders(hum)) <= 2
        after = numbers(hum)
        turned_away = sum(after[f"{n}_total"] - before[f"{n}_total"] for n in ("timeouts", "crowded"))
        assert turned_away <= len(refused) and after["places_in_use"] <= after["places"] == 2
    ok(put(crowd[0], plain()))
    assert decoders(hum) == [] and numbers(hum)["places_in_use"] == 0


# --- uploads that do not come to an end ---


def half_sent(hum, person, data, sent):
    sock = socket.create_connection((hum.host, hum.http_port), 30)
    sock.sendall(f"PUT {ME} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\n"
                 f"Content-Type: image/png\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:sent])
    return sock


def test_an_upload_byte_by_byte(hum):
    person, data = hum.sign_up(), plain()
    with half_sent(hum, person, data, 0) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            sock.sendall(bytes([byte]))
        assert raw.parse(sock.recv(65536)).status == 200
    assert ok(person.get("/v1/users/me"))["avatar_url"]


def test_an_upload_that_ends_in_the_middle(hum):
    person, data = hum.sign_up(), plain()
    with half_sent(hum, person, data, len(data) - 1) as sock:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    assert ok(person.get("/v1/users/me"))["avatar_url"] is None


def test_uploads_that_hang_take_no_place(hum, person):
    data = save(pictures.noise((512, 512)), "PNG")
    hanging = [half_sent(hum, hum.sign_up(), data, len(data) // 2) for _ in range(12)]
    try:
        ok(put(person, plain()))
        assert decoders(hum) == []
    finally:
        for sock in hanging:
            sock.close()


def test_large_bodies_that_hang(hum, person):
    """None of them signed in: most are turned away, the memory is bounded, and others are served."""
    def resident():
        with open(f"/proc/{hum.pid('api')}/statm") as file:
            return int(file.read().split()[1]) * 4096

    size, count = 1_000_000, 300
    head = (f"PUT {ME} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            f"Content-Length: {size}\r\n\r\n").encode()
    before, open_ = resident(), []
    try:
        for _ in range(count):
            sock = socket.create_connection((hum.host, hum.http_port), 30)
            open_.append(sock)
            with contextlib.suppress(OSError):  # closed while we send
                sock.sendall(head + bytes(size - 1))
        ok(person.get("/v1/users/me"))
        waiting = set(open_)
        while len(waiting) > 64:
            gone, _, _ = select.select(waiting, [], [], 30)
            assert gone, f"{len(waiting)} are still open"
            waiting -= set(gone)
        if PRESET == "release":  # sanitizers keep what was freed
            assert resident() - before < 150 * 2**20, "threads come on top"
    finally:
        for sock in open_:
            sock.close()
    large = plain()[:-12] + pictures.chunk(b"prIv", bytes(500_000)) + plain()[-12:]

    def taken():
        with contextlib.suppress(requests.ConnectionError):
            return put(person, large).status_code == 200

    eventually(taken)  # the server has seen them go
