import pathlib
import subprocess

import pytest

from lib.database import Database
from lib.instance import ROOT, environment
from lib.migrations import Cluster, finish, migrate

HERE = pathlib.Path(__file__).parent


def pytest_collection_modifyitems(items):
    """PostgreSQL alone is at work here, and that is the same beside every build."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.release_only)


@pytest.fixture(scope="session")
def cluster(hum):
    return Cluster(hum.database)


@pytest.fixture
def empty(cluster):
    """A database without anything in it."""
    return cluster.create()


@pytest.fixture(scope="session")
def template(cluster):
    database = cluster.create()
    status, said = finish(migrate(database))
    assert status == 0, said
    return database.params["dbname"]


@pytest.fixture(scope="module")
def db(cluster, template):
    """A migrated database that the tests of a file share."""
    return cluster.create(template)


@pytest.fixture(scope="module")
def roles(db, tmp_path_factory):
    """The database of a file as each daemon sees it, made by the operator's tool."""
    folder = tmp_path_factory.mktemp("secrets")
    made = {}
    for part in ("broker", "api"):
        (folder / f"{part}.password").write_text(f"secret-of-{part}\n")
        name = db.params["dbname"]
        made[part] = Database(db.params["host"], name, f"{name}_{part}", f"secret-of-{part}")
    for _ in range(2):  # again changes nothing
        done = subprocess.run(
            [ROOT / "deploy" / "database-roles", db.conninfo, folder],
            env=environment(PGPASSWORD=db.password), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return made
