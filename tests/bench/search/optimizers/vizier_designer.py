"""OSS Vizier's default designer: a GP with UCB-PE, asked in process."""

import logging

import jax
from vizier import algorithms, pyvizier as vz
from vizier._src.algorithms.designers.gp_ucb_pe import VizierGPUCBPEBandit

from .base import AskTell, losses

jax.config.update("jax_enable_x64", True)
logging.disable(logging.WARNING)


def statement(problem):
    found = vz.ProblemStatement()
    root = found.search_space.root
    for p in problem.parameters:
        if "categorical" in p:
            root.add_categorical_param(p["name"], list(p["categorical"]["values"]))
            continue
        kind = "double" if "double" in p else "integer"
        add = root.add_float_param if kind == "double" else root.add_int_param
        log = p[kind]["scale"] == "LOG"
        add(p["name"], p[kind]["min"], p[kind]["max"],
            scale_type=vz.ScaleType.LOG if log else vz.ScaleType.LINEAR)
    found.metric_information.append(
        vz.MetricInformation("loss", goal=vz.ObjectiveMetricGoal.MINIMIZE))
    return found


class Vizier(AskTell):
    def __init__(self, problem, seed, workers):
        super().__init__(problem, seed, workers)
        self._designer = VizierGPUCBPEBandit(statement(problem), rng=jax.random.PRNGKey(seed))
        self._count = 0
        self._ended = []
        self._active = {}

    @staticmethod
    def supports(problem):
        if any("when" in p for p in problem.parameters):
            return "no conditional parameters"
        return AskTell.supports(problem)

    def ask(self):
        self._designer.update(algorithms.CompletedTrials(self._ended),
                              algorithms.ActiveTrials(list(self._active.values())))
        self._ended = []
        self._count += 1
        trial = self._designer.suggest(1)[0].to_trial(self._count)
        self._active[self._count] = trial
        values = trial.parameters.as_dict()
        whole = {p["name"] for p in self.problem.parameters if "integer" in p}
        return trial, {n: int(v) if n in whole else v for n, v in values.items()}

    def tell(self, token, metrics):
        del self._active[token.id]
        token.complete(vz.Measurement({"loss": losses(self.problem, metrics)[0]}))
        self._ended.append(token)
