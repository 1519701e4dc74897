"""What is trained: a space, a curve for each configuration, and seconds a step."""

import dataclasses
import functools
import json
import lzma
import pathlib

import numpy as np

from search.problem import double, stream

CURVES = pathlib.Path(__file__).resolve().parents[1] / "curves" / "curves.json.xz"
STEPS = 27
SCALE = 30


@dataclasses.dataclass
class Curve:
    """What one configuration measures; a diverged one has fewer than STEPS values."""

    values: list  # After each step; the last one for good.
    seconds: list  # Of each step.

    @property
    def steps(self):
        return len(self.values)


class FashionMnist:
    """The recorded curves (tests/bench/curves). A configuration that was not recorded is
    the nearest one that was, in the unit cube of its numbers, among those with the same
    choices. Every curve is then one that a training really had: its noise, its crossings
    and its divergence are real, and the best configuration is known. The price is that the
    objective is constant around each recorded point. A model fitted to the curves would
    smooth away what makes early stopping hard.

    The recorded seconds are those of 2,000 small images and a fraction of a decision's
    cost; here they are SCALE times as long, as they would be with all 60,000."""

    name = "fashion-mnist"
    metric = {"name": "accuracy", "goal": "MAXIMIZE"}

    def __init__(self, path=CURVES):
        table = json.loads(lzma.open(path).read())
        self.parameters = table["parameters"]
        rows = table["configurations"]
        self._choices = [self._choice(row["parameters"]) for row in rows]
        self._points = np.array([self._unit(row["parameters"]) for row in rows])
        self._curves = [[_curve(row, seed) for seed in range(2)] for row in rows]
        self._tests = [row["test_accuracy"] for row in rows]
        self.truths = np.array([np.mean([c.values[-1] if c.steps == STEPS else 0.0 for c in curves])
                                for curves in self._curves])

    def _numbers(self):
        return [p for p in self.parameters if "categorical" not in p]

    def _choice(self, values):
        return tuple(values[p["name"]] for p in self.parameters if "categorical" in p)

    def _unit(self, values):
        return [_unit(p, values[p["name"]]) for p in self._numbers()]

    @functools.cached_property
    def _rows_of(self):
        rows = {}
        for i, choice in enumerate(self._choices):
            rows.setdefault(choice, []).append(i)
        return {choice: np.array(found) for choice, found in rows.items()}

    def _nearest(self, values):
        rows = self._rows_of[self._choice(values)]
        distances = ((self._points[rows] - self._unit(values)) ** 2).sum(1)
        return rows[distances.argmin()]

    def curve(self, values, seed, lineage):
        """Which of the two recorded trainings it is depends on `seed` and on the lineage,
        so that a continued run is the same training."""
        return self._curves[self._nearest(values)][self._draw(seed, lineage)]

    def _draw(self, seed, lineage):
        return stream("run", seed, lineage).integers(2)

    def retrained(self, values, seed, lineage):
        """(validation, test) accuracy of the training that `lineage` was not."""
        row, other = self._nearest(values), 1 - self._draw(seed, lineage)
        return self._curves[row][other].values[-1], self._tests[row][other]

    def truth(self, values):
        """The mean of both trainings."""
        return self.truths[self._nearest(values)]

    def best(self):
        return float(self.truths.max())

    def target(self):
        """Within one percent of the best known."""
        return 0.99 * self.best()


def _curve(row, seed):
    values = [0.0 if v is None else v for v in row["accuracy"][seed]]
    return Curve(values, [SCALE * s for s in row["seconds"][seed]])


def _unit(parameter, value):
    kind = "double" if "double" in parameter else "integer"
    low, high = parameter[kind]["min"], parameter[kind]["max"]
    if parameter[kind].get("scale") == "LOG":
        return np.log(value / low) / np.log(high / low)
    return (value - low) / (high - low)


class Hartmann:
    """Multi-fidelity Hartmann functions (Kandasamy et al. 2017, "Multi-fidelity Bayesian
    optimisation with continuous approximations", appendix; as in automl/mf-prior-bench,
    whose defaults bias = 0.5 and noise = 0.1 these are): the weights of the four peaks
    are lower by bias (1 - z) after a share z of the steps, and a value is noisy by
    noise (1 - z), so that the last one is exact. A training takes 60 s on average,
    log-normal with deviation 1, all steps the same."""

    metric = {"name": "loss", "goal": "MINIMIZE"}
    bias = 0.5
    noise = 0.1

    def __init__(self, dimensions):
        self.name = f"mf-hartmann-{dimensions}"
        self.parameters = [double(f"x{i}", 0, 1) for i in range(dimensions)]
        self._slopes, self._peaks, self._best = _HARTMANN[dimensions]

    def _value(self, values, z):
        x = np.array([values[p["name"]] for p in self.parameters])
        peaks = np.exp(-(self._slopes * (x - self._peaks) ** 2).sum(1))
        return -((_WEIGHTS - self.bias * (1 - z)) * peaks).sum()

    def curve(self, values, seed, lineage):
        random = stream("hartmann", seed, lineage)
        z = np.arange(1, STEPS + 1) / STEPS
        noise = random.normal(size=STEPS) * self.noise * (1 - z)
        seconds = random.lognormal(np.log(60) - 0.5, 1) / STEPS
        return Curve([float(self._value(values, s) + n) for s, n in zip(z, noise)],
                     [seconds] * STEPS)

    def truth(self, values):
        return float(self._value(values, 1.0))

    def best(self):
        return self._best

    def target(self):
        return 0.99 * self._best


_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN = {
    3: (np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]),
        1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547],
                         [381, 5743, 8828]]), -3.86278),
    6: (np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
                  [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]),
        1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                         [2348, 1451, 3522, 2883, 3047, 6650],
                         [4047, 8828, 8732, 5743, 1091, 381]]), -3.32237),
}


@functools.cache
def by_name(name):
    makers = {"fashion-mnist": FashionMnist, "mf-hartmann-3": lambda: Hartmann(3),
              "mf-hartmann-6": lambda: Hartmann(6)}
    return makers[name]()


NAMES = ("fashion-mnist", "mf-hartmann-3", "mf-hartmann-6")
