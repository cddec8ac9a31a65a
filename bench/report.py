"""What a run found, as text: medians over the rounds, and where the CPU time went."""

from statistics import median

from cpu import QUIET
from rows import ROWS

LINE = "{:<6} {:<22} {:>10} {:>10} {:>7}  {}"


def _verdict(figure, value, ratio):
    if figure.aim is None:
        return ""
    judged = ratio if figure.of_ratio else value
    met = judged >= figure.aim if figure.at_least else judged <= figure.aim
    return f"{'>=' if figure.at_least else '<='} {figure.aim:.2f} {'met' if met else 'MISSED'}"


def _line(row, figure, rounds):
    hum, raw = (median(result[figure.key] for result in rounds[mode]) * figure.scale
                for mode in ("hum", "raw"))
    ratio = hum / raw
    return LINE.format(row.name, figure.label, f"{hum:,.{figure.decimals}f}",
                       f"{raw:,.{figure.decimals}f}", f"{ratio:.2f}",
                       _verdict(figure, hum, ratio)).rstrip()


def table(names, rounds):
    lines = [LINE.format("row", "median of the rounds", "hum", "raw", "ratio", "aim")]
    for name in names:
        lines += [_line(ROWS[name], figure, rounds[name]) for figure in ROWS[name].figures]
    return "\n".join(lines)


def cpu_table(names, rounds):
    """CPU time by thread or process, a message; what took less than 0.1 us is left out."""
    lines = ["", "CPU time, us a message (warming up and draining included)"]
    for name in names:
        for mode, results in rounds[name].items():
            who = {key for result in results for key in result["cpu_us_per_message"]}
            means = {key: median(result["cpu_us_per_message"].get(key, 0) for result in results)
                     for key in who}
            parts = [f"{key} {value:.1f}" for key, value in
                     sorted(means.items(), key=lambda item: -item[1]) if value >= 0.1]
            lines.append(f"{name:<6} {mode}: {', '.join(parts)}")
    return "\n".join(lines)


def disturbances(rounds):
    """A line for each round in which other programs were busy; mostly none."""
    return "".join(
        f"{name} {mode}, round {number}: other programs took {result['cpu_elsewhere']:.0%} of the "
        "CPU, its figures are not to be trusted\n"
        for name, modes in rounds.items() for mode, results in modes.items()
        for number, result in enumerate(results, 1) if result["cpu_elsewhere"] > QUIET)
