"""The rows of the benchmark: a shape of hum-load, how many take part, and what is aimed at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of a row. The aim holds for the ratio to raw Mosquitto or for Hum's own value."""

    label: str
    key: str  # in hum-load's result
    scale: float
    decimals: int
    aim: float | None = None
    at_least: bool = False
    of_ratio: bool = False


@dataclass(frozen=True)
class Row:
    name: str
    shape: str
    people: int
    figures: tuple[Figure, ...]


def _latencies(p50_aim=None, p99_aim=None):
    return (
        Figure("p50 to own echo, ms", "p50_us", 1e-3, 2, p50_aim),
        Figure("p99 to own echo, ms", "p99_us", 1e-3, 2, p99_aim),
    )


_ALL = (
    Row("first", "pairs", 32, (
        Figure("messages/s to both", "messages_per_s", 1, 0, 0.80, at_least=True, of_ratio=True),
        Figure("deliveries/s", "deliveries_per_s", 1, 0),
        *_latencies(),
    )),
    Row("lone", "lone", 2, (
        *_latencies(0.6, 3.0),
        Figure("messages/s to both", "messages_per_s", 1, 0),
    )),
)

ROWS = {row.name: row for row in _ALL}
