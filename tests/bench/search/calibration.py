"""Whether the intervals of a study's model hold what they say (search/insight).

n random configurations of each table are told to the driver. Then: how often the
intervals of left-out trials hold them, with and without calibration; and, what
they are for, how often those of configurations that no trial has tried hold what
the table says. Means over tables and seeds, +- the standard error over seeds.
"""

import sys

import numpy as np

from . import report, tables
from .optimizers import assay_driver
from .problem import draw, stream

NEW = 200  # Configurations that are predicted.
ROWS = (("left out", "coverage"), ("left out, as the process says", "uncalibrated"),
        ("new", "new"))


def configurations(problem, seed, count):
    """Different ones, drawn evenly."""
    rng = stream("calibration", problem.name, seed)
    found = {}
    while len(found) < count:
        values = draw(problem.parameters, rng)
        found[tuple(values.values())] = values
    return list(found.values())


def within(prediction, value, which):
    low, high = prediction[which]
    return low <= value <= high


def measure(problem, n, seed, driver):
    """What the driver answers, with the coverage of new configurations."""
    function = problem.make(seed)
    drawn = configurations(problem, seed, n + NEW)
    name = problem.metrics[0]["name"]
    driver.call(assay_driver.create("random", problem, seed, 1, None, "s"))
    for number, values in enumerate(drawn[:n]):
        result = function(values, number)
        value = result[0] if isinstance(result, tuple) else result
        driver.call({"add": {"id": "s", "parameters": values, "metrics": {name: float(value)}}})
    answer, = driver.call({"insight": {"id": "s", "points": drawn[n:]}})
    said = list(zip(answer["predictions"], drawn[n:]))
    answer["new"] = {}
    for which in ("half", "most"):
        held = [within(p, _measured(function, v, n + i), which) for i, (p, v) in enumerate(said)]
        answer["new"][which] = np.mean(held)
    return answer


def _measured(function, values, number):
    result = function(values, number)
    return result[0] if isinstance(result, tuple) else result


def main(args):
    only = tuple(filter(None, args.problems.split(",")))
    chosen = [p for p in tables.problems(noisy=args.noisy) if not only or p.name in only]
    if not chosen:
        sys.exit(f"no table is named {args.problems}")
    driver = assay_driver.Driver(args.driver)
    for n in map(int, args.n.split(",")):
        answers = {p.name: [measure(p, n, seed, driver) for seed in range(args.seeds)]
                   for p in chosen}
        print(_table(answers, n), "\n", flush=True)
        if args.detail:
            print(_detail(answers, n), "\n", flush=True)
    driver.close()


def _cell(figures):
    """[problems, seeds], as percent."""
    by_seed = 100 * np.mean(figures, axis=0)
    error = by_seed.std(ddof=1) / len(by_seed)**0.5 if len(by_seed) > 1 else 0
    return f"{by_seed.mean():.1f} ± {error:.1f}"


def _table(answers, n):
    rows = [[words, *(_cell([[a[key][which] for a in runs] for runs in answers.values()])
                      for which in ("half", "most"))] for words, key in ROWS]
    return report.text_table([f"n = {n}: coverage, %", "50 % intervals", "90 % intervals"], rows)


def _detail(answers, n):
    rows = [[name, *(f"{100 * np.mean([a[key][which] for a in runs]):.0f}"
                     for _, key in ROWS for which in ("half", "most")),
             f"{np.median([a['r_squared'] for a in runs]):.2f}"] for name, runs in answers.items()]
    titles = [f"{words}: {level}" for words in ("left out", "raw", "new") for level in (50, 90)]
    return report.text_table([f"n = {n}", *titles, "R^2"], rows)
