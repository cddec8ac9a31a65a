"""The SQL statements of the daemons: (name, text)."""

import re
import subprocess

from lib.instance import ROOT, build_dir

# static const struct pg_statement name = {"name", "sql" "sql" …};
CONSTANT = re.compile(r'pg_statement \w+ = \{\s*"(\w+)",((?:\s*"(?:[^"\\]|\\.)*")+),?\s*\}')


def of_the_api():
    """As hum-api prints them."""
    done = subprocess.run([build_dir() / "control-api" / "hum-api", "statements"],
                          capture_output=True, text=True, check=True, timeout=60)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def of_the_broker():
    """From the plugin's sources: it cannot print them."""
    found = []
    for path in sorted((ROOT / "broker-plugin").glob("*.c")):
        source = path.read_text()
        here = CONSTANT.findall(source)
        assert source.count("struct pg_statement ") - source.count("struct pg_statement *") == len(
            here), f"{path} has statements of another form"
        found += [(k, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))) for k, text in here]
    return found
