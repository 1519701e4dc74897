"""Where things are kept. What is made lies in build/, which git ignores."""

import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
WORK = pathlib.Path(os.environ.get("ASSAY_BENCH_DIR", ROOT / "build/bench-search"))
TABLES = WORK / "tables"  # The tables as arrays.
PEERS = WORK / "peers.jsonl"  # Runs of peers made here.
ASSAY = WORK / "assay"  # The last runs of each strategy, one file a label.
PLOTS = WORK / "plots"
BASELINES = HERE / "baselines"  # Runs of peers, checked in.
REFERENCES = HERE / "references.json"  # f* and median of each problem.


def binary(name):
    """A program of this tree: in $ASSAY_BIN_DIR, else in a build folder."""
    folders = [os.environ.get("ASSAY_BIN_DIR"),
               *(ROOT / "build" / preset / "bin" for preset in ("release", "dev"))]
    for folder in filter(None, folders):
        path = pathlib.Path(folder) / name
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"{name} is in none of {folders}: build it, or set ASSAY_BIN_DIR")
