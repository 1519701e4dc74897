"""What is told of many runs."""

import numpy as np

SOLVED = 1e-4  # Of median - f*: a regret below it counts as solved.
FLOOR = 1e-7  # Of the same: logarithms of regrets stop here.


def score_at(trace, trial):
    """The score once `trial` trials ended; the last if there were fewer."""
    score = np.inf
    for t, s in trace:
        if t > trial:
            break
        score = s
    return score


def trials_to(trace, threshold):
    return next((t for t, s in trace if s <= threshold), np.inf)


def mean_and_error(values):
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return values.mean(), error


def interval(differences, draws=10_000, seed=0):
    """95 % bootstrap interval of the mean over problems of the means over seeds.
    `differences` has a row of seeds for each problem: the seeds are drawn anew,
    the problems are given."""
    rng = np.random.default_rng(seed)
    total = np.zeros(draws)
    for row in map(np.asarray, differences):
        total += row[rng.integers(len(row), size=(draws, len(row)))].mean(1)
    return tuple(np.percentile(total / len(differences), [2.5, 97.5]))


def verdict(low, high):
    """Of a - b, less is better."""
    return "win" if high < 0 else "loss" if low > 0 else "tie"


def ranks(rows):
    """Mean ranks of the columns of [cases, methods]; equal ones share."""
    rows = np.asarray(rows, float)
    below = (rows[:, None, :] < rows[:, :, None]).sum(2)
    equal = (rows[:, None, :] == rows[:, :, None]).sum(2)
    return (below + (equal + 1) / 2).mean(0)
