"""python gradient COMMAND: see README.md."""

import argparse
import concurrent.futures
import itertools
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "e2e")]

from assay_arm import ARMS, run  # noqa: E402
from assay_testing import ROOT, binary  # noqa: E402
from task import EPOCHS, test_loss  # noqa: E402

OPTUNA = "optuna_gp"
LABELS = [*ARMS, OPTUNA]
WORK = ROOT / "build" / "bench-gradient"
SHARES = (0.25, 0.5, 1.0)  # Of the seconds, at which what is best so far is scored.


def search(label, seed, seconds, python):
    if label != OPTUNA:
        return run(label, seed, seconds)
    command = [python, str(HERE / "optuna_arm.py"), binary("assay-trainer"), str(seed), str(seconds)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def incumbent(trials, seconds):
    """What the search would give out after so many seconds: the best of what was trained to the last
    epoch, in one piece or in several; else of anything. None: nothing ended."""
    spent, ended = 0.0, []
    for trial in trials:
        spent += trial["seconds"]
        if spent > seconds:
            break
        if trial["state"] == "COMPLETED" and trial["loss"] is not None and math.isfinite(trial["loss"]):
            ended.append(trial)
    last = [t for t in ended if t["to"] == EPOCHS]
    return min(last or ended, key=lambda t: t["loss"], default=None)


def one(job):
    label, seed, seconds, python = job
    path = WORK / f"{label.replace(' ', '_')}-{seed}-{seconds:g}.json"
    if path.exists():
        return json.loads(path.read_text())
    trials = search(label, seed, seconds, python)
    scores, known = [], {}
    for share in SHARES:
        best = incumbent(trials, share * seconds)
        key = json.dumps(best and best["parameters"], sort_keys=True)
        if key not in known:
            known[key] = test_loss(binary("assay-trainer"), best["parameters"]) if best else None
        scores.append({"seconds": share * seconds, "test_loss": known[key],
                       "validation_loss": best and best["loss"]})
    record = {"label": label, "seed": seed, "seconds": seconds, "scores": scores, "trials": trials}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    print(label, seed, [round(s["test_loss"], 4) if s["test_loss"] else None for s in scores],
          f"{len(trials)} trials", file=sys.stderr, flush=True)
    return record


def compare(arguments):
    jobs = [(label, seed, arguments.seconds, arguments.python)
            for seed, label in itertools.product(range(arguments.seeds), arguments.arm or LABELS)]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        report(list(pool.map(one, jobs)))


def recorded():
    return [json.loads(path.read_text()) for path in sorted(WORK.glob("*.json"))]


def quartiles(records, label, share):
    """Lower, median and upper one of the test losses over seeds; None where half of them have nothing yet."""
    losses = sorted(math.inf if r["scores"][share]["test_loss"] is None else r["scores"][share]["test_loss"]
                    for r in records if r["label"] == label)
    if not losses or not math.isfinite(statistics.median(losses)):
        return None
    at = [losses[round(q * (len(losses) - 1))] for q in (0.25, 0.75)]
    return at[0], statistics.median(losses), at[1]


def report(records):
    print(f"{'test loss after, s':32}", *(f"{s['seconds']:>22g}" for s in records[0]["scores"]))
    for label in [label for label in LABELS if any(r["label"] == label for r in records)]:
        found = [quartiles(records, label, share) for share in range(len(SHARES))]
        cells = ["-" if q is None else f"{q[1]:.3f} ({q[0]:.3f}, {q[2]:.3f})" for q in found]
        seeds = sum(r["label"] == label for r in records)
        print(f"{label:32}", *(f"{cell:>22}" for cell in cells), f"{seeds} seeds")


def plot(arguments):
    """Median test loss against seconds, by gnuplot."""
    records, lines, blocks = recorded(), [], []
    for label in [label for label in LABELS if any(r["label"] == label for r in records)]:
        seconds = next(r["seconds"] for r in records if r["label"] == label)
        rows = [f"{share * seconds} {q[1]}" for i, share in enumerate(SHARES) if (q := quartiles(records, label, i))]
        name = f"$d{len(blocks)}"
        blocks.append(f"{name} << EOD\n" + "\n".join(rows) + "\nEOD")
        width = 4 if label == "gradient" else 2
        lines.append(f'{name} using 1:2 with linespoints pointtype 7 pointsize 0.6 linewidth {width} title "{label}"')
    script = "\n".join([*blocks, "set terminal svg size 760,380 font 'sans,12' background 'white' noenhanced",
                        f"set output '{arguments.file}'", "set xlabel 'seconds of training, gradients included'",
                        "set ylabel 'test loss, trained from scratch'", "set yrange [0.5:1]", "set grid ytics",
                        "set xtics 3", "set key outside right", "plot " + ", ".join(lines)])
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    parser = argparse.ArgumentParser(prog="gradient")
    commands = parser.add_subparsers(required=True)
    comparing = commands.add_parser("compare", help="all searches at equal seconds of training")
    comparing.add_argument("--arm", action="append", choices=LABELS)
    comparing.add_argument("--seeds", type=int, default=10)
    comparing.add_argument("--seconds", type=float, default=40)
    comparing.add_argument("--jobs", type=int, default=os.cpu_count())
    comparing.add_argument("--python", default=os.environ.get("ASSAY_BENCH_PYTHON", sys.executable),
                           help="one that has Optuna and torch")
    comparing.set_defaults(run=compare)
    reporting = commands.add_parser("report", help="of all that was compared")
    reporting.set_defaults(run=lambda _: report(recorded()))
    plotting = commands.add_parser("plot", help="of all that was compared")
    plotting.add_argument("file")
    plotting.set_defaults(run=plot)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
