"""The specification and Swagger UI, as they are served and as a browser shows them."""

import hashlib

import pytest

from lib import node, raw, spec
from lib.instance import ROOT

PAGES = {"/openapi.yaml": "application/yaml", "/asyncapi.yaml": "application/yaml",
         "/docs": "text/html; charset=utf-8", "/docs/start.js": "text/javascript; charset=utf-8",
         "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
         "/docs/swagger-ui.css": "text/css; charset=utf-8", "/docs/favicon.png": "image/png",
         "/verify": "text/html; charset=utf-8", "/reset": "text/html; charset=utf-8",
         "/change": "text/html; charset=utf-8", "/link.js": "text/javascript; charset=utf-8",
         "/link.css": "text/css; charset=utf-8"}


@pytest.mark.parametrize("path", PAGES)
def test_a_page(hum, path):
    answer = hum.rest.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, PAGES[path])
    tag = answer.headers["ETag"]
    assert tag == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = hum.rest.call("GET", path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert hum.rest.call("GET", path, headers={"If-None-Match": '"x"'}).content == answer.content


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_the_specification_is_that_of_the_checkout(hum, name):
    assert hum.rest.get(f"/{name}").content == (ROOT / "docs" / name).read_bytes()


def test_the_policy_lets_nothing_inline_and_nothing_from_elsewhere(hum):
    policy = dict(part.strip().split(" ", 1) for part in
                  hum.rest.get("/docs").headers["Content-Security-Policy"].split(";"))
    assert policy.pop("img-src") == "'self' data:"
    assert set(policy.values()) == {"'none'", "'self'"}
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"


@pytest.mark.parametrize("path", [
    "/docs/", "/docs/x", "/docs/index.html", "/docs/openapi.yaml", "/docs/start.js/", "/docs/../docs", "/docs//start.js",
    "/docs/%2e%2e/openapi.yaml", "/docs/swagger-ui.js", "/Docs", "/openapi.yaml/", "/openapi.json", "/docs.html",
    "/favicon-32x32.png", "/link.html", "/verify/", "/verify/x", "/link", "/Verify",
])
def test_paths_that_are_not_there(hum, path):
    raw.problem(raw.request(hum, "GET", path), 404, "not_found")


@pytest.mark.release_only
def test_what_a_browser_shows(hum, tmp_path):
    found = node.run("docs.js", hum.http_url, tmp_path / "docs.png")
    assert not found["trouble"], "\n".join(found["trouble"])
    assert not found["errors"]
    assert found["title"].startswith("Hum")
    assert sorted(map(tuple, found["operations"])) == sorted((m, p) for m, p, _ in spec.operations())
    assert found["status"] == "200"
