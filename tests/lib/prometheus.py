"""Prometheus' text format, read strictly enough to notice what Prometheus would refuse."""

import re

HEAD = re.compile(r"# (HELP|TYPE) ([a-z_]+) (.+)")
LINE = re.compile(r'([a-z_]+)(?:\{(.*)\}|) (-?[0-9.]+)')
LABEL = re.compile(r'([a-z]+)="([^"\\\n]*)"(?:,|$)')
PARTS = {"counter": {""}, "gauge": {""}, "histogram": {"_bucket", "_sum", "_count"}}


def parse(text):
    """{(name, ((label, value), …)): number}. Every line must belong to the name whose head came last."""
    assert text.endswith("\n")
    numbers, family, kinds = {}, None, {}
    for line in text.splitlines():
        if line.startswith("#"):
            what, name, rest = HEAD.fullmatch(line).groups()
            if what == "HELP":
                assert name not in kinds, f"{name} twice"
                family, kinds[name] = name, None
            else:
                assert name == family and rest in PARTS, line
                kinds[name] = rest
            continue
        name, labels, value = LINE.fullmatch(line).groups()
        assert name.removeprefix(family) in PARTS[kinds[family]], line
        if kinds[family] == "counter":
            assert name.endswith("_total"), line
        pairs = tuple(LABEL.findall(labels or ""))
        assert (name, pairs) not in numbers, line
        numbers[name, pairs] = float(value)
    return numbers
