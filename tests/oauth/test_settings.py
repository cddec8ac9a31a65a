"""The file of identity providers: what it may say, and that a mistake in it is named without its secrets."""

import json

import pytest

from lib.oauth_probe import Probe, refused, write_file

GOOD = {"id": "work", "issuer": "https://idp.example.com/realm", "client_id": "hum", "client_secret": "top-secret"}


def test_what_will_do(tmp_path):
    listed = [GOOD, {"id": "google", "preset": "google", "client_id": "c", "client_secret": "s"},
              {"id": "github", "preset": "github", "client_id": "c", "client_secret": "s"},
              {"id": "app", "preset": "google", "client_id": "c", "redirect_uris": ["com.example.app:/cb"]},
              {**GOOD, "id": "x-1", "name": "Wörk", "scopes": "openid"}]
    for private in (True, False):
        with Probe(write_file(tmp_path / "oauth.json", listed), private) as probe:
            assert probe.call("redirect", "x-1", redirect_uri="https://example.com/") == {"status": "ok", "allowed": False}
            assert probe.call("redirect", "nobody") == {"status": "not_found"}


def test_nobody(tmp_path):
    Probe(write_file(tmp_path / "oauth.json", [])).stop()


MISTAKES = {
    "no id": ({"id": None}, "id"), "an id of other characters": ({"id": "Work"}, "id"), "a path as id": ({"id": "../x"}, "id"),
    "our own id": ({"id": "hum"}, "id"),
    "a long id": ({"id": "w" * 33}, "id"), "no client_id": ({"client_id": None}, "client_id"), "no issuer": ({"issuer": None}, "issuer"),
    "http": ({"issuer": "http://idp.example.com"}, "issuer"), "a query": ({"issuer": "https://idp.example.com/?x=y"}, "issuer"),
    "a fragment": ({"issuer": "https://idp.example.com/#x"}, "issuer"), "a user": ({"issuer": "https://u:p@idp.example.com/"}, "issuer"),
    "no URL": ({"issuer": "idp.example.com"}, "issuer"), "a long issuer": ({"issuer": "https://" + "i" * 300}, "issuer"),
    "an unknown preset": ({"preset": "gitlub"}, "preset"), "a preset that is no text": ({"preset": 5}, "preset"),
    "an unknown member": ({"client_secrets": "x"}, "member"), "a secret that is no text": ({"client_secret": 5}, "client_secret"),
    "an empty secret": ({"client_secret": ""}, "client_secret"), "a line in a secret": ({"client_secret": "a\nb"}, "client_secret"),
    "a line in a name": ({"name": "a\nb"}, "name"), "no openid": ({"scopes": "email"}, "openid"),
    "GitHub without a secret": ({"preset": "github", "client_secret": None, "issuer": None}, "client_secret"),
    "redirects that are a text": ({"redirect_uris": "https://example.com/"}, "redirect_uris"),
    "many redirects": ({"redirect_uris": ["https://example.com/"] * 17}, "redirect_uris"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(tmp_path, case):
    changes, told = MISTAKES[case]
    listed = [{k: v for k, v in {**GOOD, **changes}.items() if v is not None}]
    line = refused(write_file(tmp_path / "oauth.json", listed), private=False)
    assert line.startswith("HUM_OAUTH_FILE: ") and told in line and "top-secret" not in line, line


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"providers": {}}', '{"providers": [5]}', '{"providers": [], "x": 1}',
                                  '{"providers": [], "providers": []}', '{"providers": "top-secret'])
def test_what_is_no_such_file(tmp_path, text):
    path = write_file(tmp_path / "oauth.json", [])
    path.write_text(text)
    line = refused(path)
    assert line.startswith("HUM_OAUTH_FILE: ") and "top-secret" not in line


def test_too_many_and_two_of_a_name(tmp_path):
    path = write_file(tmp_path / "oauth.json", [{**GOOD, "id": f"p{i}"} for i in range(17)])
    assert "at most 16" in refused(path)
    assert "twice" in refused(write_file(path, [GOOD, GOOD]))
    Probe(write_file(path, [{**GOOD, "id": f"p{i}"} for i in range(16)])).stop()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o620, 0o666])
def test_a_file_that_others_may_read_or_change(tmp_path, mode):
    path = write_file(tmp_path / "oauth.json", [GOOD])
    path.chmod(mode)
    assert "chmod 600" in refused(path)


def test_what_is_not_a_file(tmp_path):
    assert "chmod 600" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "nothing")
    path = write_file(tmp_path / "long.json", [GOOD])
    path.write_text(json.dumps({"providers": []}) + " " * 70_000)
    assert "too long" in refused(path)


# --- where a native client's code may be sent ---

NAMED = ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.app:/cb", "https://app.example.com/cb?x=1", "http://127.0.0.1:4000/fixed"]

ALLOWED = ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:5000/cb", "com.example.app:/cb",
           "https://app.example.com/cb?x=1", "http://127.0.0.1:4000/fixed"]
REFUSED = ["http://127.0.0.1:5000/cb/", "http://127.0.0.1:5000/cb2", "http://127.0.0.1:5000/cb?x=1", "http://127.0.0.1:/cb",
           "http://127.0.0.1:500000/cb", "http://127.0.0.1:5000@evil.example/cb", "http://127.0.0.1.evil.example/cb", "http://localhost:5000/cb",
           "https://127.0.0.1:5000/cb", "HTTP://127.0.0.1:5000/cb", "http://127.0.0.1:5000/CB", "http://127.0.0.1:5000/x/../cb",
           "http://127.0.0.1:5000/cb#f", "http://127.0.0.1:5000\\@evil.example/cb", "com.example.app:/cb2", "com.example.app://cb",
           "com.example.other:/cb", "https://app.example.com/cb", "https://app.example.com/cb?x=12", "https://app.example.com:443/cb?x=1",
           "https://app.example.com.evil.example/cb?x=1", "http://app.example.com/cb?x=1", "http://127.0.0.1:4001/fixed", "javascript:alert(1)",
           "http://[::1]5000/cb", "http://127.0.0.1:5000:5000/cb", "http://127.0.0.1:50 00/cb", "", "http://127.0.0.1", "/cb"]


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    path = write_file(tmp_path_factory.mktemp("native") / "oauth.json", [{**GOOD, "redirect_uris": NAMED}])
    with Probe(path, private=False) as probe:
        yield probe


@pytest.mark.parametrize("uri", ALLOWED)
def test_where_a_code_may_go(native, uri):
    assert native.call("redirect", "work", redirect_uri=uri)["allowed"]


@pytest.mark.parametrize("uri", REFUSED)
def test_where_no_code_may_go(native, uri):
    assert not native.call("redirect", "work", redirect_uri=uri)["allowed"]


@pytest.mark.parametrize("uri", ["http://localhost/cb", "http://example.com/cb", "app:/cb", "https:///cb", "https://u@example.com/", "com.example.app:cb",
                                 "javascript:alert(1)", "data:text/html,x", "https://example.com/#x", "https://example.com/ x", "", "http://127.0.0.1", "http://127.0.0.1:1@example.com/",
                                 "http://127.0.0.1:1x/", "http://127.0.0.1:/", "http://127.0.0.1:123456/"])
def test_what_cannot_be_named(tmp_path, uri):
    assert "redirect_uris" in refused(write_file(tmp_path / "oauth.json", [{**GOOD, "redirect_uris": [uri]}]), private=False)
