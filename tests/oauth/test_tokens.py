"""ID tokens that a provider must not send, each refused for its own reason."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib import jwts
from lib.hostile_idp import KEYS, KIDS, public_jwk

NOW = int(time.time())
OTHER = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_what_holds(evil, alg):
    evil.idp.lies.alg = alg
    assert evil.identity() == {"status": "ok", "issuer": evil.idp.issuer, "subject": "person-1",
                               "email": "bob@example.com", "email_verified": True, "name": "Bob"}
    assert evil.probe.reported() == []


CLAIMS = {
    "another issuer": ({"iss": "https://accounts.example.com"}, "iss"),
    "an issuer that begins like it": ({"iss": "http://127.0.0.1:1/"}, "iss"),
    "no issuer": ({"iss": None}, "iss"),
    "an issuer that is a list": ({"iss": ["x"]}, "iss"),
    "another client": ({"aud": "other"}, "aud"),
    "an empty list of clients": ({"aud": []}, "aud"),
    "a client that begins like us": ({"aud": "hum2"}, "aud"),
    "no aud": ({"aud": None}, "aud"),
    "an aud that is an object": ({"aud": {"hum": 1}}, "aud"),
    "another client among two": ({"aud": ["other", "another"]}, "aud"),
    "two clients without azp": ({"aud": ["hum", "other"]}, "azp"),
    "two clients, issued to the other": ({"aud": ["hum", "other"], "azp": "other"}, "azp"),
    "issued to another client": ({"azp": "other"}, "azp"),
    "azp that is no text": ({"azp": ["hum"]}, "azp"),
    "expired": ({"exp": NOW - 3600}, "expired"),
    "no expiry": ({"exp": None}, "expired"),
    "expiry as text": ({"exp": str(NOW + 300)}, "expired"),
    "expiry as a float": ({"exp": NOW + 300.5}, "expired"),
    "expiry below zero": ({"exp": -1}, "expired"),
    "issued tomorrow": ({"iat": NOW + 86400}, "later than now"),
    "no time of issue": ({"iat": None}, "of when"),
    "time of issue as a float": ({"iat": NOW + 0.5}, "of when"),
    "time of issue below zero": ({"iat": -1}, "of when"),
    "not before a float": ({"nbf": NOW - 0.5}, "does not hold yet"),
    "time of issue as text": ({"iat": "now"}, "of when"),
    "not before tomorrow": ({"nbf": NOW + 86400}, "does not hold yet"),
    "another nonce": ({"nonce": "n-2"}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "an empty nonce": ({"nonce": ""}, "nonce"),
    "nonce that is no text": ({"nonce": 1}, "nonce"),
    "no subject": ({"sub": None}, "sub"),
    "an empty subject": ({"sub": ""}, "sub"),
    "subject that is a number": ({"sub": 1}, "sub"),
    "a line in a subject": ({"sub": "a\nb"}, "sub"),
    "control characters in a subject": ({"sub": "a\x7f"}, "sub"),
    "a subject too long": ({"sub": "s" * 256}, "sub"),
    "another access token": ({"at_hash": "A" * 22}, "at_hash"),
    "an empty at_hash": ({"at_hash": ""}, "at_hash"),
    "at_hash that is no text": ({"at_hash": 5}, "at_hash"),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_claims(evil, case):
    evil.idp.lies.claims, told = CLAIMS[case]
    evil.refused(told)


HOLDING = {
    "us in a list": {"aud": ["hum"]},
    "us among two, issued to us": {"aud": ["other", "hum"], "azp": "hum"},
    "issued to us": {"azp": "hum"},
    "a clock ahead of ours": {"iat": 30, "exp": 330},
    "a clock behind ours": {"iat": -310, "exp": -10},
    "no at_hash": {"at_hash": None},
    "the longest subject": {"sub": "s" * 255},
}


@pytest.mark.parametrize("case", HOLDING)
def test_claims_that_hold(evil, case):
    now = int(time.time())
    evil.idp.lies.claims = {k: now + v if k in ("iat", "exp") else v for k, v in HOLDING[case].items()}
    assert evil.identity()["status"] == "ok"


def test_a_nonce_where_none_was_asked_for(evil):
    """A token of a sign-in that somebody else began."""
    evil.idp.lies.claims = {"nonce": "theirs"}
    evil.refused("nonce", nonce=None)


def test_no_nonce_where_none_was_asked_for(evil):
    assert evil.identity(nonce=None)["status"] == "ok"


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "HS256", "HS512", "RS1", "ES384", "dir", ""])
def test_algorithms_that_are_not_believed(evil, alg):
    def make(claims):
        text = f"{jwts.b64({'alg': alg, 'kid': 'es'})}.{jwts.b64(claims)}"
        return text + "." + ("" if alg.lower() == "none" else jwts.b64(b"x" * 64))

    evil.idp.lies.id_token = make
    evil.refused("alg")


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "secret"])
def test_a_shared_secret_that_everybody_has(evil, form):
    """HS256, keyed with what the provider publishes, or with the client secret."""
    key = KEYS["ES256"].public_key()
    secret = {"pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
              "der": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
              "jwk": json.dumps(public_jwk("ES256", KEYS["ES256"])).encode(),
              "secret": evil.idp.secret.encode()}[form]
    evil.idp.lies.id_token = lambda claims: jwts.hmac_sign(claims, secret, "es")
    evil.refused("alg")


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_another_key_of_the_same_name(evil, alg):
    kind = type(KEYS[alg])
    new = {"RS256": lambda: rsa.generate_private_key(65537, 2048), "PS256": lambda: rsa.generate_private_key(65537, 2048),
           "ES256": lambda: OTHER}.get(alg, getattr(kind, "generate", None))
    evil.idp.lies.alg, evil.idp.lies.key = alg, new()
    evil.refused("signature")


def test_claims_that_were_changed_after_signing(evil):
    def make(claims):
        head, _, signature = jwts.sign(claims, KEYS["ES256"], "ES256", "es").split(".")
        return f"{head}.{jwts.b64({**claims, 'sub': 'somebody else'})}.{signature}"

    evil.idp.lies.id_token = make
    evil.refused("signature")


@pytest.mark.parametrize("signature", ["", "AAAA", "A" * 86, "." + "A" * 86])
def test_no_signature(evil, signature):
    evil.idp.lies.id_token = lambda claims: jwts.sign(claims, KEYS["ES256"], "ES256", "es").rsplit(".", 1)[0] + "." + signature
    evil.refused("signed JWT" if "." in signature else "signature")


BROUGHT = {
    "jwk": {"jwk": public_jwk("ES256", OTHER)},
    "jwk of the same name": {"jwk": public_jwk("ES256", OTHER, kid="es")},
    "x5c": {"x5c": ["MIIB"]},
}


@pytest.mark.parametrize("case", BROUGHT)
def test_a_key_that_the_token_brings_along(evil, case):
    evil.idp.lies.header, evil.idp.lies.key = BROUGHT[case], OTHER
    evil.refused("signature")


@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_a_key_that_the_token_points_to(evil, member):
    """Nobody goes there."""
    evil.idp.lies.header = {member: f"{evil.idp.issuer}/other-keys"}
    evil.idp.lies.key = OTHER
    evil.refused("signature")
    assert "/other-keys" not in evil.idp.paths()


@pytest.mark.parametrize("kid", ["../../etc/passwd", "es' or '1'='1", "", "e\u0000s", "é" * 200], ids=lambda v: ascii(v)[:40])
def test_names_of_keys(evil, kid):
    evil.idp.lies.header = {"kid": kid}
    evil.refused("kid" if len(kid) > 100 else "signed JWT" if "\0" in kid else "does not publish")


@pytest.mark.parametrize("header, told", [
    ({"typ": "logout+jwt"}, "something else"), ({"typ": "at+jwt"}, "something else"), ({"typ": 5}, "something else"),
    ({"crit": ["exp"]}, "something else"), ({"crit": [], "b64": False}, "something else"), ({"kid": 5}, "kid"),
], ids=lambda v: ascii(v)[:60])
def test_headers(evil, header, told):
    evil.idp.lies.header = header
    evil.refused(told)


def test_a_name_twice_in_the_header_or_the_claims(evil):
    """Two readers could take different ones."""
    def head(claims):
        text = base64.urlsafe_b64encode(b'{"alg":"ES256","alg":"none","kid":"es"}').rstrip(b"=").decode()
        return f"{text}.{jwts.b64(claims)}.{jwts.b64(b'x' * 64)}"

    def body(claims):
        raw = json.dumps(claims)[:-1] + ', "sub": "somebody else"}'
        text = f"{jwts.b64({'alg': 'ES256', 'kid': 'es'})}.{jwts.b64(raw.encode())}"
        scheme = jwt.get_algorithm_by_name("ES256")
        return f"{text}.{jwts.b64(scheme.sign(text.encode(), KEYS['ES256']))}"

    evil.idp.lies.id_token = head
    evil.refused("signed JWT")
    evil.idp.lies.id_token = body
    evil.refused("claims are no JSON object")


WHOLE = {
    "nothing": "", "words": "not a token", "two parts": "e30.e30", "four parts": "e30.e30.e30.e30",
    "encrypted": "e30.e30.e30.e30.e30", "no base64": "%%%.e30.e30", "no JSON": "eA.eA.eA",
    "a list": "W10.W10.W10", "64 KiB": "A" * 65536, "only dots": "..",
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_no_token(evil, case):
    evil.idp.lies.id_token = lambda claims: WHOLE[case]
    evil.refused("signed JWT")


@pytest.mark.parametrize("value, told", [(None, "lacks an ID token"), (5, "lacks an ID token"), (["x"], "lacks an ID token")])
def test_no_id_token(evil, value, told):
    evil.idp.lies.token = {"id_token": value}
    evil.refused(told)


@pytest.mark.parametrize("claims, address, verified", [
    ({"email_verified": False}, "bob@example.com", False), ({"email_verified": None}, "bob@example.com", False),
    ({"email_verified": "true"}, "bob@example.com", False), ({"email_verified": 1}, "bob@example.com", False),
    ({"email_verified": "false"}, "bob@example.com", False), ({"email": ["bob@example.com"]}, "", False),
    ({"email": "b" * 250 + "@example.com"}, "", False), ({"email": None, "email_verified": True}, "", False),
], ids=lambda v: ascii(v)[:60])
def test_only_true_is_verified(evil, claims, address, verified):
    evil.idp.lies.claims = claims
    found = evil.identity()
    assert (found["status"], found["email"], found["email_verified"]) == ("ok", address, verified)


@pytest.mark.parametrize("claims, name", [
    ({"preferred_username": "bob", "name": "B"}, "bob"), ({"nickname": "bobby", "name": "B"}, "bobby"),
    ({"name": None}, ""), ({"name": 5}, ""), ({"name": "n" * 300}, ""), ({"name": "Ünï ☃"}, "Ünï ☃"),
    ({"name": "\r\nX: y"}, ""),
], ids=lambda v: ascii(v)[:60])
def test_names(evil, claims, name):
    evil.idp.lies.claims = claims
    assert evil.identity()["name"] == name


# --- keys that come, go and are of no use ---


def fresh(asker, **lies):
    """Hum that knows nothing yet, and a provider that lies from the start."""
    one = asker()
    for member, value in lies.items():
        setattr(one.idp.lies, member, value)
    return one


def test_a_new_key_is_looked_for_once(asker):
    one = fresh(asker, jwks={"keys": []})
    one.refused("does not publish")
    one.refused("does not publish")
    assert one.idp.paths().count("/jwks") == 1, "it was asked for just now"


def test_keys_and_discovery_are_asked_for_once(asker):
    one = asker()
    for _ in range(3):
        assert one.identity()["status"] == "ok"
    tags = [one.probe.start("identity", one.name, **one.grant()) for _ in range(12)]
    assert {one.probe.result(t)["status"] for t in tags} == {"ok"}
    assert one.idp.paths().count("/jwks") == one.idp.paths().count("/.well-known/openid-configuration") == 1


def test_many_at_the_start_ask_once(asker):
    one = asker()
    tags = [one.probe.start("identity", one.name, **one.grant()) for _ in range(12)]
    assert {one.probe.result(t)["status"] for t in tags} == {"ok"}
    assert one.idp.paths().count("/jwks") == one.idp.paths().count("/.well-known/openid-configuration") == 1


def jwk(kind="ES256", key=None, **changes):
    made = {**public_jwk(kind, key or KEYS[kind], kid=KIDS[kind]), **changes}
    return {k: v for k, v in made.items() if v is not None}


UNFIT = {
    "for encryption": [jwk(use="enc")], "of another algorithm": [jwk(alg="ES512")], "of another curve": [jwk(crv="P-384")],
    "of another type": [jwk(kty="OKP")], "a secret": [{"kty": "oct", "kid": "es", "k": "AAAA"}],
    "half of it": [jwk(y=None)], "no base64": [jwk(x="%" * 43)], "no numbers": [jwk(x=5)], "too short": [jwk(x="AAAA")],
    "of another name": [{**jwk(), "kid": "other"}], "no object": ["es"], "there twice": [jwk(), jwk(key=OTHER)],
}


@pytest.mark.parametrize("case", UNFIT)
def test_keys_that_do_not_fit(asker, case):
    one = fresh(asker, jwks={"keys": UNFIT[case]})
    one.refused("signature" if case == "no base64" else "does not publish")


@pytest.mark.parametrize("bits, e", [(1024, 65537), (16384, None)])
def test_rsa_keys_of_no_sensible_size(asker, bits, e):
    """A short one is forged, a long one takes long to check."""
    key = jwk("RS256", rsa.generate_private_key(65537, 1024)) if e else jwk("RS256", n="A" * 2731)
    one = fresh(asker, alg="RS256", jwks={"keys": [key]})
    one.refused("does not publish")


def test_a_token_without_a_kid(asker):
    """The only key that fits is meant."""
    one = fresh(asker, id_token=lambda claims: jwts.sign(claims, KEYS["ES256"], "ES256", None))
    assert one.identity()["status"] == "ok"


def test_a_token_without_a_kid_and_two_keys(asker):
    one = fresh(asker, id_token=lambda claims: jwts.sign(claims, KEYS["ES256"], "ES256", None),
                jwks={"keys": [jwk(), {**jwk(key=OTHER), "kid": "other"}]})
    one.refused("does not publish")


def test_a_key_among_many_of_no_use(asker):
    keys = [{"kty": "oct", "kid": f"k{i}", "k": "AAAA"} for i in range(200)] + [jwk(x5u="http://127.0.0.1:1/", x5c=["MIIB"])]
    assert fresh(asker, jwks={"keys": keys}).identity()["status"] == "ok"


@pytest.mark.parametrize("jwks", [[], {}, {"keys": {}}, {"keys": None}, "keys", 5], ids=lambda v: ascii(v)[:60])
def test_what_is_no_set_of_keys(asker, jwks):
    fresh(asker, jwks=jwks).refused("document" if jwks in ("keys", 5) else "JSON Web Key Set", status="unavailable")


def test_an_algorithm_that_the_provider_does_not_list(asker):
    """RS256 with a key of its own, where it says that it signs with ES256 only."""
    one = fresh(asker, alg="RS256", discovery={"id_token_signing_alg_values_supported": ["ES256"]})
    one.refused("alg")
