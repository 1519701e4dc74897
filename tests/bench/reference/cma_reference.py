#!/usr/bin/env python3
"""Prints tests/search/math/cma_reference.inc: how many evaluations pycma needs.

usage: pip install cma numpy; cma_reference.py [seeds] > tests/search/math/cma_reference.inc

The sum of squares, and the ellipsoid with axes from 1 to 10^6 in squares, from
a start at distance one in each coordinate with sigma 0.5, down to 1e-8. No
bounds, default population; the median over the seeds.
"""
import statistics
import sys

import cma
import numpy


def sphere(x):
    return float(numpy.sum(numpy.square(x)))


def ellipsoid(x):
    scale = 10.0 ** (6 * numpy.arange(len(x)) / (len(x) - 1))
    return float(numpy.sum(scale * numpy.square(x)))


def evaluations(function, dimensions, seed, target=1e-8):
    """Points drawn up to and with the first that is not above the target."""
    options = {"seed": seed, "verbose": -9, "ftarget": -1, "maxfevals": 100_000,
               "tolfun": 0, "tolx": 0, "tolfunhist": 0, "tolflatfitness": 10**9}
    strategy = cma.CMAEvolutionStrategy(dimensions * [1.0], 0.5, options)
    count = 0
    while count < 100_000:
        points = strategy.ask()
        values = [function(point) for point in points]
        for value in values:
            count += 1
            if value <= target:
                return count
        strategy.tell(points, values)
    raise RuntimeError("no convergence")


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 51
    print(f"// By tests/bench/reference/cma_reference.py: pycma {cma.__version__}, "
          f"median of {seeds} seeds.")
    for function in (sphere, ellipsoid):
        for dimensions in (5, 10):
            median = statistics.median(evaluations(function, dimensions, seed)
                                       for seed in range(1, seeds + 1))
            print(f'{{"{function.__name__}", {dimensions}, {median:g}}},')


if __name__ == "__main__":
    main()
