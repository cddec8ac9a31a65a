"""The rules of the layout that no compiler checks: who may include what, where SQL stands, what is
exported, how long a file may be."""

import re
import subprocess

import pytest

from lib import statements
from lib.instance import ROOT, build_dir

pytestmark = pytest.mark.release_only  # the sources, and what is delivered

DAEMONS = ["broker-plugin", "control-api"]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SQL = re.compile(r"^\s*(select|insert into|update \w+ set|delete from|with \w+ as|truncate|alter|create|drop)\b",
                 re.I)


def sources(*folders, pattern="*.[ch]"):
    files = [p for folder in folders for p in (ROOT / folder).rglob(pattern)]
    return sorted(p for p in files if "fence" not in p.parts)


ALL = sources("common", "bench", "tests/unit", *DAEMONS)


# The plugin's threads, and what they share: each speaks to PostgreSQL through functions of sql/ only.
BROKER_SQL = {f"broker-plugin/{n}.c" for n in ("append", "listener", "writer", "clerk", "row")}


def relative(path):
    return str(path.relative_to(ROOT))


def includes(path):
    return INCLUDE.findall(path.read_text())


def who_includes(pattern):
    return {relative(p) for p in ALL if any(re.search(pattern, i) for i in includes(p))}


def test_there_is_something_to_look_at():
    assert {"common/pg.c", "control-api/routes.c", "broker-plugin/plugin.c"} <= {relative(p) for p in ALL}


def test_who_knows_mosquitto():
    """mosquitto.h is for the plugin's edge only; bench has its own client, in bytes."""
    allowed = {f"broker-plugin/{n}.{e}" for n in ("plugin", "hooks", "delivery", "wake") for e in "ch"}
    found = who_includes(r"mosquitto")
    assert found and found <= allowed


def test_who_knows_http():
    allowed = {f"control-api/{n}.{e}" for n in ("main", "bodies", "server", "routes", "dispatch", "http") for e in "ch"}
    found = who_includes(r"^(ulfius|orcania|yder)\.h$")
    assert found
    assert {f for f in found if not f.startswith("control-api/handlers/")} <= allowed


def test_who_knows_libpq():
    assert who_includes(r"libpq") == {"common/pg.c"}


def test_who_knows_the_two_libraries_that_both_say_jwt_t():
    assert who_includes(r"^rhonabwy\.h$") & who_includes(r"^jwt\.h$") == set()
    assert who_includes(r"^jwt\.h$") == {"common/token.c"}


def test_neither_daemon_includes_the_other():
    headers = {d: {p.name for p in sources(d, pattern="*.h")} for d in DAEMONS}
    common = {p.name for p in sources("common", pattern="*.h")}
    for own, other in (DAEMONS, DAEMONS[::-1]):
        for path in sources(own):
            for name in includes(path):
                assert other not in name, relative(path)
                base = name.rsplit("/", 1)[-1]
                if base in headers[other] and base not in headers[own] | common:
                    pytest.fail(f"{relative(path)} includes {name} of {other}")


def test_common_includes_neither():
    theirs = {p.name for d in DAEMONS for p in sources(d, pattern="*.h")}
    own = {p.name for p in sources("common", pattern="*.h")}
    for path in sources("common"):
        for name in includes(path):
            assert name not in theirs - own, f"{relative(path)} includes {name}"


# Each layer, and the folders of control-api that it must not look up to.
ABOVE = {"store": ["domain/", "handlers/", "http.h", "routes.h", "jansson.h"],
         "domain": ["handlers/", "http.h", "routes.h", "jansson.h"],
         "handlers": ["routes.h", "store/run.h"]}


@pytest.mark.parametrize("layer", ABOVE)
def test_nothing_calls_back(layer):
    files = sources(f"control-api/{layer}")
    assert files
    for path in files:
        for name in includes(path):
            assert not name.startswith(tuple(ABOVE[layer])), f"{relative(path)} includes {name}"


def test_the_pure_modules_do_nothing():
    """No database, no clock, no file, no memory of their own."""
    for path in ("broker-plugin/authz.c", "common/topic.c", "control-api/match.c"):
        text = (ROOT / path).read_text()
        called = set(re.findall(r"\b(\w+)\s*\(", text))
        forbidden = {"malloc", "calloc", "strdup", "time", "clock_gettime", "open", "fopen", "pg_run",
                     "printf", "pthread_mutex_lock"}
        assert not called & forbidden, path
    for path in ("broker-plugin/authz.h", "common/topic.h", "control-api/match.h"):
        assert not {"pg.h", "pool.h"} & set(includes(ROOT / path)), path


def holds_sql(path):
    """Whether a source holds a text that is SQL. Texts that stand one after another are one."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
    text = re.sub(r'"\s*"', "", text)
    return any(SQL.match(s) for s in STRING.findall(text))


def test_where_sql_stands():
    found = {relative(p) for p in ALL if holds_sql(p) and not relative(p).startswith("tests/")}
    may = {f for f in found if f.startswith("control-api/store/")} | BROKER_SQL
    assert len(found & may) > 5, "the test sees SQL where it is"
    assert found <= may


def test_where_statements_are_defined():
    found = {relative(p) for p in ALL if re.search(r"struct pg_statement \w+ = ", p.read_text())}
    found = {f for f in found if not f.startswith(("tests/", "control-api/store/"))}
    assert found and found <= BROKER_SQL


def test_the_broker_asks_functions_only():
    """Its role reads no table; what it says must be a call."""
    for name, sql in statements.of_the_broker():
        assert not re.search(r"\b(update|insert|delete)\b", sql, re.I), name
        assert re.search(r"\bhum_\w+\(", sql), name


def test_schema_changes_stand_in_sql_only():
    ddl = re.compile(r"\b(create|alter|drop) (table|index|function|role|sequence|type|schema)\b", re.I)
    for path in ALL:
        assert not ddl.search("".join(STRING.findall(path.read_text()))), relative(path)


@pytest.mark.parametrize("folder", ["common", "bench", "sql", "tests", "deploy", "clients-sample/mobile",
                                    *DAEMONS])
def test_no_file_is_too_long(folder):
    files = [p for p in (ROOT / folder).rglob("*")
             if p.suffix in (".c", ".h", ".py", ".sql", ".sh") or p.parent.name == "deploy" and p.is_file()]
    assert files
    for path in files:
        assert len(path.read_text().splitlines()) <= 700, relative(path)


def test_nothing_is_left_for_later():
    words = re.compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X|HA" + "CK)\\b")
    for path in [*ALL, *sources("sql", "deploy", "tests", pattern="*.*"), ROOT / "hum"]:
        if path.is_file() and "__pycache__" not in path.parts:
            assert not words.search(path.read_text(errors="replace")), relative(path)


# --- what is built ---


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_plugin_exports_its_three_entry_points():
    plugin = build_dir() / "broker-plugin" / "hum-broker.so"
    names = {line.split()[-1] for line in output("nm", "-D", "--defined-only", plugin).splitlines()}
    assert names == {"mosquitto_plugin_version", "mosquitto_plugin_init", "mosquitto_plugin_cleanup"}


def test_the_plugin_brings_no_second_libmosquitto():
    needed = output("readelf", "-d", build_dir() / "broker-plugin" / "hum-broker.so")
    assert "NEEDED" in needed and "mosquitto" not in needed


@pytest.mark.parametrize("path", ["broker-plugin/hum-broker.so", "control-api/hum-api"])
def test_what_is_built_is_hardened(path):
    built = build_dir() / path
    assert re.search(r"BIND_NOW|FLAGS.*NOW", output("readelf", "-d", built))
    assert "GNU_RELRO" in output("readelf", "-l", built)
    assert re.search(r"GNU_STACK.*\n?.*RW ", output("readelf", "-lW", built))
    assert "__stack_chk_fail" in output("nm", "-D", built)
