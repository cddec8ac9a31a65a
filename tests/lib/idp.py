"""A real identity provider (npm's oidc-provider) on loopback, and a person who signs in at it without a browser."""

import base64
import hashlib
import html
import json
import os
import re
import secrets
import subprocess
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from lib import node
from lib.instance import free_ports

INPUT = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
ACTION = re.compile(r'<form[^>]* action="([^"]+)"')


def pkce():
    """A verifier, and its challenge by S256."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def client(redirect_uris, client_id="hum", secret="a secret: of /hum%", **more):
    """A client as oidc-provider registers it."""
    made = {"client_id": client_id, "redirect_uris": redirect_uris, "response_types": ["code"],
            "grant_types": ["authorization_code"], **more}
    if any(not uri.startswith("https:") and not uri.startswith("http://127.0.0.1") for uri in redirect_uris):
        made["application_type"] = "native"
    if secret:
        return {"client_secret": secret, "token_endpoint_auth_method": "client_secret_basic", **made}
    return {"token_endpoint_auth_method": "none", **made}


class Idp:
    """oidc-provider. accounts: claims by the name that is typed at login; the password is not looked at."""

    def __init__(self, clients, accounts, **settings):
        (self.port,) = free_ports(1)
        config = {"port": self.port, "clients": clients, "accounts": accounts, **settings}
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HUM_", "NODE_"))}
        self.process = subprocess.Popen(
            ["node", node.FOLDER / "identity-provider.js", json.dumps(config)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**env, "NODE_PATH": str(node.modules())})
        first = self.process.stdout.readline()
        assert first, "the identity provider did not start"
        self.issuer = json.loads(first)["issuer"]

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def sign_in(self, url, login, session=None):
        """Goes where Hum sends the browser, signs in and agrees; the parameters that come back, and where to."""
        session = session or requests.Session()
        answer = session.get(url, allow_redirects=False, timeout=60)
        for _ in range(20):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if urlsplit(target).netloc != f"127.0.0.1:{self.port}":
                    return {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}, target
                answer = session.get(target, allow_redirects=False, timeout=60)
                continue
            action = ACTION.search(answer.text)
            assert answer.status_code == 200 and action, f"{answer.status_code}\n{answer.text}"
            fields = dict(INPUT.findall(answer.text))
            if fields.get("prompt") == "login":
                fields.update(login=login, password="any")
            answer = session.post(urljoin(answer.url, html.unescape(action[1])), fields, allow_redirects=False, timeout=60)
        raise AssertionError(f"no end of it: {answer.url}")
