"""Faults: an instance of its own that all of them share, and a fresh bed for each.

HUM_FAULT_SEED chooses the random instants (1 unless given), HUM_FAULT_LONG=1 the long form: outages of
a minute, several rounds. `./hum soak` sets both."""

import os
import random

import pytest

from lib.bed.bed import Bed
from lib.bed.daemons import Site
from lib.instance import Instance

SEED = int(os.environ.get("HUM_FAULT_SEED", "1"))
LONG = os.environ.get("HUM_FAULT_LONG") == "1"


class Sites:
    """One instance, replaced when a test leaves it in a state that nothing heals."""

    def __init__(self):
        self.site = None

    def get(self):
        if self.site is None:
            instance = Instance()
            try:
                self.site = Site(instance)
            except BaseException:
                instance.remove()
                raise
        return self.site

    def drop(self):
        site, self.site = self.site, None
        if site:
            site.postgres.thaw()
            site.instance.remove()


@pytest.fixture(scope="session")
def sites():
    found = Sites()
    yield found
    site = found.site
    try:
        if site:
            site.heal()
            site.broker.stop()  # a report of leaks is written at the end
            site.api.stop()
            assert not site.instance.reports(), site.instance.reports()
            assert not site.instance.leaks()
    finally:
        found.drop()


@pytest.fixture
def seed(request):
    text = f"{SEED}/{request.node.name}"
    print(f"seed {SEED} (HUM_FAULT_SEED), test {request.node.name}")
    return text


@pytest.fixture
def rounds():
    """How often a fault comes, and for how many seconds."""
    return 4 if LONG else 1


@pytest.fixture
def outage():
    return 60 if LONG else 2


@pytest.fixture
def bed(sites, seed):
    site = sites.get()
    bed = Bed(site, seed, random.Random(seed))
    try:
        yield bed
    finally:
        bed.close()
        for line in bed.figures:
            print(line)
        try:
            site.heal()
            reports = site.instance.reports()
            assert not reports, reports
        except BaseException:
            sites.drop()
            raise
