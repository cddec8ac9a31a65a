"""The benchmarks' rows on REST: that they still measure what they say, not how fast anything is. The statements that
pgbench runs are the API's own, so a change of them has to reach the benchmark, too."""

import json
import re
import subprocess

import pytest

from lib.instance import ROOT, SCRIPT, environment

ROWS = ["rest-profile", "rest-page", "history", "search", "big-server"]


def rounds_of(*rows):
    done = subprocess.run([SCRIPT, "bench", "--rows", ",".join(rows), "--seconds", "1", "--rounds", "1",
                           "--patience", "0", "--shrink", "1000"],
                          env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    (saved,) = re.findall(r"all rounds: (build/bench/\w+\.json)", done.stdout)
    path = ROOT / saved
    try:
        rounds = json.loads(path.read_text())["rounds"]
    finally:
        path.unlink()
    assert set(rounds) == set(rows)
    return rounds


@pytest.mark.release_only
@pytest.mark.root_only  # for a packet socket
def test_the_row_on_a_phones_line():
    (rounds,) = rounds_of("battery").values()
    (phone,), (polling,) = rounds["hum"], rounds["polling"]
    assert 0 < phone["idle_300_packets"] < polling["idle_300_packets"]
    assert 0 < phone["return_2_bytes"] < phone["return_20_bytes"] < phone["return_100_bytes"]
    assert phone["return_20_bytes"] < phone["full_20_bytes"]
    assert polling["return_20_bytes"] < polling["full_20_bytes"]
    assert phone["received_bytes"] > 100 and phone["sent_bytes"] > 100


@pytest.mark.release_only
def test_the_rows_on_rest():
    rounds = rounds_of(*ROWS)
    for name, sides in rounds.items():
        for side, results in sides.items():
            assert len(results) == 1, (name, side)
            if name != "big-server":
                assert results[0]["requests_per_s"] > 0, (name, side)
    large = rounds["big-server"]["large"][0]
    assert large["gone_s"] > 0 and large["turns"] > 0
