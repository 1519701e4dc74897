"""SMAC3's facade for hyperparameters (random forest), as it comes."""

import logging
import tempfile
import warnings

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialValue

from .base import AskTell, losses

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def node(p):
    if "categorical" in p:
        return Categorical(p["name"], list(p["categorical"]["values"]))
    kind = "double" if "double" in p else "integer"
    make = Float if kind == "double" else Integer
    return make(p["name"], (p[kind]["min"], p[kind]["max"]), log=p[kind]["scale"] == "LOG")


def space(parameters, seed):
    found = ConfigurationSpace(seed=seed)
    nodes = {p["name"]: node(p) for p in parameters}
    found.add(list(nodes.values()))
    for p in parameters:
        if "when" in p:
            found.add(EqualsCondition(nodes[p["name"]], nodes[p["when"]["parent"]],
                                      p["when"]["values"][0]))
    return found


class Smac(AskTell):
    def __init__(self, problem, seed, workers):
        super().__init__(problem, seed, workers)
        self._folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = Scenario(space(problem.parameters, seed), deterministic=True, seed=seed,
                            n_trials=max(problem.budgets), output_directory=self._folder.name)
        self._smac = HyperparameterOptimizationFacade(
            scenario, lambda config, seed: 0.0, overwrite=True, logging_level=False)

    @staticmethod
    def supports(problem):
        if any(len(p.get("when", {"values": [0]})["values"]) != 1 for p in problem.parameters):
            return "conditions on one value only"
        return AskTell.supports(problem)

    def ask(self):
        info = self._smac.ask()
        return info, {name: v if isinstance(v, (int, float)) else str(v)
                      for name, v in dict(info.config).items()}

    def tell(self, token, metrics):
        self._smac.tell(token, TrialValue(cost=losses(self.problem, metrics)[0]))
