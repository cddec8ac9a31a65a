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
            if answer.status_code != 503:
                return answer
            time.sleep(pause)
        return call()

    return made


def race(*calls):
    """Runs all calls at once, a thread each; their results in order."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(run, call) for call in calls]]
