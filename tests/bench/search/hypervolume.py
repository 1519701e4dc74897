"""Hypervolume of points to be minimised, against a reference point."""

import numpy as np


def front(points):
    """The points that no other dominates, without repetitions."""
    points = np.unique(points, axis=0)
    worse = (points[:, None] >= points[None]).all(-1) & (points[:, None] > points[None]).any(-1)
    return points[~worse.any(1)]


def hypervolume(points, reference):
    points = np.asarray(points, float).reshape(-1, len(reference))
    points = points[(points < reference).all(1)]
    if len(points) == 0:
        return 0.0
    points = front(points)
    return _area(points, reference) if len(reference) == 2 else _volume(points, reference)


def _area(points, reference):
    """Front of two objectives: a staircase, by rising first objective."""
    points = points[np.argsort(points[:, 0])]
    right = np.append(points[1:, 0], reference[0])
    return float(np.sum((right - points[:, 0]) * (reference[1] - points[:, 1])))


def _volume(points, reference):
    """By slices along the last objective."""
    points = points[np.argsort(points[:, -1])]
    top = np.append(points[1:, -1], reference[-1])
    return sum((top[i] - points[i, -1])
               * hypervolume(points[:i + 1, :-1], np.asarray(reference)[:-1])
               for i in range(len(points)) if top[i] > points[i, -1])
