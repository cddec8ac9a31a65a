"""The specification in docs/: read once, and what the tests hold to it."""

import re

import yaml

from lib.instance import ROOT

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


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


def resolve(node, document=OPENAPI):
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
            for path, item in OPENAPI["paths"].items() for method in METHODS if method in item]


def table_path(path):
    """A path as the route table has it, where every id is called {id}."""
    return re.sub(r"\{(?!code\})\w+\}", "{id}", path)
