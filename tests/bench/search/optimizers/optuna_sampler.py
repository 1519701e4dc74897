"""Optuna's samplers, as they come."""

import warnings

import optuna

from .base import AskTell, losses, violations

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def suggest(trial, parameter):
    name = parameter["name"]
    if "categorical" in parameter:
        return trial.suggest_categorical(name, parameter["categorical"]["values"])
    kind = "double" if "double" in parameter else "integer"
    p = parameter[kind]
    log = p.get("scale", "LINEAR") == "LOG"
    if kind == "integer":
        return trial.suggest_int(name, p["min"], p["max"], log=log)
    return trial.suggest_float(name, p["min"], p["max"], log=log)


def distribution(parameter):
    p = parameter["double"]
    return optuna.distributions.FloatDistribution(p["min"], p["max"])


class OptunaSampler(AskTell):
    constrained = True  # The sampler knows constraints.
    one_objective = False  # The sampler takes one objective only.

    def __init__(self, problem, seed, workers):
        super().__init__(problem, seed, workers)
        self._study = optuna.create_study(
            directions=["minimize"] * len(problem.objectives()),
            sampler=self.sampler(seed))

    @classmethod
    def supports(cls, problem):
        if problem.constraints() and not cls.constrained:
            return "no constraints"
        if len(problem.objectives()) > 1 and cls.one_objective:
            return "one objective only"
        return ""

    def sampler(self, seed):
        raise NotImplementedError

    def learn(self, history):
        for values, metrics in history:
            self._study.add_trial(optuna.trial.create_trial(
                params=values, value=losses(self.problem, metrics)[0],
                distributions={p["name"]: distribution(p) for p in self.problem.parameters}))

    def ask(self):
        trial = self._study.ask()
        values = {}
        for p in self.problem.parameters:
            when = p.get("when")
            if when and values.get(when["parent"]) not in when["values"]:
                continue
            values[p["name"]] = suggest(trial, p)
        return trial, values

    def tell(self, token, metrics):
        for i, violation in enumerate(violations(self.problem, metrics)):
            token.set_constraint(f"c{i}", violation)
        self._study.tell(token, losses(self.problem, metrics))


class Random(OptunaSampler):
    constrained = False

    @classmethod
    def supports(cls, problem):
        return ""

    def sampler(self, seed):
        return optuna.samplers.RandomSampler(seed=seed)


class Tpe(OptunaSampler):
    def sampler(self, seed):
        return optuna.samplers.TPESampler(seed=seed)


class Gp(OptunaSampler):
    def sampler(self, seed):
        import torch

        torch.set_num_threads(1)
        return optuna.samplers.GPSampler(seed=seed)


class CmaEs(OptunaSampler):
    constrained = False
    one_objective = True

    def sampler(self, seed):
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)


class Nsga2(OptunaSampler):
    """A population of 20 with one objective: 50, the default, is half of 100
    trials drawn at random."""

    def sampler(self, seed):
        size = 50 if len(self.problem.objectives()) > 1 else 20
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=size)
