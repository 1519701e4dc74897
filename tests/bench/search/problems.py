"""All problems, by suite. A new one is one more entry of its file's problems()."""

import json

from . import functions, multi_objective, paths, priors, tables
from .problem import stream

SUITES = ("tables", "tables_noisy", "functions", "dummies", "conditional", "multi_objective",
          "constrained", "priors")


def all_problems():
    return [*tables.problems(), *tables.problems(noisy=True), *functions.problems(),
            *multi_objective.problems(), *priors.problems()]


def of_suite(suite, half="", only=()):
    """half "a": the even ones of a suite, to tune on; "b": the others."""
    found = [p for p in all_problems() if p.suite == suite]
    if half:
        found = found["ab".index(half)::2]
    return [p for p in found if not only or p.name in only]


def by_name(name):
    return next(p for p in all_problems() if p.name == name)


# --- What regrets are measured in: median - f*, kept in references.json -------


def references():
    return json.loads(paths.REFERENCES.read_text())


def scales():
    """name -> median - f*, the regret of a middling configuration."""
    found = {name: r["median"] - r["optimum"] for name, r in references().items()}
    return found | {p.name: found[p.base.name] for p in priors.problems()}


def compute_references():
    found = {p.name: _reference(p) for p in all_problems()
             if len(p.objectives()) == 1 and p.suite != "priors"}
    lines = [f"  {json.dumps(name)}: {json.dumps(r)}" for name, r in found.items()]
    paths.REFERENCES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _reference(p):
    import numpy as np

    if hasattr(p, "true_values"):
        values = p.true_values()
        return {"optimum": float(values.min()), "median": float(np.median(values))}
    # Of functions: 20 instances of 5,000 random points.
    rng = stream("reference", p.name)
    values = [p.sign * function(v, 0) for function in map(p.make, range(20))
              for v in p.reference_draws(5000, rng)]
    return {"optimum": p.lowest(), "median": float(np.median(values))}
