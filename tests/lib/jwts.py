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
