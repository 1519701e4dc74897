"""Warm start: what other studies give a new one. See README.md beside this file.

Leave one data set out: each of the eight HPOBench tables is searched by a new
study that may learn from studies of the others.
"""

import json

import numpy as np

from . import problems, tables
from .optimizers import assay_driver
from .problem import stream
from .statistics import interval, mean_and_error, score_at
from .study import ASK, search

FAMILY = "hpobench"
BUDGETS = (3, 10, 25, 50)
SOURCE_TRIALS = 75


# --- Runs -----------------------------------------------------------------------


class Run:
    """One search, asked for step by step."""

    def __init__(self, number, label, problem, seed, count, earlier=()):
        self.id = str(number)
        self.create = assay_driver.create(label, problem, seed, 1, None, self.id)
        self.create["create"]["earlier"] = list(earlier)
        self.trials = []  # As an earlier study has them.
        self.trace = None  # Once it is over.
        self.micros = self.first = 0  # CPU, of all and of the first proposal.
        self._steps = search(problem, seed, count, 1)
        self._message = next(self._steps)

    def request(self):
        if self._message[0] == ASK:
            return {"suggest": {"id": self.id, "count": 1}}
        _, number, metrics = self._message
        self.trials[-1]["metrics"] = metrics
        return {"complete": {"id": self.id, "trial": number, "metrics": metrics}}

    def take(self, answer):
        self.micros += answer["cpu_us"]
        reply = None
        if self._message[0] == ASK:
            told = answer["trials"][0]
            self.first += answer["cpu_us"] if not self.trials else 0
            self.trials.append({"parameters": told["parameters"]})
            reply = told["trial"], told["parameters"]
        try:
            self._message = self._steps.send(reply)
        except StopIteration as end:
            self.trace = end.value


def run_all(driver, runs, at_once=40):
    """In step with each other, so that the driver is asked for many at a time."""
    for i in range(0, len(runs), at_once):
        live = runs[i:i + at_once]
        for run in live:
            run.micros = run.first = driver.call(run.create)[0]["cpu_us"]
            run.create = None
        while live:
            for run, answer in zip(live, driver.call(*(r.request() for r in live))):
                run.take(answer)
            for run in live:
                if run.trace is not None:
                    driver.call({"close": {"id": run.id}})
            live = [r for r in live if r.trace is None]


# --- Earlier studies ------------------------------------------------------------


def problem_of(dataset):
    return problems.by_name(f"{FAMILY}/{dataset}")


def drawn(dataset, seed):
    """A study of 75 trials by random search."""
    problem = problem_of(dataset)
    rng = stream("transfer", dataset, seed)
    evaluate = problem.evaluator(0)
    return [{"parameters": values, "metrics": evaluate(values, i)[0]}
            for i, values in enumerate(problem.reference_draws(SOURCE_TRIALS, rng))]


def searched(driver, seeds):
    """The same by `bayesian`, with other seeds than those that are compared."""
    keys = [(d, s) for d in tables.DATASETS[FAMILY] for s in seeds]
    runs = [Run(i, "bayesian", problem_of(d), 1000 + s, SOURCE_TRIALS)
            for i, (d, s) in enumerate(keys)]
    run_all(driver, runs)
    return {key: run.trials for key, run in zip(keys, runs)}


def negated(trials):
    """The same configurations, the best the worst."""
    return [{"parameters": t["parameters"],
             "metrics": {name: -value for name, value in t["metrics"].items()}}
            for t in trials]


def shuffled(trials, seed):
    """The same results, of other configurations."""
    order = stream("shuffled", seed).permutation(len(trials))
    return [{"parameters": t["parameters"], "metrics": trials[i]["metrics"]}
            for t, i in zip(trials, order)]


def similar(name, trials):
    return {"name": name, "trust": "SIMILAR", "trials": trials}


class Cases:
    """case -> what a study of (data set, seed) learns from."""

    def __init__(self, driver, seeds):
        self.random = {(d, s): drawn(d, s) for d in tables.DATASETS[FAMILY] for s in seeds}
        self.searched = searched(driver, seeds)

    @staticmethod
    def _others(sources, dataset, seed):
        return [similar(d, sources[d, seed]) for d in tables.DATASETS[FAMILY] if d != dataset]

    def make(self, case, dataset, seed):
        random, found = self.random, self.searched
        own = random[dataset, seed]
        return {
            "none": lambda: [],
            "searched": lambda: self._others(found, dataset, seed),
            "random": lambda: self._others(random, dataset, seed),
            "one": lambda: self._others(found, dataset, seed)[seed % 7:seed % 7 + 1],
            "negated": lambda: [similar("negated", negated(own))],
            "shuffled": lambda: [similar("shuffled", shuffled(own, seed))],
            "one negated": lambda: [similar("negated", negated(own)),
                                    *self._others(random, dataset, seed)[1:]],
        }[case]()


CASES = ("none", "searched", "random", "one", "negated", "shuffled", "one negated")


def similar_runs(cases, seeds, label, driver):
    made = Cases(driver, seeds)
    keys = [(c, d, s) for c in cases for d in tables.DATASETS[FAMILY] for s in seeds]
    runs = [Run(i, label, problem_of(d), s, max(BUDGETS), made.make(c, d, s))
            for i, (c, d, s) in enumerate(keys)]
    run_all(driver, runs)
    return dict(zip(keys, runs))


def same_runs(seeds, label, driver, before=50, after=50):
    """Regret after 50 trials more: the study goes on, or a new one learns from it."""
    keys = [(d, s) for d in tables.DATASETS[FAMILY] for s in seeds]
    whole = [Run(i, label, problem_of(d), s, before + after) for i, (d, s) in enumerate(keys)]
    run_all(driver, whole)
    new = [Run(i, label, problem_of(d), s + 100, after,
               [{"name": "old", "trust": "SAME", "trials": whole[i].trials[:before]}])
           for i, (d, s) in enumerate(keys)]
    run_all(driver, new)
    scales = np.array([problems.scales()[f"{FAMILY}/{d}"] for d, _ in keys])
    going_on = [score_at(run.trace, before + after) for run in whole]
    afresh = [min(score_at(old.trace, before), score_at(run.trace, after))
              for old, run in zip(whole, new)]
    shape = len(tables.DATASETS[FAMILY]), len(seeds)
    return {"going on": (np.array(going_on) / scales).reshape(shape),
            "a new study": (np.array(afresh) / scales).reshape(shape)}


# --- Tables ---------------------------------------------------------------------


def print_similar(runs, cases, seeds):
    scales = problems.scales()
    names = tables.DATASETS[FAMILY]

    def scores(case, trial):
        return np.array([[score_at(runs[case, d, s].trace, trial) / scales[f"{FAMILY}/{d}"]
                          for s in seeds] for d in names])

    print(f"{'SIMILAR, x100':14}" + "".join(f"{'@' + str(b):>22}" for b in BUDGETS)
          + f"{'s to the first':>16}{'ms a trial':>12}")
    for case in cases:
        cells = []
        for b in BUDGETS:
            mine = 100 * scores(case, b)
            mean, error = mean_and_error(mine.mean(0))
            ratio = mine.mean() / (100 * scores("none", b)).mean()
            cells.append(f"{mean:7.2f}±{error:.2f} x{ratio:.2f}".rjust(22))
        mine = [r for (c, _, _), r in runs.items() if c == case]
        print(f"{case:14}{''.join(cells)}{1e-6 * np.mean([r.first for r in mine]):16.3f}"
              f"{1e-3 * np.mean([r.micros for r in mine]) / max(BUDGETS):12.1f}", flush=True)


def print_same(found):
    print("\nSAME, 50 trials, then 50 more, regret x100")
    for name, rows in found.items():
        mean, error = mean_and_error(100 * rows.mean(0))
        print(f"{name:14}{mean:7.2f}±{error:.2f}")
    difference = 100 * (found["a new study"] - found["going on"])
    low, high = interval(difference)
    print(f"{'difference':14}{difference.mean():7.2f}, 95 % from {low:.2f} to {high:.2f}")


def main(args):
    driver = assay_driver.Driver(args.driver)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    cases = ("none", *(c for c in CASES[1:] if not args.cases or c in args.cases.split(",")))
    label = args.algorithm or "bayesian"
    runs = similar_runs(cases, seeds, label, driver)
    print_similar(runs, cases, seeds)
    if args.json:
        with open(args.json, "w") as file:
            for (case, dataset, seed), run in runs.items():
                file.write(json.dumps({"case": case, "dataset": dataset, "seed": seed,
                                       "trace": run.trace, "cpu_us": run.micros}) + "\n")
    if not args.cases or "same" in args.cases.split(","):
        print_same(same_runs(seeds, label, driver))
    driver.close()
