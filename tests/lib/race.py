"""Things that happen at the same time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor


def patiently(call):
    """The call, made again while there is no room for it: whoever waits for a lock, or for a connection to the
    database, for longer than a bound is told so (503) and comes back, which on a slow machine happens in any race."""

    def made():
        for pause in (0.1, 0.2, 0.5, 1, 2, 4):
            answer = call()
            if getattr(answer, "status_code", None) != 503:  # some calls give something else than an answer
                return answer
            time.sleep(pause)
        return call()

    return made


def race(*calls, patient=True):
    """Runs all calls at once, a thread each; their results in order. Of answers: patiently, unless a test asks for those
    that say that there is no room."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        return patiently(call)() if patient else call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(run, call) for call in calls]]
