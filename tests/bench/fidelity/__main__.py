"""python -m fidelity COMMAND: see README.md."""

import argparse
import concurrent.futures
import dataclasses
import json
import math
import multiprocessing
import pathlib
import sys

from search.runner import set_one_thread

set_one_thread()

import numpy as np  # noqa: E402: after the number of threads

from search import paths  # noqa: E402

from . import optimizers, problems, report  # noqa: E402
from .simulator import RELOAD_SECONDS, Simulation  # noqa: E402

WORK = paths.ROOT / "build" / "bench-fidelity"
# Virtual seconds of all workers together: about 200 whole trainings.
LIMIT = 10_000.0


def simulate(job):
    """One search to its target, or to the end of its time."""
    problem = problems.by_name(job["problem"])
    optimizer = optimizers.make(job["label"], problem, job["seed"], job["workers"], job["driver"])
    simulation = Simulation(problem, optimizer, job["seed"], job["workers"], limit=job["limit"],
                            reload=job["reload"],
                            target=problem.target() if job["until_target"] else None)
    result = simulation.run()
    optimizer.close()
    sign = 1 if problem.metric["goal"] == "MINIMIZE" else -1
    reached = result.seconds_to(problem.target(), sign)
    return {"problem": job["problem"], "label": job["label"], "seed": job["seed"],
            "workers": job["workers"], "seconds_to_target": _finite(reached),
            **{key: value for key, value in dataclasses.asdict(result).items()}}


def _finite(value):
    return value if math.isfinite(value) else None


def _all(jobs, processes):
    if processes == 1:
        return [_told(simulate(job)) for job in jobs]
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        return [_told(record) for record in pool.map(simulate, jobs)]


def _told(record):
    print(f"{record['problem']} {record['label']} seed {record['seed']} workers "
          f"{record['workers']}: {record['seconds_to_target']}", file=sys.stderr, flush=True)
    return record


def _jobs(arguments, labels, workers, until_target=False):
    return [{"problem": problem, "label": label, "seed": seed, "workers": count,
             "limit": LIMIT / count * arguments.patience, "until_target": until_target,
             "driver": arguments.driver, "reload": arguments.reload}
            for problem in arguments.problems for label in labels for count in workers
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)]


def _key(job):
    return job["problem"], job["label"], job["seed"], job["workers"]


def _kept(arguments, name, jobs):
    """The records of `jobs`: those that are kept, unless --again, and the others made."""
    path = pathlib.Path(arguments.json or WORK / f"{name}.json")
    kept = json.loads(path.read_text()) if path.exists() else []
    records = {_key(record): record for record in kept}
    wanted = [job for job in jobs if arguments.again or _key(job) not in records]
    records |= {_key(record): record for record in _all(wanted, arguments.processes)}
    _write(arguments, name, list(records.values()))
    return [records[_key(job)] for job in jobs]


def _write(arguments, name, content):
    path = pathlib.Path(arguments.json or WORK / f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    print(path)


def compare(arguments):
    labels = arguments.label or ["random", "bayesian", "bayesian+median", *optimizers.PEERS]
    records = _kept(arguments, "compare", _jobs(arguments, labels, [arguments.workers]))
    print(report.compared(records))
    chosen = [problems.by_name(name) for name in arguments.problems]
    WORK.mkdir(parents=True, exist_ok=True)
    report.plot(records, chosen, WORK / "compare.png")
    print(WORK / "compare.png")


def selection(arguments):
    """What the best measured value promises, and what the same configuration gives when it is
    trained once more from the start with another seed: on the validation part, which tells how
    much of the promise was luck, and on the test part."""
    arguments.problems = ["fashion-mnist"]
    labels = arguments.label or ["bayesian+asha", "bayesian", *optimizers.PEERS]
    records = _kept(arguments, "selection", _jobs(arguments, labels, [arguments.workers]))
    print(report.selected(records, problems.by_name("fashion-mnist")))


def scaling(arguments):
    """The same search with 1 to 64 workers: seconds to the target, and how many times fewer."""
    label = (arguments.label or ["bayesian"])[0]
    counts = [1, 2, 4, 8, 16, 32, 64]
    records = _kept(arguments, "scaling", _jobs(arguments, [label], counts, until_target=True))
    print(f"| {label}: workers | median seconds | 95 % | speedup | reached |\n" + "| --- " * 5 + "|")
    for problem in arguments.problems:
        alone = None
        for count in counts:
            times = [r["seconds_to_target"] or math.inf for r in records
                     if r["problem"] == problem and r["workers"] == count]
            median = float(np.median(times))
            alone = alone or median
            low, high = report.interval(times)
            print(f"| {problem} {count} | {report.seconds(median)} | {report.seconds(low)} to "
                  f"{report.seconds(high)} | {alone / median:.1f} | "
                  f"{np.isfinite(times).sum()}/{len(times)} |")


def rules(arguments):
    """How often a rule would have stopped what is the best in the end, and what it saves:
    random configurations, one worker, every curve judged while it runs."""
    labels = arguments.label or ["median", "patience"]
    rows = []
    for problem in map(problems.by_name, arguments.problems):
        for label in labels:
            rows.append(_judged(problem, label, arguments))
    _write(arguments, "rules", rows)
    print("| problem | rule | best stopped | one of the best 5 % stopped | steps saved | "
          "regret added |\n" + "| --- " * 6 + "|")
    for row in rows:
        print(f"| {row['problem']} | `{row['rule']}` | {row['best_stopped']}/{row['studies']} | "
              f"{row['good_stopped']:.1%} | {row['saved']:.0%} | {row['regret']:.4f} |")


def _judged(problem, label, arguments):
    stopping = json.loads(label) if label.startswith("{") else {label: {}}
    spec = {"algorithm": {"random": {}}, "stopping": stopping}
    studies = [_judged_study(problem, spec, seed, arguments) for seed in
               range(arguments.first_seed, arguments.first_seed + arguments.seeds)]
    return {"problem": problem.name, "rule": label, "studies": len(studies),
            "best_stopped": sum(s["best_stopped"] for s in studies),
            "good_stopped": float(np.mean([s["good_stopped"] for s in studies])),
            "saved": float(np.mean([s["saved"] for s in studies])),
            "regret": float(np.mean([s["regret"] for s in studies]))}


def _judged_study(problem, spec, seed, arguments):
    optimizer = optimizers.Assay(spec, problem, seed, 1, arguments.driver)
    sign = 1 if problem.metric["goal"] == "MINIMIZE" else -1
    finals, stopped, ran, reached = [], [], [], []
    for _ in range(arguments.trials):
        run, _ = optimizer.ask()
        curve = problem.curve(run.parameters, seed, run.token)
        steps = _steps_run(optimizer, run, curve)
        finals.append(sign * (curve.values[-1] if curve.steps == problems.STEPS else math.inf * sign))
        stopped.append(steps < curve.steps)
        ran.append(steps / curve.steps)
        reached.append(sign * curve.values[steps - 1])
    optimizer.close()
    finals, stopped, reached = np.array(finals), np.array(stopped), np.array(reached)
    good = finals <= np.quantile(finals, 0.05)
    # As the coordinator has it: the best of what was stopped if nothing else is there.
    kept = reached if stopped.all() else finals[~stopped]
    return {"best_stopped": bool(stopped[finals.argmin()]),
            "good_stopped": float(stopped[good].mean()), "saved": 1 - float(np.mean(ran)),
            "regret": float(kept.min() - finals.min())}


def _steps_run(optimizer, run, curve):
    for step, value in enumerate(curve.values, 1):
        stop, _ = optimizer.report(run, step, value)
        if stop or step == curve.steps:
            optimizer.end(run, value, stopped=stop and step < curve.steps)
            return step
    raise AssertionError("a curve has a step")


def utilisation(arguments):
    """Which share of their time many workers train, with trials of a minute on average."""
    problem = problems.by_name("mf-hartmann-6")
    rows = []
    for label in arguments.label or ["bayesian"]:
        optimizer = optimizers.make(label, problem, 0, arguments.workers, arguments.driver)
        result = Simulation(problem, optimizer, 0, arguments.workers, most_runs=arguments.trials,
                            reports=False).run()
        optimizer.close()
        rows.append({"label": label, "workers": arguments.workers, "runs": result.runs,
                     "seconds": result.seconds, "utilisation":
                     result.busy / (result.seconds * arguments.workers),
                     "decision_ms": 1e3 * result.decisions / result.runs})
        print(rows[-1], flush=True)
    _write(arguments, "utilisation", rows)


def main():
    parser = argparse.ArgumentParser(prog="fidelity", description=__doc__)
    commands = {f.__name__: f for f in (compare, selection, scaling, rules, utilisation)}
    parser.add_argument("command", choices=commands)
    parser.add_argument("--label", "-a", action="append")
    parser.add_argument("--problems", type=lambda text: text.split(","),
                        default=list(problems.NAMES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--patience", type=float, default=1.0, help="times the limit of time")
    parser.add_argument("--reload", type=float, default=RELOAD_SECONDS)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="also what is kept of earlier calls")
    parser.add_argument("--driver")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    commands[arguments.command](arguments)


if __name__ == "__main__":
    main()
