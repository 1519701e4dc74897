"""Assay's strategies in process: many studies share one driver."""

import json
import os
import subprocess

from .. import paths


class Failed(Exception):
    """The driver answered with an error."""


def parse(label):
    """"bayesian:arm=ucb,starts=4" -> ("bayesian", {"arm": "ucb", "starts": 4})"""
    name, _, text = label.partition(":")
    pairs = (item.partition("=") for item in filter(None, text.split(",")))
    return name, {key: _value(value) for key, _, value in pairs}


def _value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


class Driver:
    def __init__(self, path=None):
        self._process = subprocess.Popen(
            [path or paths.binary("assay_search_driver")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})

    @property
    def pid(self):
        return self._process.pid

    def call(self, *requests):
        """The answers. Few enough at once that the pipes do not fill up."""
        lines = [json.dumps(r).encode() + b"\n" for r in requests]
        self._process.stdin.write(b"".join(lines))
        self._process.stdin.flush()
        return [self._answer(r) for r in requests]

    def _answer(self, request):
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the driver ended, code {self._process.wait()}, at {request}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{answer['error']}, asked for {json.dumps(request)}")
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def create(label, problem, seed, workers, trials, study):
    algorithm, options = parse(label)
    budget = {"max_trials": trials} if trials else {}
    return {"create": {
        "id": study, "algorithm": algorithm, "options": options, "seed": seed,
        "metrics": problem.metrics, "parameters": problem.parameters_for(seed),
        "max_parallel": workers, **budget}}
