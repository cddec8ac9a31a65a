"""An identity provider (OpenID Connect) that says of people what a test has told it, and does as it should."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import secrets
import shutil
import tempfile
import threading
import time
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from lib import jwts
from lib.rest import SECRETS, Person, Rest, ok, unique

KID = "idp-1"


def person(email=None, **claims):
    """Somebody whom the provider knows: sub, email, email_verified, name."""
    known = {"sub": unique("s"), "email": email or f"{unique('m')}@example.org", "email_verified": True}
    return {**known, **claims}


def s256(verifier):
    return jwts.b64(hashlib.sha256(verifier.encode()).digest())


@contextlib.contextmanager
def providers_file(*settings):
    """A file for HUM_OAUTH_FILE that the daemons can read, and nobody else."""
    with tempfile.TemporaryDirectory(prefix="hum-oauth-") as folder:
        path = pathlib.Path(folder) / "providers.json"
        path.write_text(json.dumps({"providers": settings}))
        path.chmod(0o600)
        if os.geteuid() == 0:
            with contextlib.suppress(LookupError):  # else the first instance makes the user
                shutil.chown(path, "hum")
            path.parent.chmod(0o711)
        yield path


class Idp:
    """client_id, client_secret and redirect_uris are as the operator has agreed them with the provider."""

    def __init__(self, name="idp"):
        self.name = name
        self.key = jwts.new_key()
        self.client_id, self.client_secret = f"client-{name}", secrets.token_urlsafe(24)
        SECRETS.add(self.client_secret)
        self.grants = {}  # by code, which is good once
        self.asked = 0  # requests to the token endpoint
        self.meanwhile = None  # called while one is made to wait
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def settings(self, **changes):
        """The provider's entry in HUM_OAUTH_FILE."""
        return {"id": self.name, "name": "The Provider", "issuer": self.issuer, "client_id": self.client_id,
                "client_secret": self.client_secret, **changes}

    def agree(self, url, who):
        """What the browser is sent back to once somebody has signed in there and agreed."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.issuer}/authorize?"), url
        assert asked["response_type"] == "code" and asked["client_id"] == self.client_id, asked
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split(), asked
        code = secrets.token_urlsafe(24)
        SECRETS.add(code)
        self.grants[code] = (asked, who)
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    # --- what it answers ---

    def _discovery(self):
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "userinfo_endpoint": f"{self.issuer}/me",
            "jwks_uri": f"{self.issuer}/jwks", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": True,
        }

    def _client(self, header):
        kind, _, text = (header or "").partition(" ")
        name, _, word = base64.b64decode(text).decode().partition(":") if kind == "Basic" else ("", "", "")
        return (unquote(name), unquote(word)) == (self.client_id, self.client_secret)

    def _token(self, form, authorization):
        """Status and JSON."""
        self.asked += 1
        if self.meanwhile:
            self.meanwhile()
        asked, who = self.grants.pop(form.get("code"), (None, None))
        if not self._client(authorization):
            return 401, {"error": "invalid_client"}
        if not asked or form.get("grant_type") != "authorization_code" or form["redirect_uri"] != asked["redirect_uri"] \
                or s256(form["code_verifier"]) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, **who}
        if "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        token = jwts.sign(claims, self.key, "ES256", KID)
        access = f"at-{secrets.token_urlsafe(16)}"
        SECRETS.update([token, access])
        return 200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token}

    def _handler(self):
        idp = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                known = {"/.well-known/openid-configuration": idp._discovery,
                         "/jwks": lambda: {"keys": [{**jwts.jwk_of(idp.key), "kid": KID, "alg": "ES256", "use": "sig"}]}}
                found = known.get(self.path)
                self.answer(200 if found else 404, found() if found else {})

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                self.answer(*idp._token(form, self.headers["Authorization"]))

            def log_message(self, *args):
                pass

        return Handler


class Browser(Rest):
    """A client in a browser that keeps a cookie, with a code verifier of its own."""

    def __init__(self, hum):
        super().__init__(hum.http_url, http=hum.http)
        self.place = hum.settings.get("HUM_PUBLIC_URL", hum.http_url)
        self.cookie = None
        self.verifier = secrets.token_urlsafe(48)
        SECRETS.add(self.verifier)

    def call(self, method, path, **kw):
        headers = {**(kw.pop("headers", None) or {}), **({"Cookie": self.cookie} if self.cookie else {})}
        answer = super().call(method, path, headers=headers, **kw)
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            SECRETS.add(self.cookie.partition("=")[2])
        return answer

    def authorize(self, idp, **changes):
        """Where it is sent: to the provider's page."""
        query = {"code_challenge": s256(self.verifier), "code_challenge_method": "S256", **changes}
        answer = self.get(f"/v1/auth/oauth/{idp.name}/authorize", **query)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def come_back(self, url):
        """From the provider to the client; returns (name, value) of the fragment."""
        assert url.startswith(f"{self.place}/v1/auth/oauth/"), url
        answer = self.call("GET", url.removeprefix(self.place))
        assert answer.status_code == 302, answer.text
        place, _, fragment = answer.headers["Location"].partition("#")
        assert place == f"{self.place}/"
        name, _, value = fragment.partition("=")
        SECRETS.update([value] if name == "oauth" else [])
        return name, value

    def code(self, idp, who):
        """The whole way, to the one-time code."""
        name, value = self.come_back(idp.agree(self.authorize(idp), who))
        assert name == "oauth", value
        return value

    def grant(self, code, **changes):
        return {"provider": "hum", "code": code, "code_verifier": self.verifier, **changes}

    def sign_in(self, idp, who, status=200):
        """The whole way; returns somebody who is signed in."""
        session = ok(self.post("/v1/auth/oauth", self.grant(self.code(idp, who))), status)
        return Person(self.url, self.http, session, who["email"], None)
