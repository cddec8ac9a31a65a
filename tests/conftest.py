"""The instance of Hum that the tests share."""

import contextlib
import os

import pytest

from lib import spec
from lib.instance import PARTS, PRESET, Instance
from lib.mqtt import Client, Refused, settle

PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)  # once folders have marked what is theirs
def pytest_collection_modifyitems(config, items):
    """Leaves out what this run cannot show (see pytest.ini): left out, not skipped."""
    missing = {"release_only": PRESET != "release", "root_only": os.geteuid() != 0}
    left_out = [i for i in items if any(missing[m] for m in missing if i.get_closest_marker(m))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [i for i in items if i not in left_out]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "call":
        item.stash[PASSED] = report.passed


@pytest.fixture(autouse=True)
def specified(request):
    """Every answer and message that came was one that docs/openapi.yaml and docs/asyncapi.yaml allow."""
    yield
    found, spec.violations[:] = [*spec.violations], []
    if request.node.stash.get(PASSED, True):  # else it has said so already, or has another trouble
        assert not found, "\n".join(found)


@pytest.fixture(scope="session")
def hum(request):
    """A running instance. At the end it must still be the one that was started, and clean."""
    instance = Instance()
    try:
        try:
            instance.up()
        except AssertionError:
            request.session.shouldfail = "the instance does not start"
            raise
        yield instance
        died = {p for p in PARTS if instance.pids().get(p) != instance.first_pids[p]}
        tails = "".join(f"\n--- {p}\n{instance.log(p)[-3000:]}" for p in sorted(died))
        instance.forget()
        instance.down()
        assert not died, f"died during the tests: {sorted(died)}{tails}"
        assert not instance.reports(), instance.reports()
        assert not instance.leaks()
    finally:
        instance.remove()


@pytest.fixture
def new_instance():
    """Makes further instances, which are stopped and removed after the test."""
    made = []

    def make(**kw):
        made.append(Instance(**kw))
        return made[-1]

    yield make
    reports = []
    for instance in made:
        instance.run("down")
        reports.append(instance.reports())
        instance.remove()
    assert not any(reports), reports


@pytest.fixture
def people(hum):
    """Two friends and the id of their DM."""
    return hum.pair()


@pytest.fixture
def connect(hum):
    """Connects a person, or bare credentials, whose rights are then loaded unless at_once; closes all
    connections after the test."""
    made = []

    def make(who, at_once=False, **kw):
        if not at_once:
            with contextlib.suppress(Refused):  # the test will see, too
                settle(hum, who)
        made.append(Client(hum, getattr(who, "mqtt", who), **kw))
        return made[-1]

    yield make
    for client in made:
        client.close()
