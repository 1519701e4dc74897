"""What never waiting for the search costs: a strategy by a server, asked by many
clients in real time, beside the same one trial after the other in process.

Legs, at equal numbers of trials, by problem and seed:

  LABEL                  in process, one trial at a time
  LABEL, 16 workers      in process, in virtual time: what parallelism alone costs
  LABEL, served, ...     by a server on disk: each of 16 clients asks, trains for
                         a time of the given mean, log-normal, and tells

The regret is that of the other commands. `unseen` counts, for each proposal that
was handed out, the results that had ended by then and that it does not know:
those after its `seen_revision`, by the server's own rows.
"""

import dataclasses
import json
import pathlib
import sqlite3
import threading
import time

import numpy as np

from . import problems, report, runner
from .optimizers import assay_grpc
from .problem import stream

DEVIATION = 0.75  # Of the logarithm of training times.


@dataclasses.dataclass(frozen=True)
class Leg:
    label: str
    training: float  # Mean seconds.
    max_wait: float

    @property
    def name(self):
        return f"{self.label}, served, {self.training:g} s, wait {self.max_wait:g} s"


def training_time(leg, problem, seed, number):
    if leg.training == 0:
        return 0.0
    factor = stream("training", problem.name, seed, number).lognormal(-DEVIATION**2 / 2, DEVIATION)
    return leg.training * factor


class Served:
    """One study: its clients, and what became of it."""

    def __init__(self, client, leg, job, problem):
        self._leg, self._job, self._problem = leg, job, problem
        self._study = assay_grpc.Study(client, job, problem, {"max_wait": leg.max_wait})
        self._evaluate = problem.evaluator(job.seed)
        self._lock = threading.Lock()
        self._asked = self._ended = 0
        self._errors = []
        self.trace = []

    @property
    def id(self):
        return self._study.id

    def run(self):
        threads = [threading.Thread(target=self._client, daemon=True)
                   for _ in range(self._job.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _client(self):
        try:
            while self._may_ask():
                self._one_trial()
        except Exception as error:  # Raised by run().
            self._errors.append(error)

    def _may_ask(self):
        with self._lock:
            self._asked += 1
            return self._asked <= self._job.trials

    def _one_trial(self):
        held, values = self._study.ask()
        with self._lock:
            metrics, pending = self._evaluate(values, held.trial.number)
        time.sleep(training_time(self._leg, self._problem, self._job.seed, held.trial.number))
        self._study.tell(held, metrics)
        with self._lock:
            self._ended += 1
            score = pending.finish()
            if not self.trace or score != self.trace[-1][1]:
                self.trace.append([self._ended, score])


def unseen(database, study):
    """Of each proposal, in the order of their numbers."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as rows:
        log = rows.execute("SELECT created_revision, seen_revision, ended_revision FROM trial "
                           "WHERE study = ? ORDER BY number", [study]).fetchall()
    rows.close()
    ended = np.sort([e for _, _, e in log if e])
    return [int(np.searchsorted(ended, c) - np.searchsorted(ended, s, side="right"))
            for c, s, _ in log]


def run_leg(leg, chosen, args):
    """Records, with the `unseen` of their proposals."""
    with assay_grpc.Server(memory=False) as (server, address):
        client = assay_grpc.Client(address)
        for problem in chosen:
            for seed in range(args.first_seed, args.first_seed + args.seeds):
                job = runner.Job(leg.label, problem.name, seed, max(problem.budgets), args.clients)
                before = server.cpu_seconds()
                study = Served(client, leg, job, problem)
                study.run()
                yield {**runner.record(job, "assay", study.trace, server.cpu_seconds() - before),
                       "optimizer": leg.name, "unseen": unseen(server.database, study.id)}


def run_in_process(label, workers, chosen, args):
    jobs = [runner.Job(label, p.name, s, max(p.budgets), workers)
            for s in range(args.first_seed, args.first_seed + args.seeds) for p in chosen]
    found = []
    runner.run(jobs, 1, args.driver, found.append)
    name = label if workers == 1 else f"{label}, {workers} workers"
    return [{**r, "optimizer": name, "workers": args.clients} for r in found]


def unseen_table(records):
    rows = []
    for name in dict.fromkeys(r["optimizer"] for r in records if "unseen" in r):
        counts = np.concatenate([r["unseen"] for r in records if r["optimizer"] == name])
        seconds = np.mean([r["ms_per_trial"] for r in records if r["optimizer"] == name])
        rows.append([name, len(counts), f"{100 * np.mean(counts == 0):.0f}%",
                     *(f"{np.percentile(counts, p):.0f}" for p in (50, 90, 99, 100)),
                     f"{counts.mean():.2f}", f"{seconds:.1f}"])
    return report.text_table(["unseen results of a proposal", "proposals", "none", "median", "p90",
                              "p99", "most", "mean", "CPU ms/trial"], rows)


def main(args):
    labels = args.algorithm or ["bayesian"]
    names = tuple(args.problems.split(","))
    chosen = [p for p in problems.all_problems() if p.name in names]
    records = []
    for label in labels:
        records += run_in_process(label, 1, chosen, args)
        records += run_in_process(label, args.clients, chosen, args)
        for training, wait in ((args.training, 0.1), (args.training, 0.0), (0.0, 0.1)):
            records += run_leg(Leg(label, training, wait), chosen, args)
    for suite in dict.fromkeys(p.suite for p in chosen):
        runs = report.Runs(suite, records, args.clients, problem_names=names)
        print(report.problem_table(runs, np.mean if runs.is_tables else np.median), "\n")
        for label in labels:
            print(report.win_table(runs, label), "\n")
        if args.plots:
            from . import plots
            print(plots.plot(runs, f"served-{suite}.png"), "\n")
    print(unseen_table(records))
    if args.json:
        pathlib.Path(args.json).write_text("".join(json.dumps(r) + "\n" for r in records))
