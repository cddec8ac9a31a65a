"""Things that happen at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor


def race(*calls):
    """Runs all calls at once, a thread each; their results in order."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(run, call) for call in calls]]
