import pytest

from lib.migrations import Cluster, finish, migrate


@pytest.fixture(scope="session")
def cluster(hum):
    cluster = Cluster(hum.database)
    yield cluster
    cluster.drop_all()


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


@pytest.fixture
def own_db(cluster, template):
    """A migrated database of the test's own."""
    return cluster.create(template)
