"""Runs searches on several processes."""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import time

from . import optimizers, problems
from .optimizers import assay_driver
from .study import ASK, search

STUDIES_PER_DRIVER = 30  # In step with each other.


@dataclasses.dataclass(frozen=True)
class Job:
    label: str
    problem: str
    seed: int
    trials: int
    workers: int = 1


def record(job, version, trace, seconds):
    return {"optimizer": job.label, "version": version, "problem": job.problem,
            "problem_version": problems.by_name(job.problem).version, "seed": job.seed,
            "workers": job.workers, "trials": job.trials,
            "ms_per_trial": round(1e3 * seconds / job.trials, 3),
            "trace": [[t, float(f"{s:.6g}")] for t, s in trace]}


def run(jobs, processes, driver=None, on_result=lambda record: None):
    """Runs all, calls on_result(record) as each ends. Peers' jobs one by one,
    Assay's in groups, each in one driver."""
    tasks = [(_run_peer, job) for job in jobs if optimizers.is_peer(job.label)]
    rest = [j for j in jobs if not optimizers.is_peer(j.label)]
    for label in dict.fromkeys(j.label for j in rest):
        mine = [j for j in rest if j.label == label]
        # At least two groups a process, and not more studies than a pipe holds.
        size = max(1, min(STUDIES_PER_DRIVER, -(-len(mine) // (2 * processes))))
        run_group = _run_grpc if label.startswith("grpc/") else _run_driver
        tasks += [(run_group, mine[i:i + size], driver) for i in range(0, len(mine), size)]
    if processes == 1:
        for function, *args in tasks:
            for result in function(*args):
                on_result(result)
        return
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures = [pool.submit(function, *args) for function, *args in tasks]
        for future in concurrent.futures.as_completed(futures):
            for result in future.result():
                on_result(result)


def _run_peer(job):
    problem = problems.by_name(job.problem)
    peer = optimizers.peer(job.label)(problem, job.seed, job.workers)
    seconds = 0.0
    study, answer = search(problem, job.seed, job.trials, job.workers), None
    try:
        while True:
            message = study.send(answer)
            start = time.process_time()
            answer = peer.ask() if message[0] == ASK else peer.tell(*message[1:])
            seconds += time.process_time() - start
    except StopIteration as end:
        return [record(job, optimizers.version(job.label), end.value, seconds)]


class _Study:
    """A search whose messages go to a driver."""

    def __init__(self, job, number):
        self.job = job
        self.id = str(number)
        self.micros = 0
        self.trace = None  # Once it is over.
        problem = problems.by_name(job.problem)
        self.create = assay_driver.create(job.label, problem, job.seed, job.workers, job.trials,
                                          self.id)
        self._search = search(problem, job.seed, job.trials, job.workers)
        self._message = next(self._search)

    def request(self):
        if self._message[0] == ASK:
            return {"suggest": {"id": self.id, "count": 1}}
        _, trial, metrics = self._message
        return {"complete": {"id": self.id, "trial": trial, "metrics": metrics}}

    def take(self, answer):
        self.micros += answer["cpu_us"]
        reply = None
        if self._message[0] == ASK:
            found = answer["trials"]
            if not found and not answer.get("exhausted"):
                raise assay_driver.Failed(f"{self.job}: nothing proposed")
            reply = (found[0]["trial"], found[0]["parameters"]) if found else None
        try:
            self._message = self._search.send(reply)
        except StopIteration as end:
            self.trace = end.value


def _run_driver(jobs, path):
    driver = assay_driver.Driver(path)
    studies = [_Study(job, i) for i, job in enumerate(jobs)]
    for study in studies:
        study.micros += driver.call(study.create)[0]["cpu_us"]
    live = studies
    while live:
        for study, answer in zip(live, driver.call(*(s.request() for s in live))):
            study.take(answer)
        live = [s for s in live if s.trace is None]
    driver.close()
    return [record(s.job, "assay", s.trace, s.micros * 1e-6) for s in studies]


def _run_grpc(jobs, path):
    from .optimizers import assay_grpc

    return [record(job, "assay", trace, seconds)
            for job, trace, seconds in assay_grpc.run(jobs)]


def set_one_thread():
    """Before numpy and torch are imported by a child."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
