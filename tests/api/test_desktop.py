"""The desktop client as it is served: packed for who takes that, with a policy that lets it reach the broker alone."""

import gzip
import hashlib

import pytest

FILES = {"/": "text/html; charset=utf-8", "/desktop/app.js": "text/javascript; charset=utf-8",
         "/desktop/mqtt.js": "text/javascript; charset=utf-8", "/desktop/app.css": "text/css; charset=utf-8",
         "/desktop/icon.svg": "image/svg+xml"}


def fetch(hum, path, coding, **headers):
    """The answer, and its body as it came over the line."""
    answer = hum.rest.call("GET", path, headers={"Accept-Encoding": coding, **headers}, stream=True)
    return answer, answer.raw.read(decode_content=False)


@pytest.mark.parametrize("path", FILES)
def test_a_file_plain_and_packed(hum, path):
    plain, text = fetch(hum, path, "identity")
    packed, body = fetch(hum, path, "deflate, gzip;q=0.8, br")
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == text
    for answer, sent in ((plain, text), (packed, body)):
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, FILES[path])
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["ETag"] == f'"{hashlib.sha256(sent).hexdigest()}"'
    again, nothing = fetch(hum, path, "gzip", **{"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, nothing) == (304, b"")
    other, _ = fetch(hum, path, "identity", **{"If-None-Match": packed.headers["ETag"]})
    assert other.status_code == 200, "the tag is of the other form"


@pytest.mark.parametrize("coding, packed", [
    ("gzip", True), ("GZIP", True), ("br,gzip", True), ("gzip;q=0.5", True), ("gzip ; q=1", True), ("gzip;q=0.001", True),
    ("gzip;q=0", False), ("gzip; q=0.0, br", False), ("x-gzip", False), ("gzipped", False), ("*", False), ("", False),
])
def test_who_takes_it_packed(hum, coding, packed):
    answer, _ = fetch(hum, "/", coding)
    assert ("Content-Encoding" in answer.headers) == packed


def test_its_policy(hum):
    answer, text = fetch(hum, "/", "identity")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    broker = f"{hum.host}:{hum.ws_port}"
    assert policy.pop("connect-src") == f"'self' ws://{broker}"
    assert policy.pop("img-src") == "'self' blob: data:"
    assert set(policy.values()) == {"'none'", "'self'"}
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert b"<style" not in text and b"style=" not in text and b"<script>" not in text
