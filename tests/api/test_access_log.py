"""A line for every request, and the id that goes with it."""

import json
import os
import socket
import subprocess

import pytest

from lib import prometheus, raw
from lib.instance import free_ports
from lib.mqtt import eventually
from lib.rest import unique

ALWAYS = {"time", "request_id", "method", "status", "ms", "bytes", "address"}


def lines(hum):
    """What has been logged of requests. Each line that looks like one must be one."""
    return [json.loads(line) for line in hum.log("api").splitlines() if line.startswith("{")]


def logged(hum, answer):
    """The one line of an answer, once it is written."""
    request_id = answer.headers["X-Request-Id"]
    eventually(lambda: f'"{request_id}"' in hum.log("api"))
    (line,) = [line for line in lines(hum) if line["request_id"] == request_id]
    assert set(line) - {"route", "path", "user"} == ALWAYS
    assert line["status"] == answer.status_code and line["address"] == "127.0.0.1"
    assert line["ms"] >= 0
    return line


def test_what_a_line_says(hum, alice):
    answer = alice.get(f"/v1/users/{alice.id}", limit=3)
    line = logged(hum, answer)
    assert (line["method"], line["route"], line["path"]) == ("GET", "/v1/users/{id}", f"/v1/users/{alice.id}")
    assert (line["user"], line["bytes"]) == (alice.id, len(answer.content))
    now = hum.database.value("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD')")
    assert line["time"].startswith(now[:7]) and line["time"].endswith("Z") and len(line["time"]) == 24


def test_who_has_not_signed_in(hum):
    answer = hum.rest.get("/v1/users/me")
    assert "user" not in logged(hum, answer)


def test_head_has_no_bytes(hum):
    assert logged(hum, hum.rest.call("HEAD", "/health/live"))["bytes"] == 0


def test_a_streamed_answer_counts_what_was_sent(hum, alice):
    """Its line comes once it has ended."""
    answer = alice.get("/v1/users/me/export")
    line = logged(hum, answer)
    assert line["bytes"] == len(answer.content) > 100
    assert (line["route"], line["path"], line["user"]) == ("/v1/users/me/export",) * 2 + (alice.id,)
    assert logged(hum, alice.call("HEAD", "/v1/users/me/export"))["bytes"] == 0


@pytest.mark.parametrize("method, path, shown", [
    ("GET", "/v1/users/x7", ("/v1/users/{id}", "/v1/users/{id}")),
    ("DELETE", "/v1/servers/7/members/secret", ("/v1/servers/{id}/members/{id}", "/v1/servers/7/members/{id}")),
    ("POST", "/v1/invite-codes/secret/redeem", ("/v1/invite-codes/{code}/redeem",) * 2),
    ("OPTIONS", "/v1/invite-codes/secret/redeem", ("/v1/invite-codes/{code}/redeem",) * 2),
    ("PUT", "/v1/users/me", ("/v1/users/me",) * 2),
    ("GET", "/secret", (None, None)),
    ("GET", "/v1/users/me/", (None, None)),
    ("GET", "/", ("/", "/")),
    ("GET", "//", (None, None)),
])
def test_only_our_own_words_and_ids_of_a_path(hum, alice, method, path, shown):
    line = logged(hum, alice.call(method, path))
    assert (line.get("route"), line.get("path")) == shown
    assert line["method"] == method


def test_a_method_that_is_none(hum):
    given = unique("r")
    answer = raw.request(hum, "SWORDFISH", "/v1/users/me", headers=[f"X-Request-Id: {given}"])
    assert answer.headers["x-request-id"] == given
    eventually(lambda: given in hum.log("api"))
    (line,) = [line for line in lines(hum) if line["request_id"] == given]
    assert line["method"] == "other"


@pytest.mark.parametrize("given", ["a", "0123-4567:89_ab.CD", "x" * 64])
def test_an_id_of_the_client_is_kept(hum, given):
    answer = hum.rest.call("GET", "/health/live", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 65, "a\"b", "a\\b", "{}", "\xe9", "a,b", "<b>"])
def test_an_id_that_is_none_is_replaced(hum, given):
    answer = raw.request(hum, "GET", "/health/live", headers=[f"X-Request-Id: {given}"])
    made = answer.headers["x-request-id"]
    assert made != given and len(made) == 16 and set(made) <= set("0123456789abcdef")


def test_ids_differ(hum, alice):
    ids = [alice.get("/v1/users/me").headers["X-Request-Id"] for _ in range(100)]
    assert len(set(ids)) == 100


def test_failures_have_an_id_too(hum):
    for path in ("/v1/users/me", "/nothing"):
        assert hum.rest.get(path).headers["X-Request-Id"]


def test_a_browser_may_read_and_send_it(hum):
    answer = hum.rest.call("OPTIONS", "/v1/users/me")
    assert "X-Request-Id" in answer.headers["Access-Control-Allow-Headers"]
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]


def test_the_log_may_be_cut_while_it_is_written(hum):
    """As logrotate's copytruncate does: what comes next stands at the beginning."""
    logged(hum, hum.rest.get("/health/live"))
    with open(hum.home / "log" / "api.log", "r+b") as file:
        file.truncate(0)
    answer = hum.rest.get("/health/live")
    logged(hum, answer)
    assert "\0" not in hum.log("api")


@pytest.fixture
def mute(hum):
    """Another API on the same database whose log nobody reads: its url, port and the log's pipe."""
    with open(f"/proc/{hum.pid('api')}/environ", "rb") as file:
        env = dict(entry.decode().split("=", 1) for entry in file.read().split(b"\0") if entry)
    program = os.readlink(f"/proc/{hum.pid('api')}/exe")
    (port,) = free_ports(1)
    process = subprocess.Popen([program], env={**env, "HUM_HTTP_PORT": str(port)}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: answers(port))
        yield port, process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port, count):
    """So many requests on one connection; all of them answered with 200."""
    text = b"GET /health/live HTTP/1.1\r\nHost: hum\r\nX-Request-Id: " + b"x" * 64 + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        for _ in range(count // 50):
            sock.sendall(text * 50)
            got = b""
            while got.count(b'{"status":"ok"}') < 50:
                chunk = sock.recv(65536)
                assert chunk
                got += chunk
            assert got.count(b"HTTP/1.1 200 ") == 50


def scrape(port):
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: hum\r\nConnection: close\r\n\r\n")
        got = b""
        while chunk := sock.recv(65536):
            got += chunk
    return prometheus.parse(got.partition(b"\r\n\r\n")[2].decode())


def test_a_log_that_nobody_reads_holds_nobody_up(mute):
    port, process = mute
    ask(port, 6000)
    assert 0 < scrape(port)["hum_api_log_lines_dropped_total", ()] < 6000
    # Somebody reads again: what was kept comes, whole, and then how much is missing.
    seen = 0
    for line in process.stdout:
        if line.startswith(b"{"):
            seen += json.loads(line)["status"] == 200
        elif b"lines of the log are lost" in line:
            break
    assert seen + int(line.split()[3]) == 6001
    ask(port, 50)
    assert json.loads(process.stdout.readline())["request_id"]
