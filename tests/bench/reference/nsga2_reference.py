#!/usr/bin/env python3
"""Hypervolumes that pymoo's NSGA-II reaches: what nsga2_test.cc is held to.

    pip install pymoo==0.6.2
    python3 nsga2_reference.py > \
        ../../search/strategies/nsga2_reference.inc

Population 50, everything else as pymoo has it; 2,000 evaluations, 20 seeds.
The hypervolume is that of all points that were evaluated, not of the last
population alone, against (1.1, ..., 1.1).
"""

import numpy as np
import pymoo
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.indicators.hv import HV
from pymoo.optimize import minimize
from pymoo.problems import get_problem
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

EVALUATIONS = 2000
SEEDS = 20
PROBLEMS = [
    ("Zdt1", get_problem("zdt1", n_var=10)),
    ("Dtlz2", get_problem("dtlz2", n_var=12, n_obj=3)),
]


def hypervolume(problem, seed):
    seen = []
    evaluate = problem._evaluate

    def recorded(x, out, *args, **kwargs):
        evaluate(x, out, *args, **kwargs)
        seen.append(np.array(out["F"]))

    problem._evaluate = recorded
    minimize(problem, NSGA2(pop_size=50), ("n_eval", EVALUATIONS), seed=seed)
    problem._evaluate = evaluate
    values = np.concatenate(seen)[:EVALUATIONS]
    assert len(values) == EVALUATIONS
    front = NonDominatedSorting().do(values, only_non_dominated_front=True)
    return HV(ref_point=np.full(problem.n_obj, 1.1))(values[front])


print(f"// By tests/bench/reference/nsga2_reference.py, pymoo "
      f"{pymoo.__version__}:")
print(f"// {EVALUATIONS} evaluations, {SEEDS} seeds; the deviation is that of "
      "one run.")
for name, problem in PROBLEMS:
    volumes = [hypervolume(problem, seed) for seed in range(SEEDS)]
    print(f"constexpr Reference k{name} = {{.mean = {np.mean(volumes):.5f}, "
          f".deviation = {np.std(volumes, ddof=1):.5f}}};")
