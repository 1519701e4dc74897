"""python gradient COMMAND: see README.md."""

import argparse
import concurrent.futures
import itertools
import json
import math
import os
import pathlib
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
SHARES = (0.25, 0.5, 0.75, 1.0)  # Of the seconds, at which what is best so far is scored.


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


def report(records):
    import statistics

    print(f"{'test loss after, s':30}", *(f"{s['seconds']:>16g}" for s in records[0]["scores"]))
    for label in dict.fromkeys(record["label"] for record in records):
        cells = []
        for i in range(len(SHARES)):
            losses = [r["scores"][i]["test_loss"] for r in records if r["label"] == label]
            known = [loss for loss in losses if loss is not None]
            if len(known) < len(losses) / 2:
                cells.append("-")
                continue
            error = statistics.stdev(known) / len(known) ** 0.5 if len(known) > 1 else 0.0
            cells.append(f"{statistics.mean(known):.4f}+-{error:.4f}")
        print(f"{label:30}", *(f"{cell:>16}" for cell in cells))


def plot(arguments):
    """Mean test loss against seconds, by gnuplot."""
    records = [json.loads(path.read_text()) for path in sorted(WORK.glob("*.json"))]
    lines, blocks = [], []
    for label in LABELS:
        of = [r for r in records if r["label"] == label]
        if not of:
            continue
        rows = []
        for i, share in enumerate(SHARES):
            known = [r["scores"][i]["test_loss"] for r in of if r["scores"][i]["test_loss"] is not None]
            if 2 * len(known) < len(of):
                continue
            mean = sum(known) / len(known)
            error = (sum((x - mean) ** 2 for x in known) / max(1, len(known) - 1) / len(known)) ** 0.5
            rows.append(f"{share * of[0]['seconds']} {mean} {error}")
        name = f"$d{len(blocks)}"
        blocks.append(f"{name} << EOD\n" + "\n".join(rows) + "\nEOD")
        lines.append(f'{name} using 1:2:3 with yerrorlines title "{label}"')
    script = "\n".join([*blocks, "set terminal svg size 720,420 font 'sans,12'", f"set output '{arguments.file}'",
                        "set xlabel 'seconds of training, gradients included'",
                        "set ylabel 'test loss, trained from scratch'", "set key outside right",
                        "plot " + ", ".join(lines)])
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
    plotting = commands.add_parser("plot", help="of all that was compared")
    plotting.add_argument("file")
    plotting.set_defaults(run=plot)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
