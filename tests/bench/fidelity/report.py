"""Tables and a plot of what was simulated."""

import numpy as np

from .problems import by_name


def interval(values, draws=4000):
    """95 % bootstrap interval of the median."""
    values = np.asarray(values, float)
    random = np.random.default_rng(0)
    medians = np.median(values[random.integers(len(values), size=(draws, len(values)))], axis=1)
    return [float(q) for q in np.percentile(medians, [2.5, 97.5], method="inverted_cdf")]


def seconds(value):
    if not np.isfinite(value):
        return "never"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def compared(records):
    """One row a problem and label: the median time to the target and what was spent."""
    lines = ["| problem | | seconds to the target | 95 % | reached | regret at the end | runs "
             "| whole | stopped | CPU s of decisions |", "| --- " * 10 + "|"]
    for (problem, label), rows in _grouped(records).items():
        times = [_number(r["seconds_to_target"]) for r in rows]
        low, high = interval(times)
        means = {key: np.mean([r[key] for r in rows])
                 for key in ("runs", "whole", "stopped", "decisions")}
        lines.append(
            f"| {problem} | `{label}` | {seconds(np.median(times))} | {seconds(low)} to "
            f"{seconds(high)} | {np.isfinite(times).sum()}/{len(times)} | "
            f"{_final_regret(problem, rows):.4f} | {means['runs']:.0f} | {means['whole']:.0f} | {means['stopped']:.0f} | {means['decisions']:.2f} |")
    return "\n".join(lines)


def selected(records, problem):
    """One row a label: means over studies and their standard errors."""
    lines = ["| | studies | best measured | trained again | luck | of it on the test part |",
             "| --- " * 6 + "|"]
    for (_, label), rows in _grouped(records).items():
        bests = [(r["seed"], r["best"]) for r in rows if r["best"]]
        measured = np.array([best["measured"] for _, best in bests])
        again, test = np.array([problem.retrained(best["parameters"], seed, best["lineage"])
                                for seed, best in bests]).T
        cells = map(_mean_and_error, (measured, again, measured - again, test))
        lines.append(f"| `{label}` | {len(bests)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean_and_error(values):
    return f"{np.mean(values):.4f}±{np.std(values, ddof=1) / np.sqrt(len(values)):.4f}"


def _final_regret(name, rows):
    problem = by_name(name)
    sign = 1 if problem.metric["goal"] == "MINIMIZE" else -1
    return np.median([sign * (r["trace"][-1][1] - problem.best()) if r["trace"] else np.inf
                      for r in rows])


def _number(value):
    return float("inf") if value is None else value


def _grouped(records):
    groups = {}
    for record in records:
        groups.setdefault((record["problem"], record["label"]), []).append(record)
    return groups


def plot(records, problems, path):
    """Median regret of the incumbent over virtual time, one panel a problem."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    figure, axes = pyplot.subplots(1, len(problems), figsize=(6 * len(problems), 4.5), squeeze=False)
    for axis, problem in zip(axes[0], problems):
        times = np.geomspace(*_span(records, problem.name), 200)
        for (name, label), rows in _grouped(records).items():
            if name == problem.name:
                axis.plot(times, _median_regret(rows, problem, times), label=label)
        axis.set(title=problem.name, xlabel="seconds", ylabel="regret of the best", xscale="log",
                 yscale="log")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _span(records, name):
    ends = [t for r in records if r["problem"] == name for t, _ in r["trace"]]
    return min(ends), max(ends)


def _median_regret(rows, problem, times):
    sign = 1 if problem.metric["goal"] == "MINIMIZE" else -1
    best = problem.best()
    regrets = np.full((len(rows), len(times)), np.nan)
    for row, record in zip(regrets, rows):
        for time, value in record["trace"]:
            row[times >= time] = max(sign * (value - best), 1e-6)
    return np.median(np.where(np.isnan(regrets), np.inf, regrets), axis=0)
