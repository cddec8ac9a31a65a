"""Connections that must not come about, and that must not hurt those that are there."""

import base64
import hashlib
import json
import os
import time

import pytest

from lib import rawmqtt
from lib.mqtt import V5, V311, Client, Gone, Refused, eventually, friends, granted, in_time, newcomer
from lib.rest import ok
from lib.tokens import Mint, pem, sign

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
CODE = {rawmqtt.V31: 5, V311: 5, V5: 0x87}  # not authorized


@pytest.fixture(scope="module")
def victim(hum):
    """A person who is connected throughout, and must stay so."""
    alice, _, dm = friends(hum)
    with Client(hum, alice.mqtt) as client:
        assert client.subscribe(f"dm/{dm}/messages") == 1
        alice.dm, alice.client = dm, client
        yield alice


@pytest.fixture(scope="module")
def mallory(hum):
    return newcomer(hum)


@pytest.fixture(autouse=True)
def victim_stays(victim):
    yield
    client = victim.client
    assert not client.gone.is_set()
    client.message(f"dm/{victim.dm}/messages", client.send(victim.dm, "still here"))


@pytest.fixture
def refuses(raw):
    """Asserts that a CONNECT is refused, with the code for it or by closing the connection."""

    def check(client_id, username, password, *, version=V5, code=None, **kw):
        connection = raw()
        try:
            got = connection.connect(client_id, username, password, version=version, **kw)
            assert got == (CODE[version] if code is None else code), hex(got)
        except rawmqtt.Closed:
            pass
        assert connection.closed()

    return check


# --- tokens ---


def other_digest(mint, alg, digest):
    return sign({**mint.header, "alg": alg}, mint.claims, mint.key, digest)


def unsigned(mint, alg):
    return sign({**mint.header, "alg": alg}, mint.claims, None)


def broken(mint, change):
    return change(mint.token())


def swap_last(token):
    """The last character of a signature of 32 bytes carries 4 bits of it, the one before it 6."""
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


NOW = int(time.time())

TOKENS = {
    "none": lambda m: unsigned(m, "none"),
    "None": lambda m: unsigned(m, "None"),
    "nOnE": lambda m: unsigned(m, "nOnE"),
    "NONE": lambda m: unsigned(m, "NONE"),
    "none, signed all the same": lambda m: m.token(header={"alg": "none"}),
    "no algorithm": lambda m: sign({"typ": "JWT", "kid": m.kid}, m.claims, m.key),
    "algorithm null": lambda m: m.token(header={"alg": None}),
    "algorithm a list": lambda m: m.token(header={"alg": ["HS256"]}),
    "algorithm empty": lambda m: m.token(header={"alg": ""}),
    "HS384": lambda m: other_digest(m, "HS384", hashlib.sha384),
    "HS512": lambda m: other_digest(m, "HS512", hashlib.sha512),
    "RS256 with our key": lambda m: m.token(header={"alg": "RS256"}),
    "ES256 with our key": lambda m: m.token(header={"alg": "ES256"}),
    "another key": lambda m: m.token(key=b"x" * 32),
    "empty key": lambda m: sign(m.header, m.claims, b""),
    "no signature": lambda m: unsigned(m, "HS256"),
    "signature cut": lambda m: broken(m, lambda t: t[:-4]),
    "signature changed": lambda m: broken(m, swap_last),
    "signature of another": lambda m: m.token().rsplit(".", 1)[0] + "." + m.token(iat=1).rsplit(".", 1)[1],
    "two parts": lambda m: broken(m, lambda t: t.rsplit(".", 1)[0]),
    "four parts": lambda m: broken(m, lambda t: t + ".x"),
    "dots": lambda m: "..",
    "empty": lambda m: "",
    "not base64": lambda m: broken(m, lambda t: "!" + t[1:]),
    "space before": lambda m: broken(m, lambda t: " " + t),
    "Bearer": lambda m: broken(m, lambda t: "Bearer " + t),
    "claims not JSON": lambda m: sign(m.header, b"claims", m.key),
    "claims a list": lambda m: sign(m.header, b"[]", m.key),
    "claims empty": lambda m: sign(m.header, {}, m.key),
    "header not JSON": lambda m: sign(b"header", m.claims, m.key),
    "kid missing": lambda m: sign({"alg": "HS256", "typ": "JWT"}, m.claims, m.key),
    "kid unknown": lambda m: m.token(header={"kid": "20200101T000000Z"}),
    "kid empty": lambda m: m.token(header={"kid": ""}),
    "kid a number": lambda m: m.token(header={"kid": 1}),
    "kid .": lambda m: m.token(header={"kid": "."}),
    "kid with its ending": lambda m: m.token(header={"kid": m.kid + ".key"}),
    "kid by a path": lambda m: m.token(header={"kid": "../mqtt/" + m.kid}),
    "kid /dev/null": lambda m: sign({**m.header, "kid": "../../../../../../../../dev/null"}, m.claims, b""),
    "iss missing": lambda m: m.token(without="iss"),
    "iss wrong": lambda m: m.token(iss="hum2"),
    "iss empty": lambda m: m.token(iss=""),
    "iss a list": lambda m: m.token(iss=["hum"]),
    "aud missing": lambda m: m.token(without="aud"),
    "aud of the API": lambda m: m.token(aud="hum-api"),
    "aud longer": lambda m: m.token(aud="hum-mqtt2"),
    "aud in capitals": lambda m: m.token(aud="HUM-MQTT"),
    "exp missing": lambda m: m.token(without="exp"),
    "exp a text": lambda m: m.token(exp=str(NOW + 3600)),
    "exp a float": lambda m: m.token(exp=NOW + 3600.5),
    "exp a round float": lambda m: m.token(exp=float(NOW + 3600)),
    "exp with an exponent": lambda m: sign(
        m.header, json.dumps({**m.claims, "exp": 0}).replace('"exp": 0', '"exp": 9e9').encode(), m.key),
    "exp null": lambda m: m.token(exp=None),
    "exp true": lambda m: m.token(exp=True),
    "exp a list": lambda m: m.token(exp=[NOW + 3600]),
    "exp past": lambda m: m.token(exp=NOW - 1),
    "exp long past": lambda m: m.token(exp=1),
    "exp 0": lambda m: m.token(exp=0),
    "exp negative": lambda m: m.token(exp=-1),
    "exp beyond 64 bits": lambda m: m.token(exp=2**64 + NOW),
    "sub missing": lambda m: m.token(without="sub"),
    "sub a number": lambda m: m.token(sub=int(m.claims["sub"])),
    "sub empty": lambda m: m.token(sub=""),
    "sub with a zero": lambda m: m.token(sub="0" + m.claims["sub"]),
    "sub with a space": lambda m: m.token(sub=m.claims["sub"] + " "),
    "sid missing": lambda m: m.token(without="sid"),
    "sid a number": lambda m: m.token(sid=int(m.claims["sid"])),
    "sid with a suffix": lambda m: m.token(sid=m.claims["sid"] + ":x"),
    "sid nobody's": lambda m: m.token(sid="77"),
    "4 KiB": lambda m: m.token(x="x" * 4096),
    "60 KiB": lambda m: m.token(x="x" * 45000),
    "64 KiB of dots": lambda m: "." * 65000,
    "as much as fits": lambda m: "A" * 65535,
    "deep": lambda m: sign(m.header, b"[" * 20000, m.key),
}


@VERSIONS
@pytest.mark.parametrize("name", TOKENS)
def test_a_wrong_token(hum, victim, refuses, name, version):
    token = TOKENS[name](Mint(hum, victim))
    refuses(victim.sid + ":wrong", victim.id, token, version=version)
    refuses(victim.sid, victim.id, token, version=version)  # and nobody is taken over


@VERSIONS
def test_a_right_token_of_the_same_making_is_taken(hum, victim, raw, version):
    """What the cases above differ from."""
    mint = Mint(hum, victim)
    assert raw().connect(victim.sid + ":right", victim.id, mint.token(), version=version) == 0
    assert raw().connect(victim.sid + ":right2", victim.id, mint.token(exp=NOW + 40 * 365 * 86400),
                         version=version) == 0


@VERSIONS
def test_a_token_signed_with_something_public(hum, victim, refuses, version):
    (jwk, *_) = ok(hum.rest.get("/.well-known/jwks.json"))["keys"]
    mint = Mint(hum, victim)
    text = pem(jwk)
    secrets = [text, text.strip(), text.replace("\n", "\r\n"), json.dumps(jwk),
               json.dumps(jwk, separators=(",", ":")), jwk["x"], jwk["y"], jwk["kid"], mint.kid]
    secrets = [s.encode() for s in secrets] + [base64.b64decode("".join(text.splitlines()[1:-1]))]
    for kid in (jwk["kid"], mint.kid):
        for secret in secrets:
            refuses(victim.sid + ":public", victim.id, mint.token(header={"kid": kid}, key=secret),
                    version=version)


@VERSIONS
def test_a_token_signed_with_another_key_of_the_instance(hum, victim, refuses, version):
    """By name, and by a path to it: only the keys of MQTT tokens count."""
    mint = Mint(hum, victim)
    for key in (*(hum.home / "keys").glob("*/*"), *(hum.home / "secrets").glob("*")):
        if key.parent.name == "mqtt":
            continue
        folder = f"../{key.parent.name}" if key.parent.parent.name == "keys" else "../../secrets"
        for secret in (key.read_bytes(), key.read_bytes().strip()):
            for kid in (key.stem, key.name, f"{folder}/{key.stem}", f"{folder}/{key.name}",
                        str(key), str(key.with_suffix(""))):
                refuses(victim.sid + ":path", victim.id, mint.token(header={"kid": kid}, key=secret),
                        version=version)


@VERSIONS
def test_tokens_for_something_else(victim, refuses, version):
    for name in ("access_token", "refresh_token"):
        refuses(victim.sid, victim.id, victim.session[name], version=version)


@VERSIONS
def test_a_token_that_ends_ends_its_connection(hum, victim, connect, version):

    def subscribed(seconds):
        token = Mint(hum, victim).token(exp=int(time.time()) + seconds)
        credentials = {**victim.mqtt, "password": token}
        clients = [
            connect(credentials, at_once=True, suffix=f"short-{transport}", version=version, transport=transport)
            for transport in ("tcp", "websockets")
        ]
        for client in clients:
            if not granted(client.subscribe(f"dm/{victim.dm}/messages")):
                client.closed()
                raise Gone
        return credentials, clients

    credentials, clients = in_time(subscribed)
    for client in clients:
        client.closed(150)
    with pytest.raises(Refused):
        connect(credentials, at_once=True, suffix="short-again", version=version)


# --- names ---


@VERSIONS
def test_without_a_name_or_a_token(victim, refuses, version):
    token = victim.mqtt["password"]
    for username, password in ((None, None), (victim.id, None), (None, token), ("", token),
                               (victim.id, ""), ("", ""), (token, victim.id)):
        refuses(victim.sid + ":x", username, password, version=version)
        refuses(victim.sid, username, password, version=version)


@VERSIONS
def test_a_user_name_that_is_not_the_tokens(victim, mallory, refuses, version):
    mine = victim.id
    for username in (mallory.id, victim.nickname, victim.email, victim.sid, "0" + mine, mine + " ",
                     " " + mine, mine + "/", "+" + mine, "-" + mine, mine + ".0", mine[:-1], mine + "0",
                     mine + "\n", "+", "#", "admin", "x" * 60000):
        refuses(victim.sid + ":x", username, victim.mqtt["password"], version=version)


@VERSIONS
def test_somebody_elses_session(victim, mallory, refuses, version):
    token = mallory.mqtt["password"]
    for client_id in (victim.sid, victim.sid + ":x"):
        for username in (mallory.id, victim.id):
            refuses(client_id, username, token, version=version)
        refuses(client_id, victim.id, mallory.session["access_token"], version=version)


@VERSIONS
def test_another_session_of_ones_own(victim, refuses, version):
    second = victim.sign_in()
    refuses(victim.sid, victim.id, second.mqtt["password"], version=version)
    refuses(victim.sid + ":x", victim.id, second.mqtt["password"], version=version)
    refuses(second.sid, victim.id, victim.mqtt["password"], version=version)


@VERSIONS
def test_the_claims_of_two_people_in_one_token(hum, victim, mallory, raw, version):
    """Signed with the real key: a session belongs to its user whatever a token says. One so young that the
    broker looks it up may be let in for that time, and gets nothing."""
    mint = Mint(hum, mallory)
    for client_id, user, token in (
        (victim.sid + ":x", mallory.id, mint.token(sid=victim.sid)),
        (mallory.sid + ":x", victim.id, mint.token(sub=victim.id)),
    ):
        connection = raw()
        try:
            if connection.connect(client_id, user, token, version=version) == 0:
                assert connection.subscribe(f"user/{user}/inbox")[0] >= 0x80
        except rawmqtt.Closed:
            pass
        assert connection.closed()


SUFFIXES = [":", ":" + "x" * 33, ":a b", ":a/b", ":a:b", ":a.b", ":é", ":a+", ":#", ":a\n", ": ", "::",
            "/x", " ", "x", "+", "#", "\n", "-1", ".1", ":" + "x" * 60000]


@VERSIONS
@pytest.mark.parametrize("suffix", SUFFIXES, ids=range(len(SUFFIXES)))
def test_a_bad_client_id(victim, refuses, suffix, version):
    refuses(victim.sid + suffix, victim.id, victim.mqtt["password"], version=version)


@VERSIONS
def test_client_ids_that_are_not_a_sessions(victim, refuses, version):
    sid = victim.sid
    for client_id in ("0" + sid, "+" + sid, " " + sid, ":" + sid, "x" + sid, ":", ":x", sid[:-1], "0",
                      "77", "-1", "hum", "hum-wake", "mosqsub", "x" * 65000, sid * 100):
        refuses(client_id, victim.id, victim.mqtt["password"], version=version)


@VERSIONS
def test_an_empty_client_id(victim, refuses, version):
    for clean in (True, False):
        refuses("", victim.id, victim.mqtt["password"], version=version, clean=clean,
                code=2 if version == V311 else 0x80)


# --- what else CONNECT says ---


@VERSIONS
@pytest.mark.parametrize("keepalive", (0, 901, 65535))
def test_a_keepalive_out_of_bounds(victim, refuses, keepalive, version):
    refuses(victim.sid, victim.id, victim.mqtt["password"], version=version, keepalive=keepalive)


@VERSIONS
def test_a_session_that_is_not_clean(victim, refuses, version):
    for client_id in (victim.sid, victim.sid + ":x"):
        refuses(client_id, victim.id, victim.mqtt["password"], version=version, clean=False)


def test_mqtt_3_1(victim, refuses):
    for client_id in (victim.sid, victim.sid + ":x"):
        refuses(client_id, victim.id, victim.mqtt["password"], version=rawmqtt.V31)


@pytest.mark.parametrize("level", (0, 1, 2, 6, 127, 255))
def test_protocol_levels_that_do_not_exist(victim, raw, level):
    connection = raw()
    connection.send(rawmqtt.connect(victim.sid, victim.id, victim.mqtt["password"], version=level))
    assert connection.closed()


METHODS = [
    rawmqtt.properties(bytes([rawmqtt.AUTH_METHOD]) + rawmqtt.text(method), *data)
    for method in ("SCRAM-SHA-256", "PLAIN", "JWT", "")
    for data in ((), (bytes([rawmqtt.AUTH_DATA]) + rawmqtt.text("x"),))
]


@pytest.mark.parametrize("props", METHODS, ids=range(len(METHODS)))
def test_an_authentication_method(victim, raw, props):
    for username, password in ((victim.id, victim.mqtt["password"]), (None, None)):
        for client_id in (victim.sid, victim.sid + ":x"):
            connection = raw()
            try:
                code = connection.connect(client_id, username, password, props=props)
                assert code in (0x87, 0x8C), hex(code)
            except rawmqtt.Closed:
                pass
            assert connection.closed()


REAUTHENTICATE = bytes([0x19]) + rawmqtt.properties(bytes([rawmqtt.AUTH_METHOD]) + rawmqtt.text("PLAIN"))
AUTHS = {
    "F0 00": b"\xf0\x00",
    "success": b"\xf0\x01\x00",
    "continue": b"\xf0\x01\x18",
    "reauthenticate": rawmqtt.packet(rawmqtt.AUTH, REAUTHENTICATE),
    "reauthenticate, cut": b"\xf0\x02\x19\x05",
    "flags": b"\xf1\x00",
}


@pytest.mark.parametrize("name", AUTHS)
def test_auth_packets(victim, raw, name):
    """Before CONNECT, behind it, twice, and while a method is on its way: no effect but the close."""
    packet = AUTHS[name]
    credentials = (victim.sid + ":auth", victim.id, victim.mqtt["password"])
    connection = raw()
    connection.send(packet)
    assert connection.closed()
    for version in (V311, V5):
        connection = raw()
        assert connection.connect(*credentials, version=version) == 0
        connection.send(packet * 2)
        assert connection.closed()
        connection = raw()
        connection.send(packet + rawmqtt.connect(*credentials, version=version))
        assert connection.closed()
    connection = raw()
    connection.send(rawmqtt.connect(*credentials, props=METHODS[0]) + packet * 3)
    assert connection.closed()


def test_a_flood_of_refusals_leaves_nothing_behind(hum, victim, raw):
    """Descriptors are given back, and the right one still comes in."""
    folder = f"/proc/{hum.pid('mosquitto')}/fd"
    before = len(os.listdir(folder))
    for _ in range(300):
        connection = raw()
        assert connection.connect(victim.sid + ":x", victim.id, "wrong") == 0x87
        connection.close()
    eventually(lambda: len(os.listdir(folder)) <= before + 2)
    assert raw().connect(victim.sid + ":x", victim.id, victim.mqtt["password"]) == 0
