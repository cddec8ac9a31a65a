"""HTTP itself: paths, headers, lengths, slow and many connections. All over one process, which lives."""

import socket

import pytest

from lib import raw
from lib.race import race
from lib.rest import ok, problem


def send(hum, text, **kw):
    return raw.exchange(hum, text.replace("\n", "\r\n").encode("latin-1"), **kw)


@pytest.fixture(autouse=True)
def same_process(hum):
    before = hum.pid("api")
    yield
    assert hum.pids().get("api") == before
    ok(hum.rest.get("/health/live"))


@pytest.mark.parametrize("path", [
    "/v1", "/v1/", "/v1/nothing", "/v2/users/me", "/v1/users", "/v1//users/me",
    "//v1/users/me", "/v1/x/users/me", "/v1/x/", "/V1/users/me", "/v1/Users/me", "/v1/users/./me", "/v1/x/../users/me",
    "/v1%2Fusers%2Fme", "/v1/users%2fme", "/v1/friends/requests/", "/v1/friends/requests/7/",
     "/v1/users/me%00", "/v1/users/me%20",
    "/v1\\users\\me", "/v1/users/me;a=b", "/.well-known/", "/health", "/health/", "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd", "/v1/rooms/7/messages/", "/v1/rooms//messages", "/" + "a" * 3000,
    "/" + "a/" * 1000, "/%", "/%zz", "/%ff", "/\xff", "/v1/friends/requests/7/approve", "*",
])
def test_paths_that_are_not_there(hum, alice, path):
    answer = raw.request(hum, "GET", path, token=alice.token)
    if path.startswith("/v1/users/me"):  # in the place of an id: a bad one
        raw.problem(answer, 400, "invalid_request")
    else:
        raw.problem(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_an_unknown_path_with_any_method(hum, method):
    answer = hum.rest.call(method, "/v1/nothing")
    assert answer.status_code == 404
    if method != "HEAD":
        problem(answer, 404, "not_found")


def test_the_headers_of_every_answer(hum, alice):
    for answer in (alice.get("/v1/users/me"), alice.get("/v1/nothing"), hum.rest.get("/v1/users/me")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    assert "no-store" not in hum.rest.get("/.well-known/jwks.json").headers["Cache-Control"]


@pytest.mark.parametrize("text", [
    "GET\n\n", "\n\n\n\n", "GET /health/live\n\n", "GET /health/live HTTP/9.9\nHost: x\n\n",
    "GET /health/live HTTP/1.1\n\n", "GET  /health/live HTTP/1.1\nHost: x\n\n", "\x00\x01\x02\n\n",
    "GET /health/live HTTP/1.1\nHost x\n\n", "GET /health/live HTTP/1.1\nHost: x\n folded: y\n\n",
    "GET /health/live HTTP/1.1\n: x\nHost: x\n\n", "PRI * HTTP/2.0\n\nSM\n\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "x" * 70000 + "\n\n",
    "CONNECT 127.0.0.1:22 HTTP/1.1\nHost: x\n\n",
], ids=lambda t: repr(t)[:40])
def test_what_is_no_request(hum, text):
    answer = send(hum, text, close=True)
    assert answer is None or answer.status < 500 or answer.status == 505, answer


@pytest.mark.parametrize("lengths", [
    "Content-Length: 2\nContent-Length: 40", "Content-Length: 40\nContent-Length: 2", "Content-Length: -1",
    "Content-Length: 2, 40", "Content-Length: 0x2", "Content-Length: +2", "Content-Length: 2x",
    "Content-Length: 99999999999999999999999999", "Content-Length: 2\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\nContent-Length: 2", "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked, identity",
])
def test_lengths_that_contradict(hum, lengths):
    answer = send(hum, "POST /v1/auth/login HTTP/1.1\nHost: x\nContent-Type: application/json\n"
                       f"{lengths}\n\n{{}}", close=True)
    assert answer is None or 400 <= answer.status < 500 or answer.status == 501, answer


@pytest.mark.parametrize("body", [
    "zz\n{}\n0\n\n", "-1\n{}\n0\n\n", "fffffffffffffffff\n{}\n", "2;x=y\n{}\n0\n\n", "2\n{}\n0\nTrailer: x\n\n",
    "2\n{}", "2\n{}x\n0\n\n", "0x2\n{}\n0\n\n",
], ids=repr)
def test_chunks(hum, body):
    answer = send(hum, "POST /v1/auth/login HTTP/1.1\nHost: x\nContent-Type: application/json\n"
                       f"Transfer-Encoding: chunked\n\n{body}", close=True)
    assert answer is None or 400 <= answer.status < 500, answer


def test_a_thousand_headers(hum, alice):
    for count, size in ((1000, 8), (1000, 200), (1, 100_000), (100_000, 1)):
        headers = "".join(f"X-{i}: {'v' * size}\n" for i in range(count))
        answer = send(hum, f"GET /v1/users/me HTTP/1.1\nHost: x\nAuthorization: Bearer {alice.token}\n"
                           f"{headers}\n")
        assert answer is None or answer.status in (200, 413, 431), answer


def test_a_long_query(hum, alice):
    answer = raw.request(hum, "GET", "/v1/rooms?" + "&".join(f"a{i}={i}" for i in range(3000)),
                         token=alice.token)
    assert answer is None or answer.status in (200, 400, 414), answer
    answer = raw.request(hum, "GET", "/v1/rooms?x=" + "y" * 100_000, token=alice.token)
    assert answer is None or answer.status in (200, 400, 414, 431), answer


@pytest.mark.release_only
def test_requests_that_are_dropped_take_no_memory(hum):
    """Too many query values for the connection's memory: the server hangs up, and forgets."""
    def resident():
        with open(f"/proc/{hum.pid('api')}/statm") as file:
            return int(file.read().split()[1]) * 4096

    target = "/v1/rooms?" + "&".join(f"a{i}={i}" for i in range(3000))
    for _ in range(50):
        raw.request(hum, "GET", target)
    before = resident()
    for _ in range(300):
        raw.request(hum, "GET", target)
    assert resident() - before < 4 * 2**20


def test_headers_given_twice(hum, alice, bob):
    """Neither token may win silently over the other."""
    answer = raw.request(hum, "GET", "/v1/users/me", token=alice.token,
                         headers=[f"Authorization: Bearer {bob.token}"])
    assert answer.status in (400, 401), answer
    for name in ("authorization", "AUTHORIZATION"):
        answer = raw.request(hum, "GET", "/v1/users/me", token=alice.token, headers=[f"{name}: Bearer {bob.token}"])
        raw.problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("header", ["X-User-Id: {id}", "X-Forwarded-User: {id}", "X-HTTP-Method-Override: GET",
                                    "X-Original-URL: /v1/users/me", "Cookie: access_token={token}"])
def test_headers_that_other_servers_trust(hum, alice, header):
    text = header.format(id=alice.id, token=alice.token)
    raw.problem(raw.request(hum, "GET", "/v1/users/me", headers=[text]), 401, "unauthorized")


def test_a_token_in_the_query_is_none(hum, alice):
    problem(hum.rest.get("/v1/users/me", access_token=alice.token), 401, "unauthorized")


def test_header_injection_through_what_people_write(hum):
    evil = "x\r\nSet-Cookie: a=b\r\n\r\n<html>"
    person = hum.sign_up()
    for answer in (person.patch("/v1/users/me", {"about": evil}), person.get("/v1/users/me"),
                   person.get("/v1/users/search", nickname=evil), person.get("/v1/rooms", cursor=evil)):
        assert "Set-Cookie" not in answer.headers


def test_pipelined_requests_are_answered_in_order(hum, alice):
    def line(path):
        return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"

    data = (line("/v1/users/me") + "\r\n" + line("/v1/nothing") + "\r\n"
            + line("/health/live") + "Connection: close\r\n\r\n")
    with socket.create_connection((hum.host, hum.http_port), 30) as sock:
        sock.sendall(data.encode())
        got = b""
        while chunk := sock.recv(65536):
            got += chunk
    statuses = [part[:3] for part in got.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200"]


def test_expect_continue(hum, alice):
    with socket.create_connection((hum.host, hum.http_port), 30) as sock:
        sock.sendall((f"PATCH /v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
                      "Content-Type: application/json\r\nContent-Length: 2\r\n"
                      "Expect: 100-continue\r\n\r\n").encode())
        assert sock.recv(4096).startswith(b"HTTP/1.1 100")
        sock.sendall(b"{}")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_body_that_comes_byte_by_byte(hum, alice):
    body = '{"about":"slow but sure"}'
    head = (f"PATCH /v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    with socket.create_connection((hum.host, hum.http_port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (head + body).encode():
            sock.sendall(bytes([byte]))
        answer = raw.parse(sock.recv(65536))
    assert answer.status == 200 and b"slow but sure" in answer.body


def test_a_body_that_never_comes_changes_nothing(hum, alice):
    head = (f"PATCH /v1/users/me HTTP/1.1\nHost: x\nAuthorization: Bearer {alice.token}\n"
            'Content-Type: application/json\nContent-Length: 40\n\n{"about":"half a ')
    send(hum, head, close=True)
    assert "half" not in ok(alice.get("/v1/users/me"))["about"]


def test_connections_that_hang_hinder_nobody(hum, alice):
    """Half a request line, half a header, half a body: others are served meanwhile."""
    halves = [b"GET /v1/us", b"GET /v1/users/me HTTP/1.1\r\nHost: x\r\nX-Half",
              b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              b"Content-Length: 100\r\n\r\n{"]
    hanging = []
    try:
        for i in range(150):
            sock = socket.create_connection((hum.host, hum.http_port), 30)
            hanging.append(sock)
            sock.sendall(halves[i % 3])
        answers = race(*[lambda: alice.get("/v1/users/me")] * 16)
        assert {a.status_code for a in answers} == {200}
    finally:
        for sock in hanging:
            sock.close()


def test_clients_that_leave_in_the_middle(hum, alice):
    for _ in range(40):
        sock = socket.create_connection((hum.host, hum.http_port), 30)
        sock.sendall(f"GET /v1/rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n"
                     .encode())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # reset
        sock.close()
    ok(alice.get("/v1/users/me"))


def test_a_flood_of_sign_ins_is_answered(hum):
    """More at once than there are permits for argon2: each gets its answer or a named refusal."""
    person = hum.sign_up()
    body = {"email": person.email, "password": "wrong password"}
    answers = race(*[lambda: hum.rest.post("/v1/auth/login", body)] * 40, patient=False)
    for answer in answers:
        if answer.status_code == 503:
            problem(answer, 503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
        else:
            problem(answer, 401, "invalid_credentials")


def test_more_requests_at_once_than_connections_to_the_database(hum, alice):
    answers = race(*[lambda: alice.get("/v1/rooms")] * 60)
    assert {a.status_code for a in answers} == {200}


# --- health ---


def test_health(hum):
    for probe in ("live", "ready"):
        ok(hum.rest.get(f"/health/{probe}"))
