"""Trains every configuration of the curve table and keeps what each epoch measured.

    record.py run --trainer build/release/bin/assay-trainer   trains what the work file lacks yet (about an hour of one core)
    record.py pack --trainer ... --date 2026-11                writes curves.json.xz of it
    record.py describe                                         tells what that holds

Needs numpy and scipy. `run` can be ended and started again at any time; `pack` takes the configurations of which
all trainings are there, up to the first that is missing.
"""

import argparse
import gzip
import json
import lzma
import math
import os
import pathlib
import platform
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import space

FOLDER = pathlib.Path(__file__).resolve().parent
TABLE = FOLDER / "curves.json.xz"
WORK = FOLDER.parents[2] / "build" / "bench-curves"
EPOCH_METRICS = ("loss", "accuracy", "train_loss")
TEST_METRICS = ("test_loss", "test_accuracy")


def configurations():
    """Scrambled Sobol points, the same at each call."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(space.PARAMETERS), scramble=True, rng=2026)
    points = sequence.random_base2(math.ceil(math.log2(space.CONFIGURATIONS)))
    return [space.point(unit) for unit in points[: space.CONFIGURATIONS]]


# The images, half as wide and high.


def _read_idx(path):
    import numpy

    content = gzip.open(path).read()
    dimensions = content[3]
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _write_idx(path, values):
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + values.tobytes())


def _shrink(images):
    import numpy

    count, height, width = images.shape
    blocks = images.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    return numpy.round(blocks).astype(numpy.uint8)


def prepare_data(source, target):
    """The first images of Fashion-MNIST's two parts, as the trainer reads them."""
    parts = (("train", space.TRAIN + space.VALIDATION), ("t10k", space.TEST))
    target.mkdir(parents=True, exist_ok=True)
    for part, count in parts:
        images = _read_idx(source / f"{part}-images-idx3-ubyte.gz")[:count]
        labels = _read_idx(source / f"{part}-labels-idx1-ubyte.gz")[:count]
        _write_idx(target / f"{part}-images-idx3-ubyte", _shrink(images))
        _write_idx(target / f"{part}-labels-idx1-ubyte", labels)


# One training, as a worker would run it.


def _cpu_seconds(process):
    # The kernel's clock of another process, clock_getcpuclockid(3).
    return time.clock_gettime((~process.pid << 3) | 2)


def _lines(connection):
    with connection.makefile("r", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _number(value):
    return float(value)  # "NaN" and "Infinity" come as texts.


def train(trainer, data_root, parameters, seed):
    """{metric: [epochs run]}, seconds of each epoch, and the metrics on the test part."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="curves"))
    try:
        return _train_in(folder, trainer, data_root, parameters, seed)
    finally:
        shutil.rmtree(folder)


def _train_in(folder, trainer, data_root, parameters, seed):
    trial = folder / "trial.json"
    order = {"config": space.trainer_configuration(parameters), "parameters": {}, "seed": seed, "final_test": True}
    trial.write_text(json.dumps(order))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(1)
    listener.settimeout(300)
    environment = dict(os.environ, ASSAY_SOCKET=str(folder / "socket"), OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    command = [str(trainer), str(trial), "--data-root", str(data_root)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    connection, _ = listener.accept()
    run = {name: [] for name in EPOCH_METRICS} | {"seconds": []}
    before = _cpu_seconds(process)
    for message in _lines(connection):
        if "report" in message:
            now = _cpu_seconds(process)
            run["seconds"].append(now - before)
            before = now
            for name in EPOCH_METRICS:
                run[name].append(_number(message["report"]["metrics"][name]))
        elif "finish" in message:
            for name in TEST_METRICS:
                run[name] = _number(message["finish"]["metrics"][name])
    if process.wait() != 0 or len(run["loss"]) == 0:
        raise RuntimeError(f"the trainer ended with {process.returncode} after {len(run['loss'])} epochs: {order}")
    return run


def _read_work(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def run(arguments):
    data_root = WORK / "data"
    if not (data_root / "fashion-mnist" / "t10k-labels-idx1-ubyte").exists():
        prepare_data(pathlib.Path(arguments.data) / "fashion-mnist", data_root / "fashion-mnist")
    work = WORK / "runs.jsonl"
    done = {(run["configuration"], run["seed"]) for run in _read_work(work)}
    points = configurations()
    wanted = [(index, seed) for index in range(len(points)) for seed in range(space.SEEDS)]
    with work.open("a") as out:
        for index, seed in [pair for pair in wanted if pair not in done][: arguments.most]:
            began = time.time()
            run = train(arguments.trainer, data_root, points[index], seed=space.SEEDS * index + seed)
            out.write(json.dumps({"configuration": index, "seed": seed} | run) + "\n")
            out.flush()
            print(index, seed, run["accuracy"][-1], f"{sum(run['seconds']):.2f} s CPU, {time.time() - began:.2f} s", flush=True)


# The table that is checked in.


def _rounded(value):
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def pack(arguments):
    runs = {(run["configuration"], run["seed"]): run for run in _read_work(WORK / "runs.jsonl")}
    points = configurations()
    names = EPOCH_METRICS + ("seconds",)
    rows = []
    for index, parameters in enumerate(points):
        if not all((index, seed) in runs for seed in range(space.SEEDS)):
            break
        own = [runs[index, seed] for seed in range(space.SEEDS)]
        row = {"parameters": parameters}
        row |= {name: [[_rounded(value) for value in run[name]] for run in own] for name in names}
        row |= {name: [_rounded(run[name]) for run in own] for name in TEST_METRICS}
        rows.append(row)
    version = subprocess.run([arguments.trainer, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    table = {
        "about": "Fashion-MNIST at 14 x 14 pixels; see README.md",
        "recorded": arguments.date,
        "trainer": version,
        "torch": arguments.torch,
        "processor": _processor(),
        "parameters": space.PARAMETERS,
        "epochs": space.EPOCHS,
        "examples": {"train": space.TRAIN, "validation": space.VALIDATION, "test": space.TEST},
        "configurations": rows,
    }
    text = json.dumps(table, separators=(",", ":"))
    TABLE.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{TABLE}: {TABLE.stat().st_size} bytes")


def read_table():
    return json.loads(lzma.open(TABLE).read())


def _finals(rows, name, epoch):
    """[configurations, seeds]; NaN where it had diverged."""
    import numpy

    return numpy.array([[curve[epoch - 1] if len(curve) >= epoch and curve[epoch - 1] is not None else math.nan
                         for curve in row[name]] for row in rows], float)


def describe(_):
    import numpy
    from scipy.stats import spearmanr

    rows = read_table()["configurations"]
    last = _finals(rows, "accuracy", space.EPOCHS)
    truth = last.mean(axis=1)
    fine = ~numpy.isnan(truth)
    best = numpy.nanmax(truth)
    print(f"{len(rows)} configurations, {(~fine).sum()} with a training that diverged")
    quantiles = numpy.nanquantile(truth, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1])
    print("accuracy at 0, 10, 25, 50, 75, 90, 100 %:", *(f"{q:.4f}" for q in quantiles))
    print("best", rows[int(numpy.nanargmax(truth))]["parameters"])
    print("within 1 % of the best:", int((truth >= 0.99 * best).sum()), " test accuracy of the best:",
          rows[int(numpy.nanargmax(truth))]["test_accuracy"])
    good = truth >= numpy.nanquantile(truth, 0.75)
    for epoch in (1, 3, 9, 18):
        early = _finals(rows, "accuracy", epoch)[:, 0]
        use = ~numpy.isnan(early) & ~numpy.isnan(last[:, 0])
        print(f"rank correlation of epoch {epoch} and {space.EPOCHS}: {spearmanr(early[use], last[use, 0])[0]:.2f}; "
              f"in the best quarter {spearmanr(early[use & good], last[use & good, 0])[0]:.2f}")
    print(f"of the two trainings: {spearmanr(last[fine, 0], last[fine, 1])[0]:.2f}; in the best quarter "
          f"{spearmanr(last[good, 0], last[good, 1])[0]:.2f}, standard deviation "
          f"{numpy.sqrt(numpy.mean((last[good, 0] - last[good, 1]) ** 2) / 2):.4f}")
    seconds = [sum(s) for row in rows for s in row["seconds"]]
    print("seconds of a training at 0, 10, 50, 90, 100 %:",
          *(f"{q:.2f}" for q in numpy.quantile(seconds, [0, 0.1, 0.5, 0.9, 1])), " all:", f"{sum(seconds):.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run", "pack", "describe"])
    parser.add_argument("--trainer", default="assay-trainer", help="the program")
    parser.add_argument("--data", default="/usr/share/datasets", help="where fashion-mnist lies")
    parser.add_argument("--most", type=int, help="how many runs to make now (default: all that are missing)")
    parser.add_argument("--date", default="", help="written into the table")
    parser.add_argument("--torch", default="", help="the version of LibTorch, written into the table")
    arguments = parser.parse_args()
    {"run": run, "pack": pack, "describe": describe}[arguments.command](arguments)


if __name__ == "__main__":
    sys.exit(main())
