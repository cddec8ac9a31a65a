"""Runs the unit tests in C, one test a program."""

import os
import subprocess

import pytest

from lib.instance import ROOT, build_dir

FOLDERS = ["tests/unit", "*", "clients-sample/mobile/tests"]
SOURCES = sorted(source for folder in FOLDERS for source in ROOT.glob(f"{folder}/unit-*.c"))


def program(source):
    return build_dir() / "tests" / "unit" / source.stem


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.stem)
def test_unit(source):
    assert program(source).exists(), "not built: ./hum test builds it"
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1"}
    env["LSAN_OPTIONS"] = f"suppressions={ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0"
    done = subprocess.run(
        [program(source)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def test_there_are_unit_tests():
    assert SOURCES
