"""Tables in text of the runs of one suite, and plots."""

import itertools

import numpy as np

from . import optimizers, problems
from .statistics import (FLOOR, SOLVED, interval, mean_and_error, ranks, score_at, trials_to,
                         verdict)

ENOUGH = 5  # Seeds; with fewer, an interval means nothing.


class Runs:
    """The runs of one suite and one number of workers."""

    def __init__(self, suite, records, workers=1, labels=(), problem_names=()):
        self.problems = [p for p in problems.of_suite(suite)
                         if not problem_names or p.name in problem_names]
        self.suite, self.workers = suite, workers
        self.is_tables = suite.startswith("tables")
        names = {p.name for p in self.problems}
        self._records = {
            (r["optimizer"], r["problem"], r["seed"]): r for r in records
            if r["problem"] in names and r["workers"] == workers
            and (not labels or r["optimizer"] in labels)}
        self.scales = problems.scales()
        self.budgets = self.problems[0].budgets if self.problems else ()

    def records(self):
        return self._records.values()

    def labels(self):
        """Assay's first."""
        found = dict.fromkeys(label for label, _, _ in self._records)
        return sorted(found, key=lambda x: (optimizers.is_peer(x), x))

    def covered(self, label):
        return [p for p in self.problems if self.seeds(label, p.name)]

    def seeds(self, label, problem):
        least = max(self.budgets)
        return {s for (a, p, s), r in self._records.items()
                if a == label and p == problem and r["trials"] >= least}

    def common_seeds(self, label, names):
        """Those that the label has of every problem."""
        found = [self.seeds(label, n) for n in names]
        return sorted(set.intersection(*found)) if found else []

    def trace(self, label, problem, seed):
        return self._records[label, problem, seed]["trace"]

    def scale(self, problem):
        return self.scales.get(problem, 1.0)  # A share of hypervolume is one.

    def scores(self, label, problem, seeds, trial):
        """Regrets / (median - f*), or missing shares of hypervolume."""
        return np.array([score_at(self.trace(label, problem, s), trial) for s in seeds]
                        ) / self.scale(problem)

    def milliseconds(self, label):
        return np.mean([r["ms_per_trial"] for (a, _, _), r in self._records.items()
                        if a == label])


def _line(cells, widths):
    return "  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w)
                     for i, (c, w) in enumerate(zip(cells, widths))).rstrip()


def text_table(head, rows):
    widths = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    return "\n".join([_line(head, widths), rule, *(_line(r, widths) for r in rows)])


def _complete(runs):
    """Labels that ran every problem of the suite, and the seeds they share."""
    names = [p.name for p in runs.problems]
    return {a: seeds for a in runs.labels() if (seeds := runs.common_seeds(a, names))}


def mean_table(runs):
    """Mean over the problems of the score x 100, +- SE over seeds."""
    complete = _complete(runs)
    names = [p.name for p in runs.problems]
    families = list(dict.fromkeys(n.split("/")[0] for n in names if "/" in n))
    head = ["x100", "seeds", *(f"@{b}" for b in runs.budgets),
            *(f"{f} @{runs.budgets[-1]}" for f in families), "solved", "trials to", "ms/trial"]
    rows = []
    for label, seeds in complete.items():
        by = {b: 100 * np.array([runs.scores(label, n, seeds, b) for n in names])
              for b in runs.budgets}
        cells = ["{:.2f}±{:.2f}".format(*mean_and_error(v.mean(0))) for v in by.values()]
        last = by[runs.budgets[-1]]
        cells += ["{:.2f}".format(last[[n.startswith(f + "/") for n in names]].mean())
                  for f in families]
        rows.append([label, len(seeds), *cells, *_solved(runs, label, itertools.product(names, seeds)),
                     f"{runs.milliseconds(label):.2f}"])
    return text_table(head, rows)


def _solved(runs, label, pairs):
    """Of (problem, seed) pairs: the share solved, and the median trials to it."""
    trials = np.array([trials_to(runs.trace(label, n, s), SOLVED * runs.scale(n))
                       for n, s in pairs], float)
    solved = trials <= runs.budgets[-1]
    return f"{100 * solved.mean():.0f}%", (f"{np.median(trials[solved]):.0f}" if solved.any()
                                          else "-")


def problem_table(runs, statistic=np.median):
    """The median of each problem's raw score at each budget."""
    labels = runs.labels()
    head = [statistic.__name__, *labels]
    rows = []
    for p in runs.problems:
        cells = []
        for label in labels:
            seeds = sorted(runs.seeds(label, p.name))
            cells.append(" / ".join(
                f"{statistic(runs.scale(p.name) * runs.scores(label, p.name, seeds, b)):.2g}"
                for b in runs.budgets) if seeds else "-")
        rows.append([p.name, *cells])
    pairs = {a: [(p.name, s) for p in runs.covered(a) for s in runs.seeds(a, p.name)]
             for a in labels}
    solved = [_solved(runs, a, pairs[a]) for a in labels]
    rows.append(["solved", *(share for share, _ in solved)])
    rows.append(["trials to solve", *(trials for _, trials in solved)])
    seeds = ["seeds"] + [str(min(len(runs.seeds(a, p.name)) for p in runs.covered(a)))
                         for a in labels]
    time = ["ms/trial"] + [f"{runs.milliseconds(a):.2f}" for a in labels]
    return text_table(head, [*rows, seeds, time])


def rank_table(runs):
    """Mean ranks over problems and the seeds that all have, of those with enough."""
    complete = _complete(runs)
    enough = {a: seeds for a, seeds in complete.items() if len(seeds) >= ENOUGH}
    complete = enough if len(enough) > 1 else complete
    if len(complete) < 2:
        return "ranks: fewer than two ran every problem"
    shared = sorted(set.intersection(*map(set, complete.values())))
    if not shared:
        return "ranks: no seed is common to all"
    rows = {b: ranks([[runs.scores(a, p.name, [s], b)[0] for a in complete]
                      for p in runs.problems for s in shared]) for b in runs.budgets}
    head = ["mean rank", *(f"@{b}" for b in runs.budgets)]
    body = [[a, *(f"{rows[b][i]:.2f}" for b in runs.budgets)] for i, a in enumerate(complete)]
    return text_table(head, body) + f"\n(of {len(complete)}, {len(shared)} seeds common to all)"


def _paired(runs, a, b, trial):
    """[problem] -> differences of the scores of `a` and `b`, paired by seed."""
    found = []
    for p in runs.problems:
        seeds = sorted(runs.seeds(a, p.name) & runs.seeds(b, p.name))
        if not seeds:
            continue
        x, y = (runs.scores(label, p.name, seeds, trial) for label in (a, b))
        if not runs.is_tables:
            x, y = (np.log10(np.maximum(v, FLOOR)) for v in (x, y))
        else:
            x, y = 100 * x, 100 * y
        found.append(x - y)
    return found


def win_table(runs, ours):
    """`ours` beside each label after it: the paired difference, its 95 % bootstrap
    interval, and on how many problems the interval excludes 0."""
    unit = "x100" if runs.is_tables else "log10"
    head = [f"{ours} minus", "at", f"difference {unit}", "95 % interval", "", "won", "lost",
            "tied", "seeds"]
    rows = []
    labels = runs.labels()
    for other in labels[labels.index(ours) + 1:]:
        for b in runs.budgets:
            found = _paired(runs, ours, other, b)
            if not found:
                continue
            low, high = interval(found)
            each = [verdict(*interval([d])) for d in found]
            least = min(map(len, found))
            rows.append([other, b, f"{np.mean([d.mean() for d in found]):+.3f}",
                         f"[{low:+.3f}, {high:+.3f}]",
                         verdict(low, high) if least >= ENOUGH else "few seeds",
                         *(each.count(v) for v in ("win", "loss", "tie")), least])
    return text_table(head, rows) if rows else ""


def prior_table(runs):
    """Of each strategy and belief: the mean score x 100 over functions and over
    tables, and its ratio to that of no prior: the geometric mean over problems of
    the ratios of means over seeds, which count SOLVED at least."""
    head = ["x100", "prior", "seeds", *(f"{group} @{b}" for group in ("functions", "tables")
                                        for b in runs.budgets), *(f"ratio @{b}" for b in runs.budgets)]
    rows = []
    for label, seeds in _complete(runs).items():
        means = [(p, [runs.scores(label, p.name, seeds, b).mean() for b in runs.budgets])
                 for p in runs.problems]
        none = {p.base.name: m for p, m in means if p.belief == "none"}
        for belief in dict.fromkeys(p.belief for p in runs.problems):
            mine = {p.base.name: m for p, m in means if p.belief == belief}
            groups = [[m for n, m in mine.items() if ("/" in n) == is_table]
                      for is_table in (False, True)]
            ratios = [np.maximum(m, SOLVED) / np.maximum(none[n], SOLVED)
                      for n, m in mine.items() if n in none]
            rows.append([label, belief, len(seeds),
                         *(f"{100 * v:.2f}" for g in groups for v in np.mean(g, axis=0)),
                         *(f"{v:.2f}" for v in np.exp(np.mean(np.log(ratios), axis=0)))])
    return text_table(head, rows)


def summary(runs, detail=False):
    """All that is told of a suite."""
    if runs.suite == "priors":
        return "\n\n".join([f"== priors: {len(runs.problems)} problems ==", prior_table(runs),
                            *([problem_table(runs)] if detail else [])])
    workers = f", {runs.workers} workers" if runs.workers > 1 else ""
    parts = [f"== {runs.suite}{workers}: {len(runs.problems)} problems =="]
    if runs.is_tables:
        parts.append(mean_table(runs))
    if detail or not runs.is_tables:
        parts.append(problem_table(runs))
    parts.append(rank_table(runs))
    parts += [win_table(runs, a) for a in runs.labels() if not optimizers.is_peer(a)]
    return "\n\n".join(filter(None, parts))
