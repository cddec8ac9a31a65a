"""One fault upon another, in an order that the seed chooses."""

import contextlib
import signal

from lib.bed.faults import frozen, killed, lasts, refused_to_the_broker, refusing, stopped


def broker_killed(bed):
    bed.broker.kill()
    bed.broker.start()


def broker_stopped(bed):
    bed.broker.stop(timeout=20)
    bed.broker.start()


def broker_reloaded(bed):
    bed.broker.tell(signal.SIGHUP)


def api_killed(bed):
    bed.api.kill()
    bed.api.start(wait=False)


def writer_broken_off(bed):
    bed.postgres.terminate("hum-broker writer")


def listener_broken_off(bed):
    bed.postgres.terminate("hum-broker listener")


def clerk_broken_off(bed):
    bed.postgres.terminate("hum-broker clerk")


def nothing(bed):
    pass


OUTAGES = (killed, stopped, frozen, refusing, refused_to_the_broker)
# Without the database, which would have to find the backends.
WHILE_AWAY = (broker_killed, broker_stopped, broker_reloaded, nothing)
BLOWS = (*WHILE_AWAY, api_killed, writer_broken_off, listener_broken_off, clerk_broken_off)


def test_one_fault_upon_another(bed, rounds, outage):
    bed.crowd(pace=300)
    mark = bed.mark()
    bed.talk()
    story = []
    for _ in range(3 * rounds):
        bed.moment(5, 200)
        with contextlib.ExitStack() as stack:
            hold = bed.random.random() < 0.3
            if hold:
                stack.enter_context(bed.hold(bed.random.choice(list(bed.members))))
            outages = [nothing] if hold else [*OUTAGES, nothing]
            fault = bed.random.choice(outages)
            if fault is not nothing:
                stack.enter_context(fault(bed))
            story.append(("hold " if hold else "") + fault.__name__)
            for _ in range(bed.random.randint(1, 3)):
                blow = bed.random.choice(BLOWS if fault is nothing else WHILE_AWAY)
                blow(bed)
                story.append(blow.__name__)
                lasts(bed.random.uniform(0, min(outage, 10) / 4))
        print(", ".join(story))
        bed.healed(f"after {', '.join(story)} all")
        story.clear()
    bed.finish()
    bed.returned(mark)
