"""The control API's route table, read from its source."""

import re
from collections import namedtuple

from lib.paths import ROOT

Route = namedtuple("Route", "method path auth limit")

ROW = re.compile(r'\{"([A-Z]+)", "([^"]+)", (OPEN|SIGNED_IN|SERVICE), ([A-Z_]+),')
ROUTES = [Route(*m) for m in ROW.findall((ROOT / "control-api" / "routes.c").read_text())]


def fill(path, number="7"):
    """The path with a number in the place of every id."""
    return path.replace("{id}", number)


def name(route):
    return f"{route.method} {route.path}"
