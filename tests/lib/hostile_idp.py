"""An identity provider that a test tells to lie: OpenID Connect, and GitHub's API, in Python on loopback."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
from urllib.parse import parse_qs, unquote_plus, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from lib import jwts

KEYS = {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate()}
KEYS["PS256"] = KEYS["RS256"]
WRITERS = {"RS256": RSAAlgorithm, "PS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
KIDS = {"RS256": "rs", "PS256": "rs", "ES256": "es", "EdDSA": "ed"}


def public_jwk(alg, key, **more):
    made = WRITERS[alg].to_jwk(key.public_key())
    made = json.loads(made) if isinstance(made, str) else dict(made)
    made.pop("key_ops", None)
    return {**made, **more}


def at_hash(access_token, alg):
    digest = (hashlib.sha512 if alg == "EdDSA" else hashlib.sha256)(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


class Lies:
    """What a test may change. Each is used as it stands when the request comes."""

    def __init__(self, issuer):
        self.alg = "ES256"
        self.claims = {}  # of the ID token: changes; None removes
        self.header = {}  # of it; None removes
        self.key = None  # what it is signed with
        self.id_token = None  # a function of (claims) that makes all of it
        self.discovery = {}
        self.jwks = {"keys": [public_jwk(a, KEYS[a], kid=KIDS[a], use="sig") for a in ("RS256", "ES256", "EdDSA")]}
        self.token = {}  # the token endpoint's answer: changes
        self.userinfo = {"sub": "person-1"}
        self.github = {"/user": {"id": 583231, "login": "octocat", "name": "The Octocat"}, "/user/emails": []}
        self.answers = {}  # path: (status, headers, body) in place of what would be said, or a function of the handler
        self.issuer = issuer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        idp = self.server.idp
        path = urlsplit(self.path).path
        length = int(self.headers.get("Content-Length") or 0)
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode(), keep_blank_values=True).items()}
        idp.seen.append((path, dict(self.headers), form))
        made = idp.lies.answers.get(path)
        if callable(made):
            return made(self)
        if made:
            return self.reply(made[0], made[2], made[1])
        return idp.answer(self, path, form)

    do_GET = do_POST = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """The other side may leave at any time."""


class HostileIdp:
    """client_id "hum"; the code is any text that `code` gave out, once."""

    def __init__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.idp = self
        self.port = self.server.server_address[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.client_id, self.secret = "hum", "s3cret:/%+ of ours"
        self.seen = []
        self.codes = {}
        self.reset()
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def reset(self):
        self.lies = Lies(self.issuer)
        self.seen.clear()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def paths(self):
        return [path for path, *_ in self.seen]

    def code(self, challenge, redirect_uri, nonce):
        """As if somebody had signed in."""
        code = secrets.token_urlsafe(12)
        self.codes[code] = (challenge, redirect_uri, nonce)
        return code

    # --- what it says ---

    def answer(self, handler, path, form):
        if path == "/.well-known/openid-configuration":
            return handler.reply(200, self.discovery())
        if path == "/jwks":
            return handler.reply(200, self.lies.jwks)
        if path in ("/token", "/login/oauth/access_token"):
            return self.token(handler, form)
        if path == "/userinfo":
            return handler.reply(200, self.lies.userinfo)
        if path.startswith("/api/v3/"):
            return handler.reply(200, self.lies.github[path.removeprefix("/api/v3")])
        return handler.reply(404, {})

    def discovery(self):
        made = {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"], **self.lies.discovery,
        }
        return {k: v for k, v in made.items() if v is not None}

    def knows(self, handler, form):
        basic = handler.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            user, _, password = base64.b64decode(basic[6:]).decode().partition(":")
            return (unquote_plus(user), unquote_plus(password)) == (self.client_id, self.secret)
        return (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.secret)

    def token(self, handler, form):
        if not self.knows(handler, form):
            return handler.reply(401, {"error": "invalid_client"})
        grant = self.codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not grant or grant[0] != challenge or grant[1] != form.get("redirect_uri"):
            return handler.reply(400, {"error": "invalid_grant"})
        access_token = secrets.token_urlsafe(16)
        made = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60,
                "id_token": self.id_token(access_token, grant[2]), **self.lies.token}
        return handler.reply(200, {k: v for k, v in made.items() if v is not None})

    def id_token(self, access_token, nonce):
        now = int(time.time())
        lies = self.lies
        claims = {"iss": self.issuer, "aud": self.client_id, "sub": "person-1", "iat": now, "exp": now + 300,
                  "nonce": nonce, "at_hash": at_hash(access_token, lies.alg), "email": "bob@example.com",
                  "email_verified": True, "name": "Bob", **lies.claims}
        claims = {k: v for k, v in claims.items() if v is not None}
        if lies.id_token:
            return lies.id_token(claims)
        header = {"kid": KIDS[lies.alg], **lies.header}
        return jwts.sign(claims, lies.key or KEYS[lies.alg], lies.alg, header.pop("kid"), **header)
