"""One fault upon another, in an order that the seed chooses. What holds for DMs holds for a server's posts and one of
its channels."""

import pytest

from lib.bed.club import Club
from lib.bed.faults import misfortunes


def friends(bed):
    bed.crowd(pace=300)
    return bed.talk


def club(bed):
    club = Club(bed)
    club.open(pace=200)
    return club.talk


@pytest.mark.parametrize("people", (friends, club), ids=lambda f: f.__name__)
def test_one_fault_upon_another(bed, rounds, outage, people):
    talk = people(bed)
    mark = bed.mark()
    talk()
    for _ in range(3 * rounds):
        bed.moment(5, 200)
        story = misfortunes(bed, outage)
        bed.healed(f"after {story} all")
    bed.finish()
    bed.returned(mark)
