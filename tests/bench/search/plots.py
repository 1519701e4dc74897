"""Pictures: the regret by trials, with error bars. Of tables, where many runs
end at 0, the mean on a logarithmic axis; of others the mean logarithm."""

import numpy as np

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from . import optimizers, paths, problems, report, results  # noqa: E402
from .statistics import FLOOR, score_at  # noqa: E402

COLUMNS = 4
BOTTOM = 1e-4  # Of the logarithmic axis.
POINTS = 40  # Trials at which a curve is drawn.


def plot(runs, name=None):
    """A panel for each problem, and for all together. Returns the file's path."""
    panels = runs.problems + ([None] if len(runs.problems) > 1 else [])
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3.1 * rows + 0.6),
                                squeeze=False, constrained_layout=True)
    labels = runs.labels()
    for axis, problem in zip(axes.flat, panels):
        for i, label in enumerate(labels):
            _curve(axis, runs, label, problem, f"C{i}")
        if runs.is_tables:
            axis.set_ylim(bottom=max(axis.get_ylim()[0], BOTTOM))
        axis.set_title(problem.name if problem else "all", fontsize=10)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(panels):]:
        axis.axis("off")
    handles = [plt.Line2D([], [], color=f"C{i}", lw=_width(a)) for i, a in enumerate(labels)]
    figure.legend(handles, labels, loc="outside lower center",
                  ncols=min(len(labels), columns if columns < COLUMNS else 6))
    figure.supylabel(_what(runs), fontsize=10 if rows > 1 else 8)
    return _save(figure, name or f"{runs.suite}-{runs.workers}.png")


def _save(figure, name):
    """Returns the path."""
    paths.PLOTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(paths.PLOTS / name, dpi=90)
    plt.close(figure)
    return paths.PLOTS / name


def _what(runs):
    if runs.problems[0].name not in runs.scales:
        return "log10 of the missing share of hypervolume, by trials"
    regret = "(best - f*) / (median - f*), by trials"
    return regret if runs.is_tables else "log10 of " + regret


def _width(label):
    return 1.2 if optimizers.is_peer(label) else 2.4


def _curve(axis, runs, label, problem, color):
    """Mean and standard error over the seeds; of all problems: of their means."""
    chosen = [problem] if problem else runs.problems
    seeds = runs.common_seeds(label, [p.name for p in chosen])
    if not seeds:
        return
    trials = np.unique(np.geomspace(1, max(runs.budgets), POINTS).astype(int))
    values = np.mean([_values(runs, label, p, seeds, trials) for p in chosen], axis=0)
    mean = values.mean(0)
    axis.plot(trials, mean, color=color, lw=_width(label))
    if runs.is_tables:
        axis.set_yscale("log")
    if len(seeds) > 1:
        error = values.std(0, ddof=1) / np.sqrt(len(seeds))
        some = slice(None, None, 4)
        axis.errorbar(trials[some], mean[some], error[some], fmt="none", ecolor=color,
                      capsize=2)


def _values(runs, label, problem, seeds, trials):
    """[seeds, trials]"""
    scores = np.array([[score_at(runs.trace(label, problem.name, s), t) for t in trials]
                       for s in seeds]) / runs.scale(problem.name)
    return scores if runs.is_tables else np.log10(np.maximum(scores, FLOOR))


def plot_latency(records):
    """Of latency.py: milliseconds a proposal by trials, a panel a dimension."""
    dimensions = sorted({r["d"] for r in records})
    labels = list(dict.fromkeys(r["label"] for r in records))
    figure, axes = plt.subplots(1, len(dimensions), figsize=(4.4 * len(dimensions), 3.6),
                                squeeze=False, sharey=True, constrained_layout=True)
    for axis, d in zip(axes.flat, dimensions):
        for i, label in enumerate(labels):
            mine = [r for r in records if r["label"] == label and r["d"] == d]
            axis.loglog([r["n"] for r in mine], [r["mean_ms"] for r in mine], "o-", ms=3,
                        color=f"C{i}", lw=_width(label), label=label)
        axis.set_title(f"d = {d}", fontsize=10)
        axis.set_xlabel("trials")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("CPU ms a proposal")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center",
                  ncols=min(len(labels), 6))
    return _save(figure, "latency.png")


def report_all():
    """Tables and plots of every run that is kept, a suite and number of workers
    after the other."""
    about, _ = results.baselines()
    for line in about:
        print(f"checked in: {line['suite']}, {line['date']}, {line['cpu']}, "
              f"{', '.join(line['versions'])}")
    records = [*results.peers().values(), *results.assay()]
    for suite in problems.SUITES:
        names = {p.name for p in problems.of_suite(suite)}
        for workers in sorted({r["workers"] for r in records if r["problem"] in names}):
            runs = report.Runs(suite, records, workers)
            print("\n" + report.summary(runs), f"\n\n{plot(runs)}")
