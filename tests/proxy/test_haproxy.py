"""deploy/haproxy.cfg: an instance that faces the world behind Debian's HAProxy."""

import base64
import contextlib
import itertools
import json
import os
import pathlib
import re
import select
import tempfile

import pytest

from lib import raw, rawmqtt, rest
from lib.authority import Authority
from lib.browser import Driver
from lib.instance import Instance, free_ports
from lib.mqtt import V5, V311, Client, eventually, settle
from lib.proxy import Proxy
from lib.rest import ok, problem

pytestmark = pytest.mark.release_only  # nothing in front of the API is ours

PATIENCE_S = 4
LIMITS = {"PROXY_PATIENCE": f"{PATIENCE_S}s", "PROXY_WS_PER_ADDRESS": 6, "PROXY_MQTT_PER_ADDRESS": 6,
          "PROXY_HTTP_PER_ADDRESS": 20, "PROXY_CONNECTS_PER_10S": 200}  # all tests here together come near 60
_addresses = itertools.count(10)


@pytest.fixture(scope="module")
def folder():
    """Readable by all: HAProxy reads before it drops root, but the authority's file is for everybody."""
    with tempfile.TemporaryDirectory(prefix="hum-proxy-") as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder)


@pytest.fixture(scope="module")
def behind(folder, authority):
    """The proxy, and the instance behind it."""
    proxy = Proxy(folder, authority, **LIMITS)
    instance = Instance(HUM_PUBLIC_URL=proxy.url, HUM_MQTT_URL=f"mqtts://{proxy.host}:{proxy.mqtt_port}",
                        HUM_TRUSTED_PROXIES=proxy.host, HUM_LIMITS="on")
    try:
        instance.up()
        proxy.up(**{k: v for k, v in instance.settings.items() if k.endswith("_PORT")})
        yield proxy, instance
        assert proxy.process.poll() is None, proxy.log()
        assert not instance.reports(), instance.reports()
        assert not instance.leaks()
    finally:
        proxy.down()
        instance.remove()


@pytest.fixture
def proxy(behind):
    return behind[0]


@pytest.fixture
def hum(behind):
    return behind[1]


@pytest.fixture
def source():
    """An address that no other test calls from."""
    return f"127.0.1.{next(_addresses)}"


@pytest.fixture
def open_at():
    """Keeps what a test opens, and closes it."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context


def pair(proxy, hum):
    """Two friends who have never seen the instance but through the proxy, and their DM."""
    alice, bob = (rest.sign_up(proxy.url, proxy.http) for _ in range(2))
    rest.befriend(alice, bob)
    dm = rest.open_dm(alice, bob)
    for person in (alice, bob):
        settle(hum, person, f"dm/{dm}/messages")
    return alice, bob, dm


def closed(sock):
    """Waits until the other side has closed, or cut, a connection."""
    try:
        while sock.recv(4096):
            pass
    except TimeoutError:
        raise
    except OSError:
        pass


def by_proxy(answer, status):
    """Asserts that the proxy itself has answered, and the API has not seen the request."""
    assert answer is not None, "closed without an answer"
    assert answer.status == status, answer
    assert "strict-transport-security" not in answer.headers, answer  # it is added to what the API says
    return answer


def own_words(answer, status, code):
    return raw.problem(by_proxy(answer, status), status, code)


def upgraded(sock, path="/mqtt"):
    """Asks for a WebSocket; the status."""
    ask_upgrade(sock, path)
    return status(sock)


def ask_upgrade(sock, path="/mqtt"):
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall((f"GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n").encode())


def status(sock):
    """Of the answer that comes."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += sock.recv(4096) or pytest.fail(f"closed: {got}")
    return int(got.split()[1])


def greeting(person, suffix="x"):
    """The CONNECT of one of their tabs."""
    mqtt = person.mqtt
    return rawmqtt.connect(f"{mqtt['client_id']}:{suffix}", mqtt["username"], mqtt["password"])


# --- what passes ---


@pytest.mark.parametrize("version", [V311, V5])
def test_a_chat_in_which_all_lines_are_encrypted(proxy, hum, open_at, version):
    alice, bob, dm = pair(proxy, hum)
    assert alice.mqtt["tcp"] == f"mqtts://127.0.0.1:{proxy.mqtt_port}"
    assert alice.mqtt["ws"] == f"wss://127.0.0.1:{proxy.http_port}/mqtt"
    one = open_at(Client(proxy, alice.mqtt, version=version, transport="websockets", ca_file=proxy.ca_file))
    two = open_at(Client(proxy, bob.mqtt, version=version, ca_file=proxy.ca_file))
    topic = f"dm/{dm}/messages"
    for client in (one, two):
        client.may(topic)
    for client, text in ((one, "from a browser"), (two, "from a phone")):
        nonce = client.send(dm, text)
        assert one.message(topic, nonce)["text"] == two.message(topic, nonce)["text"] == text
    by_rest = alice.say(dm, "x" * 4000)
    assert two.message(topic, by_rest["nonce"]) == by_rest
    assert [m["text"] for m in bob.history(dm)] == ["from a browser", "from a phone", "x" * 4000]


def test_the_desktop_client(proxy, hum, open_at):
    """A page that came by https opens one line, to where its Session says, and its policy allows no other."""
    alice, bob, dm = pair(proxy, hum)
    phone = open_at(Client(proxy, bob.mqtt, ca_file=proxy.ca_file)).may(f"dm/{dm}/messages")
    driver = Driver(proxy.url, key=proxy.key)
    try:
        page = driver.page("alice")
        page.sign_in(alice.email, alice.password)
        page.online()
        page.at(f"#/dm/{dm}")
        phone.send(dm, "from a phone")
        page.hears("from a phone")
        page.say("from a browser")
        page.sent("from a browser")
        phone.wait(lambda: "from a browser" in [m["text"] for m in phone.messages(f"dm/{dm}/messages")])
        assert driver.trouble() == []
    finally:
        driver.close()
    policy = raw.request(proxy, "GET", "/").headers["content-security-policy"]
    assert f"connect-src 'self' wss://127.0.0.1:{proxy.http_port};" in policy


def test_a_large_body_comes_whole(proxy):
    """Larger than the proxy's own buffer; one that is too large gets the API's answer."""
    person = rest.sign_up(proxy.url, proxy.http)
    for size, status in ((1024 * 1024, 415), (1024 * 1024 + 1, 413)):
        answer = person.call("PUT", "/v1/users/me/avatar", data=b"\x89PNG" + bytes(size - 4), headers={"Content-Type": "image/png"})
        assert answer.status_code == status, answer.text


def test_what_comes_without_tls_is_sent_to_where_it_is(proxy):
    answer = proxy.http.get(f"http://127.0.0.1:{proxy.plain_port}/desktop?x=1", allow_redirects=False, timeout=60)
    assert (answer.status_code, answer.headers["Location"].partition("/desktop")[1:]) == (301, ("/desktop", "?x=1"))
    assert answer.headers["Location"].startswith("https://")


def test_browsers_are_told_to_stay_with_tls(proxy):
    answer = raw.request(proxy, "GET", "/health/live")
    assert answer.status == 200
    assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("port", ["http_port", "mqtt_port"])
def test_a_tls_session_is_resumed(proxy, port, open_at):
    """A phone that comes back needs neither certificate nor signature."""
    person = rest.sign_up(proxy.url, proxy.http)
    hello = {"http_port": b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
             "mqtt_port": greeting(person)}[port]
    first = open_at(proxy.dial(getattr(proxy, port)))
    first.sendall(hello)
    assert first.recv(4096)  # tickets come with it
    assert not first.session_reused
    second = open_at(proxy.dial(getattr(proxy, port), session=first.session))
    assert second.session_reused


@pytest.mark.parametrize("theirs", [(), ("X-Forwarded-For: 203.0.113.9",), ("x-forwarded-for: 203.0.113.9", "X-FORWARDED-FOR: ::1"),
                                    ("Forwarded: for=203.0.113.9",)])
def test_nobody_hides_behind_a_header(proxy, hum, source, theirs):
    """The API counts by the address that the proxy was called from."""
    answer = raw.request(proxy.at(source), "GET", "/health/live", headers=(*theirs, "X-Request-Id: chosen-by-me"))
    name = answer.headers["x-request-id"]
    assert name != "chosen-by-me"
    hum.settle()
    (line,) = [json.loads(ln) for ln in hum.log("api").splitlines() if name in ln]
    assert line["address"] == source
    eventually(lambda: re.search(rf"^{source}:.* {name}$", proxy.log(), re.M))


def test_the_log_holds_no_codes(proxy, hum):
    raw.request(proxy, "POST", "/v1/invite-codes/secretsecret/redeem?token=secretsecret")
    name = raw.request(proxy, "GET", "/health/live").headers["x-request-id"]
    eventually(lambda: name in proxy.log())
    assert "secretsecret" not in proxy.log()


# --- what does not ---


@pytest.mark.parametrize("path", ["/metrics", "/metrics?x", "/METRICS", "/%6detrics", "/%6Detrics/", "/metrics/../metrics"])
def test_the_numbers_stay_inside(proxy, path):
    own_words(raw.request(proxy, "GET", path), 404, "not_found")


def test_the_broker_is_for_websockets(proxy):
    own_words(raw.request(proxy, "GET", "/mqtt"), 404, "not_found")
    with proxy.dial(proxy.http_port) as sock:
        assert upgraded(sock) == 101
    with proxy.dial(proxy.http_port) as sock:
        assert upgraded(sock, "/other") == 404


@pytest.mark.parametrize("lines", [
    ": x", "X y: z", "X\0: y", "X: a\0b", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: +5", "Content-Length: 5x",
    "X: " + "y" * 20000, "\r\n".join(f"X-{i}: y" for i in range(200)), "Transfer-Encoding: chunked, identity", "Host: b\r\nHost: c"])
def test_malformed_headers(proxy, lines):
    head = f"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{lines}\r\n\r\nhello"
    by_proxy(raw.exchange(proxy, head.encode()), 400)


def test_no_request_within_another(proxy, hum):
    """Where two lengths contradict each other, both servers must see the same end."""
    inner = b"GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    body = b"0\r\n\r\n" + inner
    for lengths in (b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(body),
                    b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(body),
                    b"Transfer-Encoding:\x0bchunked\r\nContent-Length: %d\r\n" % len(body)):
        with proxy.dial(proxy.http_port) as sock:
            sock.sendall(head + lengths + b"\r\n" + body)
            sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            got = b""
            with contextlib.suppress(OSError):
                while chunk := sock.recv(65536):
                    got += chunk
        # What stands in the body is a body or a request of its own for both, or all of it is refused.
        assert got.count(b"HTTP/1.1 ") in (1, 3), got
    hum.settle()
    assert "/v1/smuggled" not in hum.log("api")


@pytest.mark.parametrize("packet", [b"\xc0\x00", b"\xf0\x00", b"\x20\x02\x00\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x30\x05\x00\x01ahi", b"\x10\xff\xff\xff\xff\x7f",
                                    b"\x10\x04\x00\x04MQ"], ids=repr)
def test_who_does_not_begin_with_connect(proxy, source, packet):
    with proxy.dial(proxy.mqtt_port, source=source) as sock:
        sock.sendall(packet)
        closed(sock)
    # The broker has not met them: no server was called.
    eventually(lambda: re.search(rf"^{source}:\d+ .* mqtts/<NOSRV> ", proxy.log(), re.M))


def test_more_than_connect_at_once(proxy, open_at):
    """As clients do that wait for nothing."""
    person = rest.sign_up(proxy.url, proxy.http)
    sock = open_at(proxy.dial(proxy.mqtt_port))
    sock.sendall(greeting(person)
                 + rawmqtt.packet(rawmqtt.PINGREQ) * 3)
    got = b""
    while got.count(b"\xd0\x00") < 3:
        got += sock.recv(4096) or pytest.fail(f"closed: {got}")


def test_who_is_slow_is_cut_off_and_who_is_silent_is_not(proxy, hum, open_at):
    """Side by side: what nobody has finished in time is closed, while those who are through may be silent for longer."""
    alice, bob, _ = pair(proxy, hum)
    one = open_at(Client(proxy, alice.mqtt, transport="websockets", ca_file=proxy.ca_file))
    two = open_at(Client(proxy, bob.mqtt, ca_file=proxy.ca_file))
    for client in (one, two):
        client.barrier()
    slow = []
    for port, sent in ((proxy.http_port, None), (proxy.mqtt_port, None), (proxy.plain_port, b"GET / HTTP/1.1\r\nHost:"),
                       (proxy.http_port, b"\x16\x03\x01"), (proxy.mqtt_port, b"\x16\x03\x01")):
        sock = open_at(proxy.bare(port))
        sock.sendall(sent or b"")
        slow.append(sock)
    half = greeting(alice)[:-20]
    for port, sent in ((proxy.mqtt_port, b""), (proxy.mqtt_port, b"\x10"), (proxy.mqtt_port, half)):
        sock = open_at(proxy.dial(port))
        sock.sendall(sent)
        slow.append(sock)
    asked = []
    for sent in (b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow:",
                 b"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"):
        sock = open_at(proxy.dial(proxy.http_port))
        sock.sendall(sent)
        asked.append(sock)
    for sock in slow:
        closed(sock)
    for sock in asked:
        got = b""
        while chunk := sock.recv(4096):
            got += chunk
        by_proxy(raw.parse(got), 408)
    for client in (one, two):
        client.barrier()  # on the same connection as before
    assert not one.gone.is_set() and not two.gone.is_set()


# --- how much of it ---


def test_websockets_of_one_address(proxy, source, open_at):
    held = []
    for _ in range(LIMITS["PROXY_WS_PER_ADDRESS"]):
        held.append(open_at(proxy.dial(proxy.http_port, source=source)))
        assert upgraded(held[-1]) == 101
    with proxy.dial(proxy.http_port, source=source) as sock:
        assert upgraded(sock) == 429
    assert raw.request(proxy.at(source), "GET", "/health/live").status == 200
    with proxy.dial(proxy.http_port) as sock:
        assert upgraded(sock) == 101, "others go on"
    held.pop().close()

    def again():
        with proxy.dial(proxy.http_port, source=source) as sock:
            return upgraded(sock) == 101

    eventually(again)


def test_mqtt_of_one_address(proxy, source, open_at):
    person = rest.sign_up(proxy.url, proxy.http)
    for i in range(LIMITS["PROXY_MQTT_PER_ADDRESS"]):
        sock = open_at(proxy.dial(proxy.mqtt_port, source=source))
        sock.sendall(greeting(person, i))
        assert sock.recv(4096)[0] == rawmqtt.CONNACK
    with pytest.raises(OSError):
        proxy.dial(proxy.mqtt_port, source=source)
    open_at(proxy.dial(proxy.mqtt_port))


def refused(proxy, port, source):
    """Whether a connection is closed at once; where it is not, it is ours to close."""
    try:
        with proxy.bare(port, source=source) as sock:
            ready, _, _ = select.select([sock], [], [], 0)
            return bool(ready)  # nothing has been sent, so nothing else can have come
    except OSError:
        return True


def test_http_of_one_address(proxy, source, open_at):
    for _ in range(LIMITS["PROXY_HTTP_PER_ADDRESS"]):
        sock = open_at(proxy.dial(proxy.http_port, source=source))
        sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status(sock) == 200
    with pytest.raises(OSError):
        proxy.dial(proxy.http_port, source=source)
    open_at(proxy.dial(proxy.http_port))


@pytest.mark.parametrize("port", ["http_port", "plain_port", "mqtt_port"])
def test_how_often_an_address_may_connect(proxy, source, port):
    tries = range(50 * LIMITS["PROXY_CONNECTS_PER_10S"])
    assert any(refused(proxy, getattr(proxy, port), source) for _ in tries)
    proxy.dial(proxy.http_port).close()


# --- when Hum is away ---


def test_what_is_away_is_said_in_the_form_of_the_api(folder, authority, open_at):
    (nothing,) = free_ports(1)
    proxy = Proxy(folder, authority).up(HUM_HTTP_PORT=nothing, HUM_WS_PORT=nothing, HUM_MQTT_PORT=nothing)
    try:
        websocket, mqtt = open_at(proxy.dial(proxy.http_port)), open_at(proxy.dial(proxy.mqtt_port))
        ask_upgrade(websocket)
        mqtt.sendall(rawmqtt.connect("a", "b", "c"))
        problem(rest.Rest(proxy.url, http=proxy.http).get("/v1/users/me"), 503, "unavailable")
        assert status(websocket) == 503
        closed(mqtt)
    finally:
        proxy.down()
