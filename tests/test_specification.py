"""docs/openapi.yaml against the code that it is about: the route table, the status codes."""

import re

import pytest

from lib import spec
from lib.instance import ROOT
from lib.routes import ROUTES, name

OPERATIONS = {f"{method} {spec.table_path(path)}": operation for method, path, operation in spec.operations()}
CODES = {code: (int(http), text) for code, http, text in re.findall(
    r'X\(\w+, "(\w+)", (\d+), "([^"]*)"\)', (ROOT / "common" / "status.h").read_text().replace("\\\n", ""))}
PROBLEM = "application/problem+json"


def answers(operation):
    return {int(status): spec.resolve(answer) for status, answer in operation["responses"].items()}


def codes(operation):
    """Every code that an operation names, with the status it stands under."""
    return {(status, code) for status, answer in answers(operation).items()
            for code in answer.get("content", {}).get(PROBLEM, {}).get("examples", {})}


def test_every_route_is_specified():
    assert not {name(r) for r in ROUTES} - set(OPERATIONS)


def test_every_operation_is_a_route():
    assert not set(OPERATIONS) - {name(r) for r in ROUTES}


def test_no_two_paths_are_the_same():
    assert len(OPERATIONS) == len(spec.operations())


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_an_operation_says_what_its_route_does(route):
    operation = OPERATIONS[name(route)]
    found = codes(operation)
    assert (operation.get("security") == []) == (route.auth == "OPEN")
    assert ((401, "unauthorized") in found) == (route.auth != "OPEN")
    assert (operation.get("security") == [{"service_token": []}]) == (route.auth == "SERVICE")
    assert ("requestBody" in operation) == (route.limit != "NO_BODY")
    for code in ((413, "too_large"), (415, "unsupported_media_type"), (400, "invalid_request")):
        assert code in found or route.limit == "NO_BODY", code
    assert (400, "invalid_request") in found or "{id}" not in route.path
    assert (500, "internal") in found
    assert any(status < 300 for status in answers(operation))


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_the_parameters_of_a_path_are_named(route):
    method, path, operation = next(o for o in spec.operations() if f"{o[0]} {spec.table_path(o[1])}" == name(route))
    named = [spec.resolve(p) for p in operation.get("parameters", [])]
    assert [p["name"] for p in named if p["in"] == "path"] == re.findall(r"\{(\w+)\}", path)


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    known = {tag["name"] for tag in spec.OPENAPI["tags"]}
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == known


def test_every_code_has_its_example():
    examples = spec.OPENAPI["components"]["examples"]
    assert set(examples) == set(CODES) - {"ok"}
    for code, example in examples.items():
        value = example["value"]
        assert (value["code"], value["status"], value["title"]) == (code, *CODES[code])


def test_an_error_is_told_under_its_status():
    for operation in OPERATIONS.values():
        for status, code in codes(operation):
            assert CODES[code][0] == status, operation["operationId"]


def test_an_error_names_the_codes_that_it_has_examples_of():
    for key, answer in spec.OPENAPI["components"]["responses"].items():
        media = answer.get("content", {}).get(PROBLEM)
        if media:
            listed = media["schema"]["allOf"][1]["properties"]["code"]["enum"]
            assert listed == list(media["examples"]), key


def refs(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_what_is_referred_to_is_there_and_all_of_it_is_used():
    used = set(refs(spec.OPENAPI))
    for ref in used:
        spec.resolve({"$ref": ref})
    components = spec.OPENAPI["components"]
    there = {f"#/components/{kind}/{key}" for kind in components for key in components[kind]}
    unused = {r for r in there - used if not r.startswith(("#/components/securitySchemes/", "#/components/examples/"))}
    assert not unused
