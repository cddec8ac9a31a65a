"""Every statement of the daemons is prepared, as the role that runs it, on a migrated database."""

import re

import pytest

from lib import statements
from lib.instance import ROOT


def prepare(database, wanted):
    with database.session() as cursor:
        for name, sql in wanted:
            try:
                cursor.execute(f'prepare "{name}" as {sql}')
            except Exception as error:
                pytest.fail(f"{name}: {error}")
        cursor.execute("select count(*) from pg_prepared_statements")
        assert cursor.fetchone() == (len(wanted),)


def test_those_of_the_control_api(hum):
    wanted = statements.of_the_api()
    prepare(hum.daemon_database("api"), wanted)
    sources = "".join(p.read_text() for p in (ROOT / "control-api").rglob("*.c"))
    constants = len(re.findall(r"const struct pg_statement \w+ = ", sources))
    assert len(wanted) == constants > 20, "hum-api statements must print all of them"


def test_those_of_the_broker(hum):
    wanted = statements.of_the_broker()
    assert len(wanted) >= 5
    prepare(hum.daemon_database("broker"), wanted)
