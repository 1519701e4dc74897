"""CPU milliseconds of a proposal, once n trials ended, in d dimensions.

The n trials are random points of a smooth function, told by others; then come
STEPS rounds of one proposal and its end. Assay: CLOCK_PROCESS_CPUTIME_ID of the
strategy's calls. Peers: the CPU time of this process in ask() and tell().
"""

import statistics
import time

import numpy as np

from . import optimizers, report
from .optimizers import assay_driver
from .problem import Problem, double, stream

STEPS = 5  # The median of so many is told.


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


def of_assay(label, problem, n, driver):
    driver.call(assay_driver.create(label, problem, 0, 1, n + STEPS, "s"))
    for values, metrics in history(problem, n):
        driver.call({"add": {"id": "s", "parameters": values, "metrics": metrics}})
    # The first proposal learns all n at once; it is not what a study pays.
    return [_assay_step(problem, driver) for _ in range(STEPS + 1)][1:]


def _assay_step(problem, driver):
    answer = driver.call({"suggest": {"id": "s", "count": 1}})[0]
    trial = answer["trials"][0]
    loss = problem.make(0)(trial["parameters"], 0)
    told = driver.call({"complete": {"id": "s", "trial": trial["trial"],
                                     "metrics": {"loss": loss}}})[0]
    return (answer["cpu_us"] + told["cpu_us"]) / 1e3


def of_peer(label, problem, n):
    peer = optimizers.peer(label)(problem, 0, 1)
    peer.learn(list(history(problem, n)))
    return [_peer_step(problem, peer) for _ in range(STEPS + 1)][1:]


def _peer_step(problem, peer):
    start = time.process_time()
    token, values = peer.ask()
    asked = time.process_time() - start
    loss = problem.make(0)(values, 0)
    start = time.process_time()
    peer.tell(token, {"loss": loss})
    return 1e3 * (asked + time.process_time() - start)


def measure(label, d, n, path):
    """Milliseconds, the median of STEPS."""
    problem = make_problem(d)
    if optimizers.is_peer(label):
        return statistics.median(of_peer(label, problem, n))
    driver = assay_driver.Driver(path)
    try:
        return statistics.median(of_assay(label, problem, n, driver))
    finally:
        driver.close()


def main(args):
    counts = [int(n) for n in args.n.split(",")]
    peers = [p for p in filter(None, args.peers.split(",")) if optimizers.version(p)]
    for d in map(int, args.d.split(",")):
        rows = [[label, *_row(label, d, counts, args)] for label in [*args.algorithm, *peers]]
        print(report.text_table([f"CPU ms a proposal, d = {d}", *(f"n={n}" for n in counts)],
                                rows), "\n", flush=True)


def _row(label, d, counts, args):
    """Cells; those after one whose steps took more than the budget are left out."""
    cells, last = [], 0.0
    for n in counts:
        if last * (STEPS + 1) > 1e3 * args.budget / 4:
            cells.append("-")
            continue
        last = measure(label, d, n, args.driver)
        cells.append(f"{last:.3g}")
    return cells
