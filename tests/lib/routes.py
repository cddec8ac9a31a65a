"""The control API's route table, read from its source."""

import re
from collections import namedtuple

from lib.paths import ROOT

Route = namedtuple("Route", "method path auth limit")

ROW = re.compile(r'\{"([A-Z]+)", "([^"]+)", (OPEN|PROBE|SIGNED_IN|SENDER|SERVICE), ([A-Z_]+),')
# Who may call; what else these two say is at which rate.
WHO = {"PROBE": "OPEN", "SENDER": "SIGNED_IN"}
ROUTES = [Route(method, path, WHO.get(auth, auth), limit) for method, path, auth, limit
          in ROW.findall((ROOT / "control-api" / "routes.c").read_text())]


def fill(path, number="7"):
    """The path with a number in the place of every id."""
    return path.replace("{id}", number)


def name(route):
    return f"{route.method} {route.path}"
