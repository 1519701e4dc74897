"""Runs that are kept: peers' between calls and checked in, Assay's last ones."""

import datetime
import gzip
import json
import platform

from . import optimizers, paths, problems


def key(record):
    return (record["optimizer"], record["problem"], record["seed"], record["workers"])


def _read_lines(path):
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):  # A cut one was being written.
                yield json.loads(line)


def baselines():
    """(what they were run on, records) of the files that are checked in."""
    about, found = [], []
    for path in sorted(paths.BASELINES.glob("*.json.gz")):
        content = json.loads(gzip.decompress(path.read_bytes()))
        about.append(content["about"])
        found += content["runs"]
    return about, found


def peers(installed=False):
    """Peers' runs by key(); of the versions that are installed only, if asked."""
    versions = {p.name: p.version for p in problems.all_problems()}
    found = {}
    for r in [*baselines()[1], *_read_lines(paths.PEERS)]:
        if versions.get(r["problem"]) != r["problem_version"]:
            continue
        if installed and r["version"] != optimizers.version(r["optimizer"]):
            continue
        old = found.get(key(r))
        if old is None or old["trials"] <= r["trials"]:
            found[key(r)] = r
    return found


class Writer:
    """Appends records, each at once."""

    def __init__(self, path, empty=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w" if empty else "a")

    def __call__(self, record):
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()


def assay_path(label, suite, workers):
    safe = "".join(c if c.isalnum() or c in "._-=," else "_" for c in label)
    return paths.ASSAY / f"{safe}@{suite}@{workers}.jsonl"


def assay():
    return [r for path in sorted(paths.ASSAY.glob("*.jsonl")) for r in _read_lines(path)]


def pack():
    """Checks in the peers' runs that are kept here: a file a suite."""
    cpu = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.processor())
    suites = {p.name: p.suite for p in problems.all_problems()}
    by_suite = {}
    for r in peers().values():
        by_suite.setdefault(suites[r["problem"]], []).append(r)
    for suite, runs in by_suite.items():
        runs.sort(key=lambda r: tuple(map(str, key(r))))
        about = {"suite": suite, "date": datetime.date.today().isoformat(), "cpu": cpu,
                 "versions": sorted({r["version"] for r in runs})}
        text = json.dumps({"about": about, "runs": runs}, separators=(",", ":"))
        paths.BASELINES.mkdir(exist_ok=True)
        (paths.BASELINES / f"{suite}.json.gz").write_bytes(
            gzip.compress(text.encode(), 9, mtime=0))
