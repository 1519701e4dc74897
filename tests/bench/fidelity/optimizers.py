"""Who searches: Assay by its driver, and peers. Each has

    ask() -> (Run or None, seconds)         None: nothing to do until something ends
    report(run, step, value) -> (stop, seconds)
    end(run, value, stopped) -> seconds

where the seconds are of CPU, spent on that call."""

import dataclasses
import itertools
import json
import os
import subprocess
import time

from search import paths
from search.problem import draw, stream

from .problems import STEPS

# Labels of Assay: what the spec says beside the space.
SPECS = {
    "random": {"algorithm": {"random": {}}},
    "bayesian": {"algorithm": {"bayesian": {}}},
    "bayesian+median": {"algorithm": {"bayesian": {}}, "stopping": {"median": {}}},
    "bayesian+curve": {"algorithm": {"bayesian": {}}, "stopping": {"curve": {"max_steps": STEPS}}},
    "bayesian+asha_stopping": {"algorithm": {"bayesian": {}},
                               "stopping": {"asha": {"min_steps": 1, "max_steps": STEPS}}},
    "random+asha": {"algorithm": {"random": {}}, "schedule": {"max_steps": STEPS, "asha": {}}},
    "bayesian+asha": {"algorithm": {"bayesian": {}}, "schedule": {"max_steps": STEPS, "asha": {}}},
    "tpe+asha": {"algorithm": {"tpe": {}}, "schedule": {"max_steps": STEPS, "asha": {}}},
    "bayesian+hyperband": {"algorithm": {"bayesian": {}},
                           "schedule": {"max_steps": STEPS, "hyperband": {}}},
    "bayesian+pasha": {"algorithm": {"bayesian": {}}, "schedule": {"max_steps": STEPS, "pasha": {}}},
    "auto": {"algorithm": {"auto": {}}, "schedule": {"max_steps": STEPS}},
}
PEERS = ("optuna_tpe_hyperband", "optuna_tpe")


@dataclasses.dataclass
class Run:
    token: object
    parameters: dict
    from_step: int = 0
    to_step: int = STEPS
    continues: object = None  # The token of the run whose checkpoint it goes on from.


class Failed(Exception):
    """The driver answered with an error."""


class Driver:
    def __init__(self, path=None):
        self._process = subprocess.Popen(
            [path or paths.binary("assay_fidelity_driver")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})

    def call(self, what, **request):
        self._process.stdin.write(json.dumps({what: request}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the driver ended, code {self._process.wait()}, at {what} {request}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{answer['error']}, asked to {what} {json.dumps(request)}")
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.wait()


class Assay:
    def __init__(self, spec, problem, seed, workers, path=None):
        self._metric = problem.metric["name"]
        self._driver = Driver(path)
        self._id = f"{problem.name}-{seed}"
        spec = {"name": "bench", "metrics": [problem.metric], "parameters": problem.parameters,
                "seed": seed, "budget": {"max_parallel": workers}, **spec}
        self.setup = self._driver.call("create", id=self._id, spec=spec)["cpu_us"] * 1e-6

    def ask(self):
        answer = self._driver.call("suggest", id=self._id, count=1)
        seconds = answer["cpu_us"] * 1e-6 if "cpu_us" in answer else 0.0
        if not answer["trials"]:
            return None, seconds
        trial = answer["trials"][0]
        return Run(trial["trial"], trial["parameters"], trial["from_step"],
                   trial["to_step"] or STEPS, trial.get("continues")), seconds

    def report(self, run, step, value):
        answer = self._driver.call("report", id=self._id, trial=run.token, step=step,
                                   metrics={self._metric: value})
        return "stop" in answer, answer["cpu_us"] * 1e-6

    def end(self, run, value, stopped):
        answer = self._driver.call("stop" if stopped else "complete", id=self._id,
                                   trial=run.token, metrics={self._metric: value})
        return answer["cpu_us"] * 1e-6

    def close(self):
        self._driver.close()


class Optuna:
    """Optuna's TPE as it comes, with HyperbandPruner (reduction 3) or without a pruner.
    What it prunes is over: Optuna has no checkpoints to go on from."""

    setup = 0.0

    def __init__(self, problem, seed, pruned):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._parameters = problem.parameters
        pruner = (optuna.pruners.HyperbandPruner(1, STEPS, reduction_factor=3) if pruned
                  else optuna.pruners.NopPruner())
        self._study = optuna.create_study(
            direction=problem.metric["goal"].lower(), pruner=pruner,
            sampler=optuna.samplers.TPESampler(seed=seed))
        self._pruned = optuna.trial.TrialState.PRUNED

    def ask(self):
        from search.optimizers.optuna_sampler import suggest

        start = time.process_time()
        trial = self._study.ask()
        values = {p["name"]: suggest(trial, p) for p in self._parameters}
        return Run(trial, values), time.process_time() - start

    def report(self, run, step, value):
        start = time.process_time()
        run.token.report(value, step)
        return run.token.should_prune(), time.process_time() - start

    def end(self, run, value, stopped):
        start = time.process_time()
        if stopped:
            self._study.tell(run.token, state=self._pruned)
        else:
            self._study.tell(run.token, value)
        return time.process_time() - start

    def close(self):
        pass


class SynchronousHalving:
    """Successive halving as it was published (Jamieson & Talwalkar 2016): 27 random
    configurations, then the best 9, 3 and 1 of them, three times as long each time; a rung
    begins when the one before has ended. Then anew."""

    setup = 0.0
    _SIZE, _REDUCTION = 27, 3

    def __init__(self, problem, seed):
        self._parameters = problem.parameters
        self._sign = 1 if problem.metric["goal"] == "MINIMIZE" else -1
        self._random = stream("halving", seed)
        self._tokens = itertools.count()
        self._rung = []  # Runs that are to be started.
        self._running = 0
        self._ended = []  # (value, run) of this rung.

    def ask(self):
        start = time.process_time()
        if not self._rung and not self._running:
            self._rung = self._next_rung()
            self._ended = []
        if not self._rung:
            return None, time.process_time() - start
        self._running += 1
        return self._rung.pop(0), time.process_time() - start

    def _next_rung(self):
        if not self._ended or self._ended[0][1].to_step == STEPS:
            return [Run(next(self._tokens), draw(self._parameters, self._random), 0, 1)
                    for _ in range(self._SIZE)]
        best = sorted(self._ended, key=lambda pair: self._sign * pair[0])
        return [Run(next(self._tokens), run.parameters, run.to_step,
                    run.to_step * self._REDUCTION, run.token)
                for _, run in best[:len(best) // self._REDUCTION]]

    def report(self, run, step, value):
        return False, 0.0

    def end(self, run, value, stopped):
        self._running -= 1
        self._ended.append((value, run))
        return 0.0

    def close(self):
        pass


def make(label, problem, seed, workers, driver=None):
    """`label`: of SPECS or PEERS, "synchronous_halving", or the JSON of what a spec says beside the space."""
    if label == "synchronous_halving":
        return SynchronousHalving(problem, seed)
    if label in PEERS:
        return Optuna(problem, seed, pruned=label.endswith("hyperband"))
    spec = SPECS[label] if label in SPECS else json.loads(label)
    return Assay(spec, problem, seed, workers, driver)
