"""Hyperopt's TPE, as it comes, asked and told."""

import logging

import numpy as np
from hyperopt import base, hp, tpe

from .base import AskTell, losses

logging.getLogger("hyperopt").setLevel(logging.ERROR)


def node(p):
    """The hyperopt expression of one parameter, a choice by its index."""
    name = p["name"]
    if "categorical" in p:
        return hp.choice(name, list(range(len(p["categorical"]["values"]))))
    kind = "double" if "double" in p else "integer"
    low, high, log = p[kind]["min"], p[kind]["max"], p[kind]["scale"] == "LOG"
    if kind == "integer" and log:
        return hp.qloguniform(name, np.log(low - 0.5), np.log(high + 0.5), 1)
    if kind == "integer":
        return hp.uniformint(name, low, high)
    return hp.loguniform(name, np.log(low), np.log(high)) if log else hp.uniform(name, low, high)


def space(parameters):
    """Children live inside their parent's choice."""
    def tree(parent, value):
        found = {}
        for p in parameters:
            when = p.get("when")
            if (when["parent"] if when else None) != parent:
                continue
            if when and value not in when["values"]:
                continue
            found[p["name"]] = branches(p) if has_children(p) else node(p)
        return found

    def has_children(p):
        return any(q.get("when", {}).get("parent") == p["name"] for q in parameters)

    def branches(p):
        return hp.choice(p["name"], [tree(p["name"], v) for v in p["categorical"]["values"]])

    return tree(None, None)


class HyperoptTpe(AskTell):
    def __init__(self, problem, seed, workers):
        super().__init__(problem, seed, workers)
        self._by_name = {p["name"]: p for p in problem.parameters}
        self._domain = base.Domain(lambda config: 0.0, space(problem.parameters))
        self._trials = base.Trials()
        self._random = np.random.default_rng(seed)

    def learn(self, history):
        ids = self._trials.new_trial_ids(len(history))
        docs = []
        for tid, (values, metrics) in zip(ids, history):
            misc = {"tid": tid, "cmd": ("domain_attachment", "FMinIter_Domain"), "workdir": None,
                    "idxs": {n: [tid] for n in values}, "vals": {n: [v] for n, v in values.items()}}
            docs += self._trials.new_trial_docs([tid], [None], [{}], [misc])
            docs[-1]["state"] = base.JOB_STATE_DONE
            docs[-1]["result"] = {"status": base.STATUS_OK,
                                  "loss": losses(self.problem, metrics)[0]}
        self._trials.insert_trial_docs(docs)
        self._trials.refresh()

    def ask(self):
        ids = self._trials.new_trial_ids(1)
        self._trials.refresh()
        docs = tpe.suggest(ids, self._domain, self._trials,
                           int(self._random.integers(2**31 - 1)))
        self._trials.insert_trial_docs(docs)
        self._trials.refresh()
        values = docs[0]["misc"]["vals"]
        return ids[0], {n: self._value(n, v[0]) for n, v in values.items() if len(v)}

    def _value(self, name, value):
        p = self._by_name[name]
        if "categorical" in p:
            return p["categorical"]["values"][int(value)]
        if "integer" in p:
            return int(np.clip(round(value), p["integer"]["min"], p["integer"]["max"]))
        return float(np.clip(value, p["double"]["min"], p["double"]["max"]))

    def tell(self, token, metrics):
        doc = next(d for d in self._trials._dynamic_trials if d["tid"] == token)
        doc["state"] = base.JOB_STATE_DONE
        doc["result"] = {"status": base.STATUS_OK, "loss": losses(self.problem, metrics)[0]}
        self._trials.refresh()
