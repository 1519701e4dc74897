#!/usr/bin/env python3
"""Prints the figures of SciPy in tests/search/math/signed_rank_test.cc and tests/search/stopping/extrapolation_test.cc.

usage: pip install numpy scipy; stopping_reference.py
"""
import itertools

import numpy as np
import scipy.stats as ss
from scipy.optimize import curve_fit


def exhaustive(differences):
    """The p of the signed-rank test by trying all signs of those that are not zero."""
    d = np.array(differences, float)
    ranks = ss.rankdata(abs(d))
    free = [i for i in range(len(d)) if d[i] != 0]
    observed = sum(ranks[i] for i in free if d[i] > 0)
    signs = list(itertools.product([0, 1], repeat=len(free)))
    return sum(sum(ranks[i] for k, i in enumerate(free) if s[k]) >= observed - 1e-9 for s in signs) / len(signs)


def spaced(low, high):
    return low * (high / low) ** (np.arange(16) / 15)


def mixture(t, y, horizon, below):
    """Mean, deviation and chance of search/stopping/extrapolation.h, a linear regression a shape."""
    early = len(t) // 4
    t, y = np.array(t, float)[early:], np.array(y)[early:]
    n = len(y)
    floor = n * max(0.01 * (y.max() - y.min()), 1e-9 * abs(y.min())) ** 2
    weights, centers, scales = [], [], []
    shapes = [lambda u, b=b: (u / t[0]) ** -b for b in spaced(0.05, 3)]
    shapes += [lambda u, tau=tau: np.exp((t[0] - u) / tau) for tau in spaced(0.03, 3) * horizon]
    for phi in shapes:
        x = (phi(t) - phi(horizon)) / (phi(t[0]) - phi(horizon))
        design = np.c_[np.ones(n), x]
        beta = np.linalg.lstsq(design, y, rcond=None)[0]
        squares = ((y - design @ beta) ** 2).sum() + floor
        covariance = np.linalg.inv(design.T @ design)
        weights.append(-0.5 * (np.log(np.linalg.det(design.T @ design)) + (n - 2) * np.log(squares)))
        centers.append(beta[0])
        scales.append(np.sqrt(squares / (n - 3) * (1 + covariance[0, 0])))
    weights = np.exp(np.array(weights) - max(weights))
    weights /= weights.sum()
    centers, scales = np.array(centers), np.array(scales)
    mean = (weights * centers).sum()
    deviation = np.sqrt((weights * ((centers - mean) ** 2 + scales ** 2)).sum())
    return mean, deviation, (weights * ss.t.cdf((below - centers) / scales, n - 3)).sum()


def power_law(t, c, a, b):
    return c + a * t ** -b


for d in ([1, 2, 3, 4, 5], [0.5, -0.2, 0.9, 1.4, 2.2, 3.1], [-1.1, 2.3, 0.7, 0.05, 1.9, -0.3, 2.8, 0.6],
          [3, 1, -2, 5, 4, -6, 8, 7, 9, 10.5, -11]):
    print("exact", d, ss.wilcoxon(d, alternative="greater", method="exact").pvalue)
for d in ([1, 1, 2, 2, -1, 3], [0, 0, 1, 2, 3, 4, -1], [0.5, 0.5, 0.5, 0.5]):
    print("ties", d, exhaustive(d))
rng = np.random.RandomState(3)
for d in (np.round(rng.normal(0.3, 1, 30), 1), np.round(rng.normal(0.2, 1, 40), 3), np.arange(1, 31)):
    print("normal", d.tolist(), ss.wilcoxon(d, alternative="greater", zero_method="zsplit", method="asymptotic",
                                            correction=False).pvalue)
rng = np.random.RandomState(5)
for c, a, b, noise, n, horizon, below in ((0.1, 0.9, 0.7, 0.005, 12, 27, 0.2), (0.3, 0.5, 1.2, 0.01, 18, 27, 0.25),
                                          (-0.9, 0.4, 0.5, 0.002, 9, 81, -0.85)):
    t = np.arange(1, n + 1)
    y = np.round(power_law(t, c, a, b) + rng.normal(0, noise, n), 4)
    fit, covariance = curve_fit(power_law, t[n // 4:], y[n // 4:], p0=(c, a, b), maxfev=20000)
    slope = np.array([1, horizon ** -fit[2], -fit[1] * horizon ** -fit[2] * np.log(horizon)])
    print("curve", y.tolist(), horizon, below, mixture(t, y, horizon, below), power_law(horizon, *fit),
          np.sqrt(slope @ covariance @ slope))
