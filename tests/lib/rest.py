"""The REST API as a client sees it, and people who use it."""

import itertools
import json
import re
import secrets
import threading
import time
from urllib.parse import quote

import requests

from lib import spec

PROBLEM = "application/problem+json"
TIMEOUT_S = 90
RENEW_S = 600  # an access token is good for 900

# Everything that people signed in with: none of it may be written anywhere.
SECRETS = set()

_numbers = itertools.count(1)


def unique(prefix="u"):
    """A short word that no other test uses, fit for nicknames, e-mail addresses and nonces."""
    return f"{prefix}{next(_numbers)}x{secrets.token_hex(4)}"


def problem(response, status, code):
    """Asserts that a response is the named error in its one form; returns its JSON."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    assert response.headers["Content-Type"].split(";")[0] == PROBLEM, response.headers
    body = response.json()
    assert body["code"] == code, body
    assert body["status"] == status, body
    assert isinstance(body["type"], str) and isinstance(body["title"], str), body
    assert isinstance(body["detail"], str), body
    return body


def refused_member(response, name, value):
    """Asserts that a member of the body was refused by name, where it could be read at all."""
    body = problem(response, 400, "invalid_request")
    unreadable = isinstance(value, str) and re.search("[\0\ud800-\udfff]", value)
    if not unreadable:
        assert name in body["fields"], body


def ok(response, status=200):
    """Asserts the status of a success; returns the JSON, or None for 204."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    if status == 204:
        assert response.content == b""
        return None
    assert response.headers["Content-Type"].split(";")[0] == "application/json", response.headers
    return response.json()


class Rest:
    """Calls of one client: with a token, or without. Threads may share it."""

    def __init__(self, url, token=None, http=None):
        self.url = url
        self.token = token
        self.http = http or requests.Session()
        self.http.trust_env = False  # no proxy and no .netrc of whoever runs the tests

    def call(self, method, path, **kw):
        headers = dict(kw.pop("headers", None) or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        if kw.get("json") is not None:  # as UTF-8: escapes would make long texts longer still
            kw["data"] = json.dumps(kw.pop("json"), ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        kw.setdefault("timeout", TIMEOUT_S)
        kw.setdefault("allow_redirects", False)
        kw.setdefault("hooks", {"response": spec.check_response})
        return self.http.request(method, self.url + path, headers=headers, **kw)

    def get(self, path, **params):
        return self.call("GET", path, params=params)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, json=body, **kw)

    def put(self, path, body=None, **kw):
        return self.call("PUT", path, json=body, **kw)

    def patch(self, path, body=None, **kw):
        return self.call("PATCH", path, json=body, **kw)

    def delete(self, path, **kw):
        return self.call("DELETE", path, **kw)

    def pages(self, path, limit, **params):
        """All items of a list, page by page, and how many pages it took."""
        items, pages, cursor = [], 0, None
        while True:
            extra = {} if cursor is None else {"cursor": cursor}
            page = ok(self.get(path, limit=limit, **extra, **params))
            assert set(page) == {"items", "next"}, page
            assert len(page["items"]) <= limit
            items += page["items"]
            pages += 1
            cursor = page["next"]
            if cursor is None:
                return items, pages


class Person(Rest):
    """Somebody who has signed in on one device."""

    def __init__(self, url, http, session, email, password):
        self._renewing = threading.Lock()
        super().__init__(url, session["access_token"], http)
        self.session = session
        self.email = email
        self.password = password
        SECRETS.update([*([password] if password else []), session["access_token"], session["refresh_token"],
                        session["mqtt"]["password"]])

    @property
    def token(self):
        """The access token: a new one in time, since tests of a slow machine outlive the first."""
        with self._renewing:
            if time.monotonic() - self._since > RENEW_S:
                self._renew()
            return self._token

    @token.setter
    def token(self, value):
        self._token, self._since = value, time.monotonic()

    def _renew(self):
        """Where that is not possible, the test has signed this device out."""
        body = {"refresh_token": self.session["refresh_token"]}
        answer = Rest(self.url, http=self.http).post("/v1/auth/refresh", body)
        self._since = time.monotonic()
        if answer.ok:
            self.session = answer.json()
            self._token = self.session["access_token"]
            SECRETS.update([self._token, self.session["refresh_token"], self.session["mqtt"]["password"]])

    @property
    def id(self):
        return self.session["user"]["id"]

    @property
    def nickname(self):
        return self.session["user"]["nickname"]

    @property
    def sid(self):
        return self.session["session_id"]

    @property
    def mqtt(self):
        """What CONNECT needs: client_id, username, password; tcp, ws."""
        return self.session["mqtt"]

    def say(self, room, text, nonce=None, **extra):
        """Posts a message by REST; returns the Message."""
        body = {"nonce": nonce or unique("n"), "text": text, **extra}
        response = self.post(f"/v1/rooms/{room}/messages", body)
        assert response.status_code in (200, 201), response.text
        return response.json()

    def history(self, room, **params):
        """The whole history of a room, in order."""
        items, after = [], 0
        while True:
            page = ok(self.get(f"/v1/rooms/{room}/messages", after=after, limit=100, **params))
            items += page["items"]
            if not page["items"]:
                return items
            after = page["items"][-1]["seq"]

    def inbox(self):
        """The notifications that this person has got, oldest first."""
        return self.history(self.id)

    def sign_in(self):
        """The same person on another device."""
        body = {"email": self.email, "password": self.password}
        response = Rest(self.url, http=self.http).post("/v1/auth/login", body)
        return Person(self.url, self.http, ok(response), self.email, self.password)


def sign_up(url, http, nickname=None, email=None, password=None, device=None):
    nickname = nickname or unique()
    email = email or f"{unique('m')}@example.org"
    password = password or f"pass-{secrets.token_urlsafe(12)}"
    body = {"email": email, "password": password, "nickname": nickname}
    if device:
        body["device"] = device
    session = ok(Rest(url, http=http).post("/v1/auth/register", body), 201)
    return Person(url, http, session, email, password)


def befriend(a, b):
    ok(a.post("/v1/friends/requests", {"user_id": b.id}), 201)
    ok(b.post(f"/v1/friends/requests/{quote(a.id)}/accept"), 200)


def open_dm(a, b):
    """Opens the DM of two friends; returns its id."""
    response = a.post("/v1/dms", {"user_id": b.id})
    assert response.status_code in (200, 201), response.text
    return response.json()["id"]


def many_devices(database, person):
    """Has them signed in on 99 more, which are seen later than any other."""
    database.rows("insert into sessions (id, user_id, refresh_seed, expires_at, last_seen_at)"
                  " select hum_id(), %s, '', now() + interval '1 day', now() + i * interval '1 minute'"
                  " from generate_series(1, 99) i", int(person.id))
