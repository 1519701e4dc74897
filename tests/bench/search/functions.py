"""Functions by formula, to be minimised."""

import functools

import numpy as np

from .problem import Problem, categorical, double, integer, stream

_HARTMANN_C = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN6_A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
                         [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
_HARTMANN6_P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886],
                                [2329, 4135, 8307, 3736, 1004, 9991],
                                [2348, 1451, 3522, 2883, 3047, 6650],
                                [4047, 8828, 8732, 5743, 1091, 381]])
_HARTMANN3_A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_HARTMANN3_P = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547],
                                [381, 5743, 8828]])
BRANIN_OPTIMUM = 0.39788735772973816
HARTMANN6_OPTIMUM = -3.322368011415515
HARTMANN3_OPTIMUM = -3.8627797869493365
_BRANIN_PLACE = (np.pi, 2.275)  # One of three.
_HARTMANN6_PLACE = (0.20168951, 0.15001069, 0.47687398, 0.27533243, 0.31165162, 0.65730053)
_HARTMANN3_PLACE = (0.11458889, 0.55564889, 0.85254697)


def branin(x):
    a, b = x
    return ((b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6)**2
            + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


def hartmann6(x):
    return -_HARTMANN_C @ np.exp(-np.sum(_HARTMANN6_A * (x - _HARTMANN6_P)**2, axis=1))


def hartmann3(x):
    return -_HARTMANN_C @ np.exp(-np.sum(_HARTMANN3_A * (x - _HARTMANN3_P)**2, axis=1))


def ackley(x):
    return (20 + np.e - 20 * np.exp(-0.2 * np.sqrt(np.mean(x**2)))
            - np.exp(np.mean(np.cos(2 * np.pi * x))))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)


def rastrigin(x):
    return 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x))


def levy(x):
    w = 1 + (x - 1) / 4
    middle = np.sum((w[:-1] - 1)**2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1)**2))
    return (np.sin(np.pi * w[0])**2 + middle
            + (w[-1] - 1)**2 * (1 + np.sin(2 * np.pi * w[-1])**2))


def ellipsoid(x):
    return np.sum(10.0**(4 * np.arange(len(x)) / (len(x) - 1)) * x**2)


def _names(d):
    return [f"x{i}" for i in range(d)]


def _on_vector(names, function):
    return lambda values, number: float(function(np.array([values[n] for n in names])))


def _by_name(names, x):
    return dict(zip(names, map(float, x)))


def _plain(name, function, bounds, optimum, **more):
    names = _names(len(bounds))
    return Problem(
        name=name, suite="functions", optimum=optimum,
        parameters=[double(n, *b) for n, b in zip(names, bounds)],
        make=lambda seed: _on_vector(names, function), **more)


def rotation(d, rng):
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return q * np.sign(np.diag(r))


def _moved(name, function, d, low, high, centre):
    """The optimum, at `centre` by formula, is moved to a random place in the
    middle 80 % of each range, and the axes are rotated about it."""
    names = _names(d)

    def make(seed):
        rng = stream("moved", name, seed)
        at = low + (high - low) * rng.uniform(0.1, 0.9, d)
        turn = rotation(d, rng)
        return _on_vector(names, lambda x: function(turn @ (x - at) + centre))

    def place(seed):
        return _by_name(names, low + (high - low)
                        * stream("moved", name, seed).uniform(0.1, 0.9, d))

    return Problem(name=name, suite="functions", make=make, place=place,
                   parameters=[double(n, low, high) for n in names])


def _hartmann_turned():
    """Hartmann-6 with axes permuted and some flipped: no place is favoured."""
    names = _names(6)

    def drawn(seed):
        rng = stream("hartmann6_moved", seed)
        return rng.permutation(6), rng.integers(2, size=6)

    def make(seed):
        order, flip = drawn(seed)
        return _on_vector(names, lambda x: hartmann6(np.abs(flip - x)[order]))

    def place(seed):
        order, flip = drawn(seed)
        turned = np.empty(6)
        turned[order] = _HARTMANN6_PLACE
        return _by_name(names, np.abs(flip - turned))

    return Problem(name="hartmann6_moved", suite="functions", make=make, place=place,
                   optimum=HARTMANN6_OPTIMUM, parameters=[double(n, 0, 1) for n in names])


def _hartmann_among_dummies(d=40):
    names = _names(d)

    def make(seed):
        real = stream("dummies", seed).permutation(d)[:6]
        return _on_vector(names, lambda x: hartmann6(x[real]))

    return Problem(name="hartmann6_dummies34", suite="dummies", make=make,
                   optimum=HARTMANN6_OPTIMUM, parameters=[double(n, 0, 1) for n in names])


def _network(values, number):
    """A smooth stand-in for training: log scales, integers, a categorical that
    moves the best learning rate. Its optimum is 0."""
    best = {"sgd": -1.2, "adam": -2.9, "rmsprop": -3.3}[values["optimizer"]]
    penalty = {"sgd": 0.15, "adam": 0.0, "rmsprop": 0.05}[values["optimizer"]]
    lr = np.log10(values["lr"]) - best - 0.3 * (np.log2(values["batch"]) - 6) / 4
    decay = np.log10(values["decay"]) + 4
    depth = (values["depth"] - 4) / 4
    width = np.log2(values["width"] / 192)
    return float(penalty + 1 - np.exp(-0.5 * lr**2) + 0.03 * decay**2 + 0.4 * depth**2
                 + 0.05 * np.tanh(width)**2 + 0.1 * (values["dropout"] - 0.25)**2
                 + 0.02 * (np.log2(values["batch"]) - 6)**2)


def _mixed():
    return Problem(
        name="mixed_network", suite="functions", make=lambda seed: _network,
        place=lambda seed: {"lr": 10**-2.9, "decay": 1e-4, "dropout": 0.25, "depth": 4,
                            "width": 192, "batch": 64, "optimizer": "adam"},
        parameters=[
            double("lr", 1e-6, 1, "LOG"), double("decay", 1e-8, 1e-1, "LOG"),
            double("dropout", 0, 0.8), integer("depth", 1, 12),
            integer("width", 16, 1024, "LOG"), integer("batch", 8, 512, "LOG"),
            categorical("optimizer", ("sgd", "adam", "rmsprop"))])


_BRANCHES = {
    "a": (branin, [(-5, 10), (0, 15)], lambda y: 0.2 + (y - BRANIN_OPTIMUM) / 100),
    "b": (hartmann3, [(0, 1)] * 3, lambda y: (y - HARTMANN3_OPTIMUM) / 4),
    "c": (levy, [(-10, 10)] * 4, lambda y: 0.1 + y / 50),
}


def _branched(values, number):
    branch = values["branch"]
    function, bounds, scale = _BRANCHES[branch]
    x = np.array([values[f"{branch}{i}"] for i in range(len(bounds))])
    return float(scale(function(x)))


def _three_branches(flat):
    """Three functions of 2, 3 and 4 parameters, the best value in one of them.
    Flattened: all nine are always there, those of other branches mean nothing."""
    parameters = [categorical("branch", _BRANCHES)]
    for branch, (_, bounds, _) in _BRANCHES.items():
        when = {} if flat else {"when": {"parent": "branch", "values": [branch]}}
        parameters += [double(f"{branch}{i}", *b, **when) for i, b in enumerate(bounds)]
    places = {"a": _BRANIN_PLACE, "b": _HARTMANN3_PLACE, "c": [1.0] * 4}
    place = {"branch": "b"} | {f"{branch}{i}": x for branch, at in places.items()
                               for i, x in enumerate(at)}
    return Problem(name="branches_flat" if flat else "branches", suite="conditional",
                   place=lambda seed: place,
                   parameters=parameters, make=lambda seed: _branched)


@functools.lru_cache(maxsize=None)
def problems():
    return [
        _plain("branin", branin, [(-5, 10), (0, 15)], BRANIN_OPTIMUM,
               place=lambda seed: _by_name(_names(2), _BRANIN_PLACE)),
        _plain("hartmann6", hartmann6, [(0, 1)] * 6, HARTMANN6_OPTIMUM),
        _plain("ackley10", ackley, [(-32.768, 32.768)] * 10, 0.0),
        _plain("rosenbrock5", rosenbrock, [(-5, 10)] * 5, 0.0),
        _hartmann_turned(),
        _moved("ackley10_moved", ackley, 10, -32.768, 32.768, 0.0),
        _moved("rosenbrock5_moved", rosenbrock, 5, -5.0, 10.0, 1.0),
        _moved("rastrigin5_moved", rastrigin, 5, -5.12, 5.12, 0.0),
        _moved("levy6_moved", levy, 6, -10.0, 10.0, 1.0),
        _moved("ellipsoid8_moved", ellipsoid, 8, -5.0, 5.0, 0.0),
        _mixed(),
        _hartmann_among_dummies(),
        _three_branches(flat=False),
        _three_branches(flat=True),
    ]
