"""python3 -m search COMMAND: see README.md beside this file."""

import argparse
import pathlib
import sys

from . import runner

runner.set_one_thread()  # Before numpy is imported.

from . import optimizers, problems, report, results  # noqa: E402

ONE_OBJECTIVE = ("optuna_random", "optuna_tpe", "optuna_gp", "optuna_cmaes", "optuna_nsga2",
                 "hyperopt_tpe")


def arguments():
    parser = argparse.ArgumentParser(prog="search", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for suite in (*problems.SUITES, "all"):
        add = commands.add_parser(suite, help=f"run the suite and print its tables"
                                  if suite != "all" else "run every suite, plot, report").add_argument
        add("--algorithm", "-a", action="append", default=[], metavar="LABEL",
            help='an Assay strategy, with options: "bayesian" or "tpe:gamma=0.1,x=2"; '
            '"grpc/..." runs it by a server; may be repeated')
        add("--peers", default="stored", metavar="stored|run|none|NAMES",
            help="beside which peers: those with stored runs; run what is missing; none; or "
            "run what is missing of these, by comma")
        add("--seeds", type=int, default=20)
        add("--first-seed", type=int, default=0)
        add("--workers", type=int, default=1, help="asynchronous trials in virtual time")
        add("--half", choices=("a", "b"), default="", help="every other problem: tune on one, "
            "report the other")
        add("--problems", default="", metavar="NAMES", help="only these, by comma")
        add("--processes", type=int, default=2)
        add("--driver", help="assay_search_driver; default: of this tree's build")
        add("--detail", action="store_true", help="tables problem by problem too")
        add("--plots", action="store_true")
        add("--json", metavar="FILE", help="the runs shown, as JSON lines")
    commands.add_parser("report", help="tables and plots of all runs that are kept")
    commands.add_parser("references", help="compute f* and medians anew")
    commands.add_parser("pack", help="check in the peers' runs kept here")
    served = commands.add_parser("served", help="what never waiting costs").add_argument
    served("--algorithm", "-a", action="append", default=[], help="default: bayesian")
    served("--problems", default="hartmann6,ackley10_moved,hpolib/slice_localization", metavar="NAMES")
    served("--seeds", type=int, default=10)
    served("--first-seed", type=int, default=0)
    served("--clients", type=int, default=16)
    served("--training", type=float, default=0.5, help="mean seconds of a training")
    served("--driver")
    served("--json", metavar="FILE", help="the runs, as JSON lines")
    served("--plots", action="store_true")
    transfer = commands.add_parser("transfer", help="what earlier studies give").add_argument
    transfer("--algorithm", "-a")
    transfer("--cases", default="", metavar="NAMES", help="only these, by comma: searched, "
             "random, one, negated, shuffled, one negated, same")
    transfer("--seeds", type=int, default=20)
    transfer("--first-seed", type=int, default=0)
    transfer("--driver")
    transfer("--json", metavar="FILE", help="the runs as JSON lines")
    latency = commands.add_parser("latency", help="CPU time a proposal").add_argument
    latency("--algorithm", "-a", action="append", default=[],
            help="default: bayesian, tpe, cma_es, nsga2, auto")
    latency("--peers", default="optuna_tpe,optuna_gp,optuna_cmaes,optuna_nsga2,hyperopt_tpe")
    latency("--n", default="50,100,300,1000,3000,10000")
    latency("--d", default="5,20,40")
    latency("--rounds", type=int, default=64, help="proposals that are timed, at least")
    latency("--budget", type=float, default=20, help="seconds of CPU a cell, about")
    latency("--slowest", type=float, default=1000,
            help="milliseconds a proposal: no larger n beyond it")
    latency("--driver")
    latency("--json", metavar="FILE", help="the cells, as JSON lines")
    latency("--plots", action="store_true")
    calibration = commands.add_parser(
        "calibration", help="whether intervals of predictions hold what they say").add_argument
    calibration("--n", default="30,100", help="trials")
    calibration("--seeds", type=int, default=20)
    calibration("--problems", default="", metavar="NAMES", help="only these tables, by comma")
    calibration("--noisy", action="store_true", help="a trial measures one of the table's seeds")
    calibration("--detail", action="store_true", help="table by table too")
    calibration("--driver")
    return parser.parse_args()


def run_suite(suite, args):
    """Runs what is missing and returns all to be shown."""
    only = tuple(filter(None, args.problems.split(",")))
    chosen = problems.of_suite(suite, args.half, only)
    if not chosen:
        sys.exit(f"no problem of {suite} is named {args.problems}")
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    stored = results.peers(installed=args.peers not in ("stored", "none"))
    show = [r for r in stored.values() if r["seed"] in seeds] if args.peers != "none" else []
    writers, shown = {}, []

    def keep(record):
        label = record["optimizer"]
        if label not in writers:
            path = (results.paths.PEERS if optimizers.is_peer(label)
                    else results.assay_path(label, suite, args.workers))
            writers[label] = results.Writer(path, empty=not optimizers.is_peer(label))
        writers[label](record)
        shown.append(record)
        if sys.stderr.isatty():
            print(f"\r{len(shown)} of {len(jobs)} runs ", end="", file=sys.stderr, flush=True)

    jobs = [runner.Job(label, p.name, s, max(p.budgets), args.workers)
            for label in [*args.algorithm, *peers_to_run(args)] for s in seeds for p in chosen
            if may_run(label, p, stored, s, args.workers)]
    runner.run(jobs, args.processes, args.driver, keep)
    return report.Runs(suite, [*show, *shown], args.workers,
                       problem_names=[p.name for p in chosen])


def peers_to_run(args):
    if args.peers in ("stored", "none"):
        return []
    names = ONE_OBJECTIVE if args.peers == "run" else args.peers.split(",")
    for name in names:
        if optimizers.version(name) is None:
            print(f"{name}: not installed, see README.md", file=sys.stderr)
    return [n for n in names if optimizers.version(n) is not None]


def may_run(label, problem, stored, seed, workers):
    if not optimizers.is_peer(label):
        return True
    if optimizers.peer(label).supports(problem):
        return False
    old = stored.get((label, problem.name, seed, workers))
    return old is None or old["trials"] < max(problem.budgets)


def main():
    args = arguments()
    if args.command == "references":
        return problems.compute_references()
    if args.command == "pack":
        return results.pack()
    if args.command == "latency":
        from . import latency
        return latency.main(args)
    if args.command == "served":
        from . import served
        return served.main(args)
    if args.command == "transfer":
        from . import transfer
        return transfer.main(args)
    if args.command == "calibration":
        from . import calibration
        return calibration.main(args)
    if args.command == "report":
        from . import plots
        return plots.report_all()
    suites = problems.SUITES if args.command == "all" else (args.command,)
    for suite in suites:
        runs = run_suite(suite, args)
        print(report.summary(runs, args.detail), "\n")
        if args.json:
            write = results.Writer(pathlib.Path(args.json), empty=suite == suites[0])
            for record in runs.records():
                write(record)
        if args.plots or args.command == "all":
            from . import plots
            print(plots.plot(runs))


if __name__ == "__main__":
    main()
