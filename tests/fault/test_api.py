"""The control API runs out of descriptors, or its database does not answer."""

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import requests

from lib.bed.faults import frozen
from lib.mqtt import eventually
from lib.rest import Rest, ok, problem

POOL = 8  # connections to the database


@contextlib.contextmanager
def guests(bed, count):
    """Connections that have begun a request; they finish it when they are told to."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            guest = socket.create_connection((bed.instance.host, bed.instance.http_port), timeout=60)
            stack.enter_context(guest)
            guest.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
            found.append(guest)
        yield found


def all_of(guest):
    data = b""
    while piece := guest.recv(65536):
        data += piece
    return data


def test_descriptors_exhausted(bed):
    """Who is connected is served on; who comes waits, and is served when there is room again."""
    (alice, *_), _ = bed.crowd()
    bed.talk()
    bed.moment()
    pid, before = bed.api.pid, ok(alice.get("/v1/users/me"))
    with bed.api.few_descriptors(6), guests(bed, 20) as waiting:
        bed.postgres.terminate("hum-api")  # what is opened anew competes for what is left
        bed.moment(1, 40)
        bed.api.raise_descriptors()
        for guest in waiting:
            guest.sendall(b"\r\n")
        assert [all_of(guest).split(b"\r\n")[0] for guest in waiting] == [b"HTTP/1.1 200 OK"] * 20
    eventually(lambda: alice.get("/v1/users/me").status_code == 200)
    assert bed.api.pid == pid and ok(alice.get("/v1/users/me")) == before
    bed.healed("with descriptors again, all")
    bed.finish()


def ask(person):
    """On a connection of its own."""
    with requests.Session() as http:
        return Rest(person.url, person.token, http).get("/v1/users/me/servers")


def test_postgresql_frozen(bed):
    """Those who hold a connection wait, all others are told soon, and what needs no database is answered."""
    (alice, *_), _ = bed.crowd()
    bed.talk()
    bed.moment()
    with ThreadPoolExecutor(40) as pool:
        with frozen(bed):
            asked = [pool.submit(ask, alice) for _ in range(40)]
            eventually(lambda: sum(a.done() for a in asked) >= 40 - POOL)
            for answer in [a.result() for a in asked if a.done()]:
                problem(answer, 503, "unavailable")
                assert int(answer.headers["Retry-After"]) > 0
            assert ok(bed.instance.rest.get("/health/live"))
            assert bed.instance.rest.get("/health/ready").status_code == 503
            assert ok(bed.instance.rest.get("/.well-known/jwks.json"))
        assert {a.result().status_code for a in asked} <= {200, 503}
    bed.healed("with PostgreSQL thawed, all")
    bed.finish()
