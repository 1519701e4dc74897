"""Ax with BoTorch, as it comes: centre, Sobol, then Bayesian optimization."""

import logging
import warnings

import torch
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from .base import AskTell, losses

torch.set_num_threads(1)
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def config(p):
    name = p["name"]
    if "categorical" in p:
        return ChoiceParameterConfig(name=name, values=list(p["categorical"]["values"]),
                                     parameter_type="str", is_ordered=False)
    kind = "double" if "double" in p else "integer"
    return RangeParameterConfig(
        name=name, bounds=(p[kind]["min"], p[kind]["max"]),
        parameter_type="float" if kind == "double" else "int",
        scaling="log" if p[kind]["scale"] == "LOG" else "linear")


class Ax(AskTell):
    def __init__(self, problem, seed, workers):
        super().__init__(problem, seed, workers)
        torch.manual_seed(seed)
        self._client = Client(random_seed=seed)
        self._client.configure_experiment(parameters=[config(p) for p in problem.parameters])
        self._client.configure_optimization(objective="-loss")

    @staticmethod
    def supports(problem):
        if any("when" in p for p in problem.parameters):
            return "no conditional parameters"
        return AskTell.supports(problem)

    def ask(self):
        return next(iter(self._client.get_next_trials(max_trials=1).items()))

    def tell(self, token, metrics):
        self._client.complete_trial(token, raw_data={"loss": losses(self.problem, metrics)[0]})
