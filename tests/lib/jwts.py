"""JWTs as other programs see them: checked, and forged, with PyJWT and none of Hum's code."""

import base64
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm


def b64(data):
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def api_key(hum):
    """kid and private key that the instance signs API tokens with."""
    path = max((hum.home / "keys" / "api").glob("*.jwk"))
    return path.stem, ECAlgorithm.from_jwk(path.read_text())


def mqtt_key(hum):
    """kid and secret that the instance signs MQTT tokens with."""
    path = max((hum.home / "keys" / "mqtt").glob("*.key"))
    return path.stem, path.read_bytes()


def api_claims(person, **changes):
    """The claims of an API token as the instance would issue it now; None removes one."""
    now = int(time.time())
    claims = {
        "iss": "hum", "aud": "hum-api", "sub": person.id, "sid": person.sid,
        "iat": now, "exp": now + 900, **changes,
    }
    return {k: v for k, v in claims.items() if v is not None}


def sign(claims, key, algorithm, kid, **headers):
    """Signs claims of any type: jwt.encode would refuse some. An algorithm like none signs nothing."""
    head = {"typ": "JWT", "alg": algorithm, **({"kid": kid} if kid is not None else {}), **headers}
    text = f"{b64(head)}.{b64(claims)}"
    if algorithm.lower() == "none":
        return text + "."
    scheme = jwt.get_algorithm_by_name(algorithm)
    return f"{text}.{b64(scheme.sign(text.encode(), scheme.prepare_key(key)))}"


def hmac_sign(claims, secret, kid):
    """HS256 with whatever stands for a secret: libraries refuse to do that with a public key."""
    text = f"{b64({'typ': 'JWT', 'alg': 'HS256', 'kid': kid})}.{b64(claims)}"
    return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"


def new_key():
    """A P-256 key that the instance has never seen."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk_of(key):
    return json.loads(ECAlgorithm.to_jwk(key.public_key()))


def forged(hum, person):
    """Tokens that are no access tokens, by name. Those of the first rows differ in one claim."""
    kid, key = api_key(hum)

    def api(**changes):
        return sign(api_claims(person, **changes), key, "ES256", kid)

    now = int(time.time())
    jwks = hum.rest.get("/.well-known/jwks.json").content
    claims = api_claims(person)
    other_key = new_key()
    good = person.token
    head, body, mac = good.split(".")
    return {
        "expired": api(exp=now - 1), "no exp": api(exp=None), "text exp": api(exp=str(now + 900)),
        "float exp": api(exp=now + 900.5), "exp list": api(exp=[]),
        "far exp": api(exp=2**70), "negative exp": api(exp=-1),
        "audience of MQTT": api(aud="hum-mqtt"), "no audience": api(aud=None),
        "another issuer": api(iss="evil"), "no issuer": api(iss=None),
        "no session": api(sid=None), "no user": api(sub=None),
        "unknown session": api(sid="1"), "number for a session": api(sid=int(person.sid)),
        "another's session": api(sid=hum.sign_up().sid), "another user": api(sub=hum.sign_up().id),
        "id with a zero": api(sub="0" + person.id), "id with a sign": api(sub="+" + person.id),
        "none": sign(claims, None, "none", kid), "nOnE": sign(claims, None, "nOnE", kid),
        "HS256 with the public PEM": hmac_sign(claims, public_pem(key), kid),
        "HS256 with the public JWK": hmac_sign(claims, jwks, kid),
        "HS256 with nothing": hmac_sign(claims, b"", kid),
        "another key": sign(claims, other_key, "ES256", kid),
        "key in the header": sign(claims, other_key, "ES256", None, jwk=jwk_of(other_key)),
        "no kid": sign(claims, key, "ES256", None),
        "unknown kid": sign(claims, key, "ES256", "20200101T000000Z"),
        "kid with a path": sign(claims, key, "ES256", f"../api/{kid}"),
        "kid of another type": sign(claims, key, "ES256", 7),
        "MQTT token": person.mqtt["password"], "refresh token": person.session["refresh_token"],
        "truncated": good[:-10], "no signature": f"{head}.{body}.", "two parts": f"{head}.{body}",
        "four parts": good + ".x", "empty parts": "..", "zero signature": f"{head}.{body}.{'A' * 86}",
        "swapped claims": f"{head}.{b64(api_claims(person, sub='1'))}.{mac}",
        "claims no object": f"{head}.{b64(b'[]')}.{mac}",
        "64 KB": good + "A" * 60000, "not base64": f"{head}.{body}.####",
        "garbage": "x", "blank": " ", "a header too much": f"{good}, {good}",
    }
