"""CPU milliseconds of a proposal, once n trials ended, in d dimensions.

The n trials are random points of a smooth function, told by others. The first
proposal, which learns them all, is left out; then come rounds of one proposal
and its end: their mean and their maximum are told, since some models are fitted
anew only now and then. Assay: CLOCK_PROCESS_CPUTIME_ID of the strategy's calls.
Peers: the CPU time of this process in ask() and tell().
"""

import time

import numpy as np

from . import optimizers, report
from .optimizers import assay_driver
from .problem import Problem, double, stream

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


def assay_round(label, problem, n, driver):
    """A function that runs one round and returns its milliseconds."""
    driver.call(assay_driver.create(label, problem, 0, 1, None, "s"))
    for values, metrics in history(problem, n):
        driver.call({"add": {"id": "s", "parameters": values, "metrics": metrics}})
    return lambda: _assay_step(problem, driver)


def _assay_step(problem, driver):
    answer = driver.call({"suggest": {"id": "s", "count": 1}})[0]
    trial = answer["trials"][0]
    loss = problem.make(0)(trial["parameters"], 0)
    told = driver.call({"complete": {"id": "s", "trial": trial["trial"],
                                     "metrics": {"loss": loss}}})[0]
    return (answer["cpu_us"] + told["cpu_us"]) / 1e3


def peer_round(label, problem, n):
    peer = optimizers.peer(label)(problem, 0, 1)
    peer.learn(list(history(problem, n)))
    return lambda: _peer_step(problem, peer)


def _peer_step(problem, peer):
    start = time.process_time()
    token, values = peer.ask()
    asked = time.process_time() - start
    loss = problem.make(0)(values, 0)
    start = time.process_time()
    peer.tell(token, {"loss": loss})
    return 1e3 * (asked + time.process_time() - start)


def rounds(step, args):
    """Milliseconds of each, as many as asked for or the budget has."""
    step()
    found, limit = [], 1e3 * args.budget
    while len(found) < args.rounds and (len(found) < LEAST or sum(found) < limit):
        found.append(step())
    return found


def measure(label, d, n, args):
    problem = make_problem(d)
    if optimizers.is_peer(label):
        return rounds(peer_round(label, problem, n), args)
    driver = assay_driver.Driver(args.driver)
    try:
        return rounds(assay_round(label, problem, n, driver), args)
    finally:
        driver.close()


def main(args):
    counts = [int(n) for n in args.n.split(",")]
    peers = [p for p in filter(None, args.peers.split(",")) if optimizers.version(p)]
    for d in map(int, args.d.split(",")):
        rows = [[label, *_row(label, d, counts, args)] for label in [*args.algorithm, *peers]]
        print(report.text_table([f"CPU ms, mean / max, d = {d}", *(f"n={n}" for n in counts)],
                                rows), "\n", flush=True)


def _row(label, d, counts, args):
    """Cells; those after one that used up the budget are left out."""
    cells, spent = [], False
    for n in counts:
        if spent:
            cells.append("-")
            continue
        found = measure(label, d, n, args)
        spent = len(found) < args.rounds
        cells.append(f"{np.mean(found):.3g} / {max(found):.3g}")
    return cells
