"""What is searched: a space, what a trial measures, and how a search is scored."""

import dataclasses
import hashlib

import numpy as np


def double(name, low, high, scale="LINEAR", **more):
    return {"name": name, "double": {"min": low, "max": high, "scale": scale}, **more}


def integer(name, low, high, scale="LINEAR", **more):
    return {"name": name, "integer": {"min": low, "max": high, "scale": scale}, **more}


def categorical(name, values, **more):
    return {"name": name, "categorical": {"values": list(values)}, **more}


def stream(*key):
    """A generator that depends on `key` alone, on every machine."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


class BestValue:
    """Score: regret of the recommended trial, the one best measured so far."""

    def __init__(self, optimum):
        self._optimum = optimum
        self._best = np.inf
        self._score = np.inf

    def add(self, measured, true):
        """`measured` and `true`: values to be minimised. Returns the score."""
        if measured < self._best:
            self._best = measured
            self._score = true - self._optimum
        return self._score


@dataclasses.dataclass
class Problem:
    """An instance is drawn by a seed; those of one seed are the same for all."""

    name: str
    suite: str
    parameters: list  # As in a study file.
    make: object  # (seed) -> function of (values by name, trial's number).
    budgets: tuple = (50, 100, 200)  # Trials after which the score is told.
    metrics: list = dataclasses.field(
        default_factory=lambda: [{"name": "loss", "goal": "MINIMIZE"}])
    optimum: float = 0.0
    version: int = 1  # Stored runs of another version are not used.
    place: object = None  # (seed) -> the best values by name, where it is known.

    def evaluator(self, seed):
        return Evaluator(self, seed)

    def parameters_for(self, seed):
        """With what is believed about them, where a seed draws that."""
        return self.parameters

    @property
    def sign(self):
        return -1.0 if self.metrics[0]["goal"] == "MAXIMIZE" else 1.0

    def lowest(self):
        """The least true value, the sign of a maximised one turned."""
        return self.optimum

    def objectives(self):
        return [m for m in self.metrics if "bound" not in m]

    def constraints(self):
        return [m for m in self.metrics if "bound" in m]

    def reference_draws(self, count, rng):
        """Random values of parameters, to tell the median."""
        return [draw(self.parameters, rng) for _ in range(count)]


class Evaluator:
    """One search's view of a problem of one objective: measures and scores.

    The function returns the value, or (value measured, true value).
    """

    def __init__(self, problem, seed):
        self._problem = problem
        self._function = problem.make(seed)
        self._best = BestValue(problem.lowest())

    def __call__(self, values, number):
        """The metrics of trial `number`, and the score once it is finished."""
        result = self._function(values, number)
        measured, true = result if isinstance(result, tuple) else (result, result)
        sign = self._problem.sign
        name = self._problem.metrics[0]["name"]
        return {name: float(measured)}, Pending(self._best, sign * measured, sign * true)


class Pending:
    """A measured trial, scored when it ends: asynchronous ones end in any order."""

    def __init__(self, score, *values):
        self._score = score
        self._values = values

    def finish(self):
        return float(self._score.add(*self._values))


def draw(parameters, rng):
    """Evenly, by each parameter's scale; conditions are followed."""
    values = {}
    for p in parameters:
        when = p.get("when")
        if when and values.get(when["parent"]) not in when["values"]:
            continue
        values[p["name"]] = draw_one(p, rng)
    return values


def draw_one(p, rng):
    for kind in ("categorical", "discrete"):
        if kind in p:
            choices = p[kind]["values"]
            return choices[rng.integers(len(choices))]
    kind = "double" if "double" in p else "integer"
    low, high, log = p[kind]["min"], p[kind]["max"], p[kind]["scale"] == "LOG"
    if kind == "integer":
        low, high = low - 0.5, high + 0.5
    u = rng.uniform(*(np.log([low, high]) if log else (low, high)))
    value = np.exp(u) if log else u
    return float(value) if kind == "double" else int(np.clip(round(value), low + 0.5, high - 0.5))
