"""CPU milliseconds of a proposal, once n trials ended, in d dimensions.

The n trials are random points of a smooth function, told by others. The first
proposal, which learns them all, is told apart; then come rounds of one proposal
and its end: their mean and their maximum are told, since some models are fitted
anew only now and then. The rounds go on to n / 4 more trials, which holds one
of each kind of fit, or as long as the budget lasts. Assay:
CLOCK_PROCESS_CPUTIME_ID of the strategy's calls, and the highest resident
memory of its process. Peers: the CPU time of this process in ask() and tell().
"""

import json
import pathlib
import re
import time

import numpy as np

from . import optimizers, report
from .optimizers import assay_driver
from .problem import Problem, double, stream

ALGORITHMS = ("bayesian", "tpe", "cma_es", "nsga2", "auto")
LEAST = 3  # Rounds, whatever the budget.


def make_problem(d):
    names = [f"x{i}" for i in range(d)]

    def function(values, number):
        x = np.array([values[n] for n in names])
        return float(np.sum((x - 0.3)**2) + 0.1 * np.sum(np.cos(8 * x)))

    return Problem(name=f"bowl{d}", suite="latency", make=lambda seed: function,
                   parameters=[double(n, 0, 1) for n in names])


def history(problem, n):
    rng = stream("latency", problem.name)
    function = problem.make(0)
    for _ in range(n):
        values = {p["name"]: float(rng.uniform()) for p in problem.parameters}
        yield values, {"loss": function(values, 0)}


class AssayRounds:
    """A study in a driver of its own."""

    def __init__(self, label, problem, n, path):
        self._problem = problem
        self._driver = assay_driver.Driver(path)
        self._driver.call(assay_driver.create(label, problem, 0, 1, None, "s"))
        self._learned = sum(self._driver.call({"add": {
            "id": "s", "parameters": values, "metrics": metrics}})[0]["cpu_us"]
            for values, metrics in history(problem, n))

    def first(self):
        """Milliseconds, those of learning the n trials with them."""
        return self._learned / 1e3 + self.next()

    def next(self):
        answer = self._driver.call({"suggest": {"id": "s", "count": 1}})[0]
        trial = answer["trials"][0]
        loss = self._problem.make(0)(trial["parameters"], 0)
        told = self._driver.call({"complete": {"id": "s", "trial": trial["trial"],
                                               "metrics": {"loss": loss}}})[0]
        return (answer["cpu_us"] + told["cpu_us"]) / 1e3

    def mebibytes(self):
        status = pathlib.Path(f"/proc/{self._driver.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def close(self):
        self._driver.close()


class PeerRounds:
    def __init__(self, label, problem, n):
        self._problem = problem
        self._peer = optimizers.peer(label)(problem, 0, 1)
        start = time.process_time()
        self._peer.learn(list(history(problem, n)))
        self._learned = 1e3 * (time.process_time() - start)

    def first(self):
        return self._learned + self.next()

    def next(self):
        start = time.process_time()
        token, values = self._peer.ask()
        asked = time.process_time() - start
        loss = self._problem.make(0)(values, 0)
        start = time.process_time()
        self._peer.tell(token, {"loss": loss})
        return 1e3 * (asked + time.process_time() - start)

    @staticmethod
    def mebibytes():
        return None  # It shares this process.

    def close(self):
        pass


def measure(label, d, n, args):
    """What is told of one cell: see record."""
    problem = make_problem(d)
    rounds = (PeerRounds(label, problem, n) if optimizers.is_peer(label)
              else AssayRounds(label, problem, n, args.driver))
    try:
        first, found = rounds.first(), []
        wanted, limit = max(args.rounds, n // 4), 1e3 * args.budget
        while len(found) < wanted and (len(found) < LEAST or sum(found) < limit):
            found.append(rounds.next())
        return {"label": label, "d": d, "n": n, "rounds": len(found),
                "mean_ms": round(float(np.mean(found)), 4), "max_ms": round(max(found), 4),
                "first_ms": round(first, 2), "mebibytes": rounds.mebibytes()}
    finally:
        rounds.close()


def main(args):
    counts = [int(n) for n in args.n.split(",")]
    peers = [p for p in filter(None, args.peers.split(",")) if optimizers.version(p)]
    labels = [*(args.algorithm or ALGORITHMS), *peers]
    records = []
    for d in map(int, args.d.split(",")):
        found = {label: _row(label, d, counts, args) for label in labels}
        records += [r for row in found.values() for r in row]
        print(_table(f"CPU ms a proposal, mean / max, d = {d}", found, counts,
                     lambda r: f"{r['mean_ms']:.3g} / {r['max_ms']:.3g}"), "\n", flush=True)
        ours = {label: row for label, row in found.items() if not optimizers.is_peer(label)}
        if ours:
            print(_table(f"CPU s to learn n and propose, MiB, d = {d}", ours, counts,
                         lambda r: f"{r['first_ms'] / 1e3:.2g}, {r['mebibytes']:.0f}"), "\n",
                  flush=True)
    if args.json:
        pathlib.Path(args.json).write_text("".join(json.dumps(r) + "\n" for r in records))
    if args.plots:
        from . import plots
        print(plots.plot_latency(records))


def _row(label, d, counts, args):
    """Records; those after one slower than --slowest are left out."""
    found = []
    for n in counts:
        if found and found[-1]["mean_ms"] > args.slowest:
            break
        found.append(measure(label, d, n, args))
    return found


def _table(head, rows, counts, cell):
    lines = [[label, *map(cell, row), *["-"] * (len(counts) - len(row))]
             for label, row in rows.items()]
    return report.text_table([head, *(f"n={n}" for n in counts)], lines)
