"""One fault upon another, in an order that the seed chooses."""

from lib.bed.faults import misfortunes


def test_one_fault_upon_another(bed, rounds, outage):
    bed.crowd(pace=300)
    mark = bed.mark()
    bed.talk()
    for _ in range(3 * rounds):
        bed.moment(5, 200)
        story = misfortunes(bed, outage)
        bed.healed(f"after {story} all")
    bed.finish()
    bed.returned(mark)
