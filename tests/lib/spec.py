"""The specification in docs/: read once, and every answer and message that a test sees held to it.

Whatever contradicts it is told at once, and noted besides: a test that swallows it fails in the end all the same
(the fixture `specified` of conftest.py)."""

import functools
import json
import re

import fastjsonschema
import jsonschema
import yaml

from lib.paths import ROOT
from lib.routes import ROUTES

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PROBLEM = "application/problem+json"
# Of what the HTTP server refuses before it is a request of ours; see the beginning of openapi.yaml.
SERVERS_OWN = {400, 413, 414, 431, 501, 505}

violations = []  # what was seen and is not specified, by the test that runs


class Violation(AssertionError):
    """Something was said that docs/ does not allow."""


def violate(text):
    violations.append(text)
    raise Violation(text)


def load(name):
    """A document of docs/. A member that stands twice is refused, which YAML forbids and PyYAML does not see."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{name}: {sorted(map(str, twice))} twice near line {node.start_mark.line + 1}"
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    return yaml.load((ROOT / "docs" / name).read_text(), Loader)


OPENAPI = load("openapi.yaml")
ASYNCAPI = load("asyncapi.yaml")


def absolute(node, document):
    """A copy whose references name the document that they point into."""
    if isinstance(node, list):
        return [absolute(value, document) for value in node]
    if not isinstance(node, dict):
        return node
    copy = {key: absolute(value, document) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        copy["$ref"] = _absolute_ref(node["$ref"], document)
    if isinstance(node.get("discriminator"), dict):
        return _chosen(copy, document)
    return copy


def _absolute_ref(ref, document):
    file, _, place = ref.partition("#")
    return f"#/{file.removesuffix('.yaml') or document}{place}"


def _chosen(schema, document):
    """oneOf with a discriminator as if and else: as strict, and what does not fit is told of the one that is meant."""
    discriminator = schema.pop("discriminator")
    name, mapping = discriminator["propertyName"], discriminator["mapping"]
    assert {_absolute_ref(ref, document) for ref in mapping.values()} == {s["$ref"] for s in schema.pop("oneOf")}
    chosen = {"type": "object", "required": [name], "properties": {name: {"enum": list(mapping)}}}
    for ref in dict.fromkeys(reversed(mapping.values())):
        values = [value for value, named in mapping.items() if named == ref]
        chosen = {"if": {"type": "object", "required": [name], "properties": {name: {"enum": values}}},
                  "then": {"$ref": _absolute_ref(ref, document)}, "else": chosen}
    return {**schema, **chosen}


ALL = {"openapi": absolute(OPENAPI, "openapi"), "asyncapi": absolute(ASYNCAPI, "asyncapi")}


def resolve(node, document=ALL):
    """What a node stands for: itself, or what its $ref names."""
    while "$ref" in node:
        at = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            at = at[step.replace("~1", "/").replace("~0", "~")]
        node = at
    return node


def operations():
    """(method, path, operation) of all."""
    return [(method.upper(), path, item[method])
            for path, item in ALL["openapi"]["paths"].items() for method in METHODS if method in item]


def members(schema):
    """The names that a body takes at its top."""
    schema = resolve(schema)
    own = set(schema.get("properties", {}))
    for kind in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(kind, []):
            own |= members(part)
    return own


def json_bodies():
    """The schema of each operation's JSON body, by method and path as the route table has it."""
    found = {}
    for method, path, operation in operations():
        content = resolve(operation["requestBody"])["content"] if "requestBody" in operation else {}
        if "application/json" in content:
            found[f"{method} {table_path(path)}"] = content["application/json"]["schema"]
    return found


def table_path(path):
    """A path as the route table has it, where every id is called {id}."""
    return re.sub(r"\{(?!(?:code|provider)\})\w+\}", "{id}", path)


# --- schemas ---


@functools.cache
def _compiled(schema):
    """By its JSON, as two operations often share a schema. Draft 7 and 2020-12 agree in all that docs/ uses, which
    test_specification.py holds."""
    return fastjsonschema.compile({**json.loads(schema), **ALL}, use_default=False)


def judge(schema):
    """The slow and exact validator of a schema."""
    return jsonschema.Draft202012Validator({**schema, **ALL})


def mismatch(schema, value):
    """Why a value does not fit, or None."""
    try:
        _compiled(json.dumps(schema, sort_keys=True))(value)
    except ValueError as error:
        why = jsonschema.exceptions.best_match(judge(schema).iter_errors(value))
        return f"{why.json_path}: {why.message}" if why else f"{error} (which jsonschema does not find)"
    return None


# --- REST ---


ID = r"[1-9][0-9]{0,18}"


def _patterns():
    """In the order of the route table, as the first that fits is taken."""
    order = {route.path: i for i, route in reversed([*enumerate(ROUTES)])}
    for path in sorted(ALL["openapi"]["paths"], key=lambda p: order.get(table_path(p), len(order))):
        exact = re.sub(r"\\\{(code|provider)\\\}", "[^/]+", re.escape(path))
        yield path, re.compile(re.sub(r"\\\{\w+\\\}", ID, exact)), re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", exact))


PATTERNS = list(_patterns())


@functools.lru_cache(4096)
def resource(path):
    """The path of openapi.yaml that a raw path belongs to; one with ids in its places before one without."""
    for rough in (1, 2):
        for row in PATTERNS:
            if row[rough].fullmatch(path):
                return row[0]
    return None


@functools.cache
def _answers(method, path):
    """What an operation may answer: by status, (required headers, media types with their schemas)."""
    operation = ALL["openapi"]["paths"][path].get(method.lower())
    if operation is None or method.lower() not in METHODS or not method.isupper():
        return None
    found = {}
    for status, answer in operation["responses"].items():
        answer = resolve(answer)
        headers = {name: resolve(header) for name, header in answer.get("headers", {}).items()}
        found[int(status)] = (headers, {t: c.get("schema", {}) for t, c in answer.get("content", {}).items()})
    return found


def _problem_of(code, status):
    schema = {"allOf": [{"$ref": "#/openapi/components/schemas/Problem"},
                        {"properties": {"code": {"const": code}, "status": {"const": status}}}]}
    return {}, {PROBLEM: schema}


NO_RESOURCE = {404: _problem_of("not_found", 404)}
NO_METHOD = {405: _problem_of("method_not_allowed", 405)}
PREFLIGHT = {204: ({}, {})}


def _expected(method, path):
    found = resource(path)
    if found is None:
        return NO_RESOURCE
    if method == "OPTIONS":
        return PREFLIGHT
    return _answers("GET" if method == "HEAD" else method, found) or NO_METHOD


def _check_headers(tell, headers, required):
    for name, fit in (("X-Content-Type-Options", "nosniff"), ("Access-Control-Allow-Origin", r"\*"),
                      ("X-Request-Id", r"[A-Za-z0-9_.:-]{1,64}"),
                      ("Cache-Control", "no-store" if "Cache-Control" not in required else ".+")):
        if not re.fullmatch(fit, headers.get(name, "")):
            tell(f"{name}: {headers.get(name)!r}")
    for name, header in required.items():
        value = headers.get(name)
        if value is None:
            if header.get("required"):
                tell(f"{name} is missing")
        elif (why := mismatch(header["schema"], value)) is not None:
            tell(f"{name}: {value!r}: {why}")


def _check_body(tell, content, media, body):
    if not content:
        return None if body == b"" else tell(f"a body: {body[:300]!r}")
    kind = media.split(";")[0].strip().lower()
    if kind not in content:
        return tell(f"the type {media!r}, not one of {sorted(content)}")
    if not kind.endswith("json"):
        return None
    try:
        value = json.loads(body)
    except ValueError as error:
        return tell(f"no JSON: {error}: {body[:300]!r}")
    why = mismatch(content[kind], value)
    return None if why is None else tell(f"{why}\n{body[:2000].decode()}")


def check_answer(method, target, status, headers, body):
    """Holds an answer to openapi.yaml. target: the path as it was sent, maybe with a query; body: None when it is not
    looked at. headers: any mapping whose names know no case."""
    if "X-Request-Id" not in headers and status in SERVERS_OWN:
        return
    path = target.partition("?")[0]
    expected = _expected(method, path)

    def tell(why):
        violate(f"docs/openapi.yaml: {method} {target} was answered with {status}, {why}")

    if status not in expected:
        tell(f"not one of {sorted(expected)}: {(body or b'')[:500]!r}")
    required, content = expected[status]
    _check_headers(tell, headers, required)
    if method == "HEAD":
        content, body = {}, body or b""
    if body is not None:
        _check_body(tell, content, headers.get("Content-Type", ""), body)


@functools.cache
def _request_schema(method, path):
    """Of the JSON that an operation takes; None: it takes none."""
    operation = ALL["openapi"]["paths"][path].get(method.lower(), {})
    content = resolve(operation["requestBody"])["content"] if "requestBody" in operation else {}
    return content.get("application/json", {}).get("schema")


def check_request(method, target, status, body):
    """Holds what was taken to openapi.yaml: nothing is accepted that it does not allow."""
    found = resource(target.partition("?")[0])
    schema = _request_schema(method, found) if found and 200 <= status < 300 else None
    if schema is None:
        return
    value = {name: member for name, member in json.loads(body).items() if member is not None}
    why = mismatch(schema, value)
    if why is not None:
        violate(f"docs/openapi.yaml: {method} {target} was taken with {status}, {why}\n{body[:2000]!r}")


def check_response(response, **how):
    """A hook of `requests`, for what is asked of the control API."""
    body = None if how.get("stream") else response.content
    request = response.request
    check_answer(request.method, request.path_url, response.status_code, response.headers, body)
    check_request(request.method, request.path_url, response.status_code, request.body)


# --- MQTT ---


def _channels():
    """What the broker says: (pattern of topics, address, schema of payloads, bindings)."""
    document = ALL["asyncapi"]
    for operation in document["operations"].values():
        if operation["action"] != "send":
            continue
        address = resolve(operation["channel"])["address"]
        topic = re.sub(r"\\\{tag\\\}", "[A-Za-z0-9_-]{1,32}", re.escape(address))
        payloads = [resolve(message)["payload"] for message in operation["messages"]]
        yield (re.compile(re.sub(r"\\\{\w+\\\}", ID, topic)), address,
               payloads[0] if len(payloads) == 1 else {"anyOf": payloads}, operation["bindings"]["mqtt"])


CHANNELS = list(_channels())


@functools.lru_cache(4096)
def channel(topic):
    """The (address, schema, bindings) of a topic that the broker may deliver on, or None."""
    return next((row[1:] for row in CHANNELS if row[0].fullmatch(topic)), None)


@functools.lru_cache(16384)  # one message reaches many
def _why_not(topic, payload):
    """What is wrong with a payload, or None."""
    found = channel(topic)
    if found is None:
        return "nothing is delivered there"
    try:
        value = json.loads(payload) if payload else ""
    except ValueError as error:
        return f"no JSON: {error}"
    return mismatch(found[1], value)


def check_message(topic, payload, qos=0, retain=False):
    """Holds what the broker has delivered to asyncapi.yaml."""
    why = _why_not(topic, payload)
    if why is None:
        bindings = channel(topic)[2]
        if qos > bindings["qos"]:
            why = f"QoS {qos}"
        elif retain and not bindings["retain"]:
            why = "retained"
    if why is not None:
        violate(f"docs/asyncapi.yaml: {topic}: {why}\n{payload[:2000]!r}")
