"""Tokens for MQTT, right ones and wrong ones, made with the keys of an instance."""

import base64
import hashlib
import hmac
import json
import time


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(header, claims, key, digest=hashlib.sha256):
    """header and claims: objects, or bytes to take as they are. key None: no signature."""
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, claims)]
    text = ".".join(b64(p) for p in parts)
    if key is None:
        return f"{text}."
    return f"{text}.{b64(hmac.new(key, text.encode(), digest).digest())}"


def pem(jwk):
    """The public key of a P-256 JWK, as openssl writes it."""
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    body = base64.b64encode(head + unb64(jwk["x"]) + unb64(jwk["y"])).decode()
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


class Mint:
    """Signs tokens for a person's session as the control API does, or with a difference."""

    def __init__(self, hum, person):
        folder = hum.home / "keys" / "mqtt"
        newest = max(folder.glob("*.key"), key=lambda path: path.stem)
        self.key, self.kid = newest.read_bytes(), newest.stem
        self.header = {"alg": "HS256", "typ": "JWT", "kid": self.kid}
        now = int(time.time())
        self.claims = {
            "iss": "hum", "aud": "hum-mqtt", "sub": person.id, "sid": person.sid,
            "iat": now, "exp": now + 3600,
        }

    def token(self, header=None, without=None, key=None, **claims):
        body = {**self.claims, **claims}
        body.pop(without, None)
        return sign({**self.header, **(header or {})}, body, key or self.key)
