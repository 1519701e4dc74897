"""What a user's prior brings, and what a wrong one costs.

A problem with a belief is one of another suite whose parameters have priors:

  none   none at all
  good   of a number: around the optimum's place, missed by a normal error of a
         tenth of the range, with the default deviation; of a list: its best
         value weighs 8, the others 1
  wrong  half the range away from the optimum, or another value
"""

import functools

import numpy as np

from . import functions, tables
from .problem import Problem, stream

BELIEFS = ("none", "good", "wrong")
FUNCTIONS = ("branin", "hartmann6_moved", "rosenbrock5_moved", "levy6_moved", "ackley10_moved",
             "mixed_network", "branches")
TABLES = ("hpobench/car", "hpobench/vehicle", "hpolib/naval_propulsion",
          "hpolib/protein_structure", "nasbench201/cifar10", "nasbench201/imagenet")
MISSED = 0.1  # Shares of the range.
AWAY = 0.5
WEIGHT = 8


class PriorProblem(Problem):
    def __init__(self, base, belief):
        super().__init__(
            name=f"{base.name}~{belief}", suite="priors", parameters=base.parameters,
            make=base.make, budgets=(10, 25, 50), metrics=base.metrics, optimum=base.optimum)
        self.base = base
        self.belief = belief

    def lowest(self):
        return self.base.lowest()

    def parameters_for(self, seed):
        if self.belief == "none":
            return self.parameters
        rng = stream("prior", self.base.name, seed)
        best = self.base.place(seed)
        return [{**p, "prior": believe(p, best[p["name"]], self.belief, rng)}
                for p in self.parameters]


def believe(p, best, belief, rng):
    """The prior of one parameter whose best value is known."""
    if "categorical" in p:
        values = p["categorical"]["values"]
        at = values.index(best)
        if belief == "wrong":
            at = (at + 1 + int(rng.integers(len(values) - 1))) % len(values)
        return {"weights": [WEIGHT if i == at else 1 for i in range(len(values))]}
    error = MISSED * rng.standard_normal()
    u = to_unit(p, best)
    u = u + error if belief == "good" else u + (AWAY if u < AWAY else -AWAY)
    return {"normal": {"mean": from_unit(p, u)}}


def _range(p):
    domain = p["double"] if "double" in p else p["integer"]
    low, high, log = domain["min"], domain["max"], domain["scale"] == "LOG"
    return (np.log(low), np.log(high), True) if log else (low, high, False)


def to_unit(p, value):
    low, high, log = _range(p)
    return ((np.log(value) if log else value) - low) / (high - low)


def from_unit(p, u):
    low, high, log = _range(p)
    x = low + (high - low) * np.clip(u, 0, 1)
    domain = p["double"] if "double" in p else p["integer"]
    return float(np.clip(np.exp(x) if log else x, domain["min"], domain["max"]))


@functools.lru_cache(maxsize=None)
def problems():
    bases = {p.name: p for p in [*functions.problems(), *tables.problems()]}
    return [PriorProblem(bases[name], belief) for name in (*FUNCTIONS, *TABLES)
            for belief in BELIEFS]
