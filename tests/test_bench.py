"""The benchmarks' rows on REST: that they still measure what they say, not how fast anything is. The statements that
pgbench runs are the API's own, so a change of them has to reach the benchmark, too."""

import json
import re
import subprocess

import pytest

from lib.instance import ROOT, SCRIPT, environment

ROWS = ["rest-profile", "rest-page", "history", "search", "big-server"]


@pytest.mark.release_only
def test_the_rows_on_rest():
    done = subprocess.run([SCRIPT, "bench", "--rows", ",".join(ROWS), "--seconds", "1", "--rounds", "1",
                           "--patience", "0", "--shrink", "1000"],
                          env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    (saved,) = re.findall(r"all rounds: (build/bench/\w+\.json)", done.stdout)
    path = ROOT / saved
    try:
        rounds = json.loads(path.read_text())["rounds"]
    finally:
        path.unlink()
    assert set(rounds) == set(ROWS)
    for name, sides in rounds.items():
        for side, results in sides.items():
            assert len(results) == 1, (name, side)
            if name != "big-server":
                assert results[0]["requests_per_s"] > 0, (name, side)
    large = rounds["big-server"]["large"][0]
    assert large["gone_s"] > 0 and large["turns"] > 0
