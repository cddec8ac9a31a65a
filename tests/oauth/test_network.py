"""Where Hum goes when it asks a provider, how long it waits, and how much it takes."""

import contextlib
import socket
import ssl
import subprocess
import threading

import pytest

from lib.asker import Asker
from lib.hostile_idp import HostileIdp
from lib.idp import pkce
from lib.oauth_probe import Probe, write_file

DISCOVERY = "/.well-known/openid-configuration"
ENDPOINTS = [DISCOVERY, "/jwks", "/token", "/userinfo"]


def authorize(asker):
    return asker.probe.call("authorize", asker.name, redirect_uri="https://example.com/cb", state="s", nonce="n",
                            code_challenge=pkce()[1])


# --- where to ---


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]",
                                  "169.254.169.254", "10.0.0.1", "192.168.1.1", "172.31.0.1", "100.64.0.1", "[fe80::1]", "[fd00::1]",
                                  "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "[ff02::1]"])
def test_not_within_our_own_network(tmp_path, host):
    """Refused before a packet is sent, however the address is written."""
    path = write_file(tmp_path / "oauth.json", [{"id": "inside", "issuer": f"https://{host}:1", "client_id": "c"}])
    with Probe(path, private=False) as probe:
        found = probe.call("authorize", "inside", redirect_uri="https://example.com/cb", state="s", nonce="n",
                           code_challenge=pkce()[1])
        assert found == {"status": "unavailable"}
        (line,) = probe.reported()
        assert "not one of the public Internet" in line


def test_http_only_to_loopback(tmp_path):
    """Even where private addresses are allowed, nothing goes over the network as it is."""
    path = write_file(tmp_path / "oauth.json", [{"id": "inside", "issuer": "http://10.255.255.1:1", "client_id": "c"}])
    with Probe(path) as probe:
        assert probe.call("authorize", "inside", redirect_uri="https://example.com/cb", state="s", nonce="n",
                          code_challenge=pkce()[1]) == {"status": "unavailable"}
        (line,) = probe.reported()
        assert "not one of the public Internet" in line


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize("url", [
    "ftp://127.0.0.1/x", "file:///etc/passwd", "//127.0.0.1/x", "javascript:alert(1)", "gopher://127.0.0.1:25/x",
    "http://user:pw@127.0.0.1/x", "http://user@127.0.0.1/x", "http://:pw@127.0.0.1/x", "http://127.0.0.1/x#f",
    "http://127.0.0.1/x#", "http://", "http:/127.0.0.1/x", "http:///127.0.0.1/x", "http://127.0.0.1\\@x/",
    "http:\\\\127.0.0.1/x", "http://127.0.0.1/ x", ""])
def test_addresses_of_other_kinds_in_discovery(asker, member, url):
    one = asker()
    one.idp.lies.discovery = {member: url}
    assert authorize(one)["status"] == ("ok" if (member, url) == ("userinfo_endpoint", "") else "unavailable")


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(asker, path, status):
    one = asker()
    one.idp.lies.claims = {"email": None}
    one.idp.lies.answers = {path: (status, {"Location": "/elsewhere"}, {})}
    assert one.identity() == {"status": "unavailable"}
    assert "/elsewhere" not in one.idp.paths()


def test_proxies_of_the_environment_are_not_used(idp, tmp_path, monkeypatch):
    """An address looked at here would be looked up anew there."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    one = Asker(idp, tmp_path / "oauth.json")
    with one.probe:
        assert one.identity()["status"] == "ok"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_certificate_of_nobody(tmp_path, name):
    """TLS by a certificate that nobody vouches for."""
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-subj", f"/CN={name}", "-addext", f"subjectAltName={'IP' if name[0] == '1' else 'DNS'}:{name}",
                           "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2"],
                          capture_output=True, timeout=60)
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with HostileIdp() as idp:
        idp.server.socket = context.wrap_socket(idp.server.socket, server_side=True)
        path = write_file(tmp_path / "oauth.json",
                          [{"id": "tls", "issuer": f"https://{name}:{idp.port}", "client_id": "c"}])
        with Probe(path) as probe:
            assert probe.call("authorize", "tls", redirect_uri="https://example.com/cb", state="s", nonce="n",
                              code_challenge=pkce()[1]) == {"status": "unavailable"}
            (line,) = probe.reported()
            assert "certificate" in line.lower()
        assert idp.seen == []


# --- how much ---


@pytest.mark.parametrize("path", ENDPOINTS)
def test_an_answer_that_is_too_long(asker, path):
    one = asker()
    one.idp.lies.claims = {"email": None}
    one.idp.lies.answers = {path: (200, {}, b'{"x": "' + b"y" * 200_000 + b'"}')}
    one.refused("too long", status="unavailable")


def test_an_answer_without_an_end(asker):
    """Chunk after chunk: it is left in the middle of it."""
    left = threading.Event()

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except OSError:
            left.set()

    one = asker()
    one.idp.lies.answers = {"/jwks": endless}
    one.refused("too long", status="unavailable")
    assert left.wait(30)


def test_headers_that_are_too_long(asker):
    one = asker()
    one.idp.lies.answers = {"/jwks": (200, {f"X-{i}": "y" * 1000 for i in range(60)}, {})}
    one.refused("headers are too long", status="unavailable")


@pytest.mark.parametrize("body", [b"", b"{", b"[1,2", b'{"a":1,"a":2}', b"\xff\xfe", b"null", b'{"a":"\\u0000"}', b"[" * 100_000,
                                  b"<html>sorry</html>"], ids=lambda v: ascii(v)[:40])
@pytest.mark.parametrize("path", ENDPOINTS)
def test_what_is_no_document(asker, path, body):
    one = asker()
    one.idp.lies.claims = {"email": None}
    one.idp.lies.answers = {path: (200, {}, body)}
    assert one.identity() == {"status": "unavailable"}
    assert len(one.probe.reported()) == 1


@pytest.mark.parametrize("status", [204, 400, 404, 429, 500, 503])
@pytest.mark.parametrize("path", [DISCOVERY, "/jwks"])
def test_answers_that_are_none(asker, path, status):
    one = asker()
    one.idp.lies.answers = {path: (status, {}, {})}
    assert one.identity() == {"status": "unavailable"}


# --- how long ---


class Hanging:
    """Takes requests of a path and does not answer before it is let go."""

    def __init__(self):
        self.go = threading.Event()
        self.here = threading.Semaphore(0)

    def __call__(self, handler):
        self.here.release()
        self.go.wait(120)
        handler.reply(503, {})

    def wait_for(self, count):
        for _ in range(count):
            assert self.here.acquire(timeout=60)


def slow(over):
    """A byte now and then, without an end."""
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            while not over.wait(0.2):
                handler.wfile.write(b" ")
        except OSError:
            over.set()

    return answer


@pytest.fixture
def four(tmp_path):
    """Hum with four providers, each known already but for the last."""
    with contextlib.ExitStack() as stack:
        idps = {n: stack.enter_context(HostileIdp()) for n in ("stuck", "slow", "well", "new")}
        listed = [{"id": n, "issuer": i.issuer, "client_id": i.client_id, "client_secret": i.secret}
                  for n, i in idps.items()]
        probe = stack.enter_context(Probe(write_file(tmp_path / "four.json", listed)))
        made = {n: Asker.of(i, probe, n) for n, i in idps.items()}
        assert {made[n].identity()["status"] for n in ("stuck", "slow", "well")} == {"ok"}
        yield made


def test_providers_that_hang(four):
    """One takes the code and says nothing, one a byte now and then, one not even where its endpoints are. Each takes a
    few calls at once and no more, the others are told soon, and other providers work. In the end all calls end."""
    stuck, unknown, over = Hanging(), Hanging(), threading.Event()
    four["stuck"].idp.lies.answers = {"/token": stuck}
    four["slow"].idp.lies.answers = {"/token": slow(over)}
    four["new"].idp.lies.answers = {DISCOVERY: unknown}
    try:
        tags = [four[n].start() for n in ("stuck", "slow") for _ in range(12)] + [four["new"].start() for _ in range(4)]
        stuck.wait_for(4)
        unknown.wait_for(1)
        assert four["well"].identity()["status"] == "ok", "while others hang"
        assert {four["well"].probe.result(t)["status"] for t in tags} == {"unavailable"}
        assert not stuck.here.acquire(blocking=False), "no more than four were there"
        assert not unknown.here.acquire(blocking=False), "one asks for all"
        assert over.wait(30), "the connection was closed"
    finally:
        for event in (stuck.go, unknown.go, over):
            event.set()
    four["stuck"].idp.reset()
    assert four["stuck"].identity()["status"] == "ok", "what hung has left nothing behind"


def test_nobody_is_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{taken.getsockname()[1]}"
        path = write_file(tmp_path / "oauth.json", [{"id": "gone", "issuer": issuer, "client_id": "c"}])
        with Probe(path) as probe:
            for reports in (1, 0):  # right after a failure nobody is asked
                assert probe.call("authorize", "gone", redirect_uri="https://example.com/cb", state="s", nonce="n",
                                  code_challenge=pkce()[1]) == {"status": "unavailable"}
                assert len(probe.reported()) == reports


def test_reports_are_bounded(asker):
    """A provider that answers wrongly answers everybody so."""
    one = asker()
    one.idp.lies.claims = {"aud": "other"}
    tags = [one.probe.start("identity", one.name, **one.grant()) for _ in range(60)]
    answers = {one.probe.result(t)["status"] for t in tags}
    assert answers <= {"invalid_grant", "unavailable"}
    assert 1 <= len(one.probe.reported()) < 40
