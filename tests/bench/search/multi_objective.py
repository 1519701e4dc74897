"""Several objectives, some with constraints. Score: 1 - hypervolume of the
feasible trials / that of the true front."""

import functools

import numpy as np

from .hypervolume import hypervolume
from .problem import Pending, Problem, double


class Volume:
    """The share of the hypervolume that is missing."""

    def __init__(self, reference, best):
        self._reference = np.asarray(reference, float)
        self._best = best
        self._points = []
        self._score = 1.0

    def add(self, point, feasible):
        if not feasible or not (point < self._reference).all():
            return self._score
        if any((p <= point).all() for p in self._points):
            return self._score
        self._points = [p for p in self._points if not (point <= p).all()] + [point]
        self._score = 1 - hypervolume(self._points, self._reference) / self._best
        return self._score


class VolumeEvaluator:
    def __init__(self, problem, seed):
        self._problem = problem
        self._function = problem.make(seed)
        self._volume = Volume(problem.reference, problem.best_volume())

    def __call__(self, values, number):
        p = self._problem
        results = np.asarray(self._function(values, number), float)
        count = len(p.objectives())
        feasible = all(v >= m["bound"] if m["goal"] == "MAXIMIZE" else v <= m["bound"]
                       for m, v in zip(p.constraints(), results[count:]))
        metrics = {m["name"]: float(v) for m, v in zip(p.metrics, results)}
        return metrics, Pending(self._volume, results[:count], feasible)


class VolumeProblem(Problem):
    def __init__(self, name, function, d, reference, best_volume, bounds=None, constraints=(),
                 suite="multi_objective", objectives=2):
        names = [f"x{i}" for i in range(d)]
        bounds = bounds or [(0, 1)] * d

        def evaluate(values, number):
            return function(np.array([values[n] for n in names]))

        super().__init__(
            name=name, suite=suite, parameters=[double(n, *b) for n, b in zip(names, bounds)],
            make=lambda seed: evaluate,
            metrics=[{"name": f"f{i}", "goal": "MINIMIZE"} for i in range(objectives)]
            + list(constraints))
        self.reference = reference
        self.best_volume = functools.lru_cache(maxsize=None)(best_volume)

    def evaluator(self, seed):
        return VolumeEvaluator(self, seed)


def zdt(x, second):
    g = 1 + 9 * np.mean(x[1:])
    return x[0], g * second(x[0], x[0] / g)


def zdt1(x):
    return zdt(x, lambda f, r: 1 - np.sqrt(r))


def zdt2(x):
    return zdt(x, lambda f, r: 1 - r**2)


def zdt3(x):
    return zdt(x, lambda f, r: 1 - np.sqrt(r) - r * np.sin(10 * np.pi * f))


def _zdt_volume(function, d, reference):
    """At g = 1 the front is a curve of x0; 1e5 points of it."""
    grid = np.linspace(0, 1, 100_001)
    curve = np.array([function(np.r_[x, np.zeros(d - 1)]) for x in grid])
    lowest = np.minimum.accumulate(curve[:, 1])
    return _area_under(curve[:, 0], lowest, reference)


def _area_under(first, lowest, reference):
    """Of a staircase: `lowest` is the best second objective up to `first`."""
    right = np.append(first[1:], reference[0])
    return float(np.sum((right - first) * np.maximum(0, reference[1] - lowest)))


def dtlz2(x, m):
    g = np.sum((x[m - 1:] - 0.5)**2)
    angles = x[:m - 1] * np.pi / 2
    f = np.full(m, 1 + g)
    for i in range(m):
        f[i] *= np.prod(np.cos(angles[:m - 1 - i]))
        if i > 0:
            f[i] *= np.sin(angles[m - 1 - i])
    return f


def c2dtlz2(x, m=2, radius=0.2):
    """(f, c), feasible where c <= 0: Jain and Deb 2014."""
    f = dtlz2(x, m)
    total = np.sum(f**2 - radius**2)
    corner = min((f[i] - 1)**2 + total - (f[i]**2 - radius**2) for i in range(m))
    middle = np.sum((f - 1 / np.sqrt(m))**2 - radius**2)
    return *f, min(corner, middle)


def _c2dtlz2_volume(reference):
    curve = np.array([c2dtlz2(np.r_[t, np.full(11, 0.5)]) for t in np.linspace(0, 1, 20_001)])
    return hypervolume_of_curve(curve[curve[:, 2] <= 0, :2], reference)


def hypervolume_of_curve(points, reference):
    """Of many points, as the staircase that they make."""
    points = points[np.argsort(points[:, 0], kind="stable")]
    return _area_under(points[:, 0], np.minimum.accumulate(points[:, 1]), reference)


def bnh(x):
    a, b = x
    return (4 * a**2 + 4 * b**2, (a - 5)**2 + (b - 5)**2,
            (a - 5)**2 + b**2, (a - 8)**2 + (b + 3)**2)


def _bnh_volume(reference):
    """The front: x1 = x2 in [0, 3], then x2 = 3 and x1 in [3, 5]."""
    first = [bnh((t, t))[:2] for t in np.linspace(0, 3, 50_001)]
    second = [bnh((t, 3))[:2] for t in np.linspace(3, 5, 50_001)]
    return hypervolume_of_curve(np.array(first + second), reference)


def _zdt_problem(name, function, d=12):
    reference = (1.1, 6.0)
    return VolumeProblem(name, function, d, reference,
                         lambda: _zdt_volume(function, d, reference))


@functools.lru_cache(maxsize=None)
def problems():
    cube = 1.1
    return [
        _zdt_problem("zdt1", zdt1), _zdt_problem("zdt2", zdt2), _zdt_problem("zdt3", zdt3),
        VolumeProblem("dtlz2_m2", lambda x: dtlz2(x, 2), 6, (cube,) * 2,
                      lambda: cube**2 - np.pi / 4),
        VolumeProblem("dtlz2_m3", lambda x: dtlz2(x, 3), 7, (cube,) * 3,
                      lambda: cube**3 - np.pi / 6, objectives=3),
        VolumeProblem("bnh", bnh, 2, (140.0, 50.0), lambda: _bnh_volume((140.0, 50.0)),
                      bounds=[(0, 5), (0, 3)], suite="constrained",
                      constraints=[{"name": "c0", "goal": "MINIMIZE", "bound": 25.0},
                                   {"name": "c1", "goal": "MAXIMIZE", "bound": 7.7}]),
        VolumeProblem("c2dtlz2", c2dtlz2, 12, (cube,) * 2,
                      lambda: _c2dtlz2_volume((cube,) * 2), suite="constrained",
                      constraints=[{"name": "c0", "goal": "MINIMIZE", "bound": 0.0}]),
    ]
