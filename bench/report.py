"""What a run found, as Markdown: medians over the rounds, and where the CPU time went."""

import datetime
from statistics import median

from cpu import QUIET
from rows import ROWS

HEAD = ("row", "median of the rounds", "Hum", "beside it", "ratio", "aim", "")


def _aim(figure):
    if figure.aim is None:
        return ""
    sign = "≥" if figure.at_least else "≤"
    more = {"value": "", "ratio": " ×", "either": " × either way", "difference": " more"}[figure.of]
    return f"{sign} {figure.aim:g}{more}"


def _verdict(figure, value, beside):
    if figure.aim is None:
        return ""
    judged = {"value": lambda: value, "ratio": lambda: value / beside,
              "either": lambda: max(value / beside, beside / value),
              "difference": lambda: value - beside}[figure.of]()
    met = judged >= figure.aim if figure.at_least else judged <= figure.aim
    return "met" if met else "MISSED"


def _median(figure, results):
    values = [result[figure.key] for result in results if figure.key in result]
    return median(values) * figure.scale if values else None


def _number(figure, value):
    return "–" if value is None else f"{value:,.{figure.decimals}f}"


def _cells(row, figure, rounds):
    value = _median(figure, rounds[row.measured])
    beside = _median(figure, rounds[row.beside]) if row.beside else None
    ratio = f"{value / beside:.2f}" if beside else "–"
    return (row.name, figure.label, _number(figure, value), _number(figure, beside), ratio,
            _aim(figure), _verdict(figure, value, beside))


def _markdown(lines):
    """Padded, so that it is a table in a terminal, too."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    left = {0, 1, 5, 6}
    padded = [[cell.ljust(width) if column in left else cell.rjust(width)
               for column, (cell, width) in enumerate(zip(line, widths))] for line in lines]
    rule = ["-" * width if column in left else "-" * (width - 1) + ":"
            for column, width in enumerate(widths)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [padded[0], rule, *padded[1:]])


def table(names, rounds):
    return _markdown([HEAD] + [_cells(ROWS[name], figure, rounds[name])
                               for name in names for figure in ROWS[name].figures])


def _cpu_lines(name, rounds):
    for broker, results in rounds.items():
        shares = [result["cpu_us_per_message"] for result in results
                  if "cpu_us_per_message" in result]
        means = {key: median(share.get(key, 0) for share in shares)
                 for key in set().union(*shares)}
        parts = [f"{key} {value:.1f}" for key, value in
                 sorted(means.items(), key=lambda item: -item[1]) if value >= 0.1]
        if parts:
            yield f"`{name}` {broker}: {', '.join(parts)}"


def cpu_table(names, rounds):
    """CPU time by thread or process, a message; what took less than 0.1 us is left out."""
    lines = [line for name in names for line in _cpu_lines(name, rounds[name])]
    if not lines:
        return ""
    title = "CPU time in µs a message (of fanout: a post, of rest: a request), with warming up and draining:"
    return "\n".join([title, "", *(f"- {line}" for line in lines), "", ""])


def disturbances(rounds):
    """A line for each round in which other programs were busy; mostly none."""
    return "".join(
        f"- `{name}` {broker}, round {number}: other programs took "
        f"{result['cpu_elsewhere']:.0%} of the CPU, its figures are not to be trusted\n"
        for name, brokers in rounds.items() for broker, results in brokers.items()
        for number, result in enumerate(results, 1) if result["cpu_elsewhere"] > QUIET)


def write_into(path, found):
    """Between the two marks of that page."""
    before, begin, rest = path.read_text().partition("<!-- bench -->\n")
    _, end, after = rest.partition("<!-- end of bench -->\n")
    today = datetime.datetime.now(datetime.timezone.utc)
    path.write_text(f"{before}{begin}{today:%Y-%m-%d}:\n\n{found.strip()}\n{end}{after}")
