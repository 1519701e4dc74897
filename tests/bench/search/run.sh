#!/bin/bash
# The search benchmark in a Python environment of its own, made at the first
# call: see README.md beside this file. PYTHON names a Python 3.11 or newer;
# ASSAY_BENCH_PEERS picks requirements-$ASSAY_BENCH_PEERS.txt.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${ASSAY_BENCH_DIR:-$here/../../../build/bench-search}
name=${ASSAY_BENCH_PEERS:+-$ASSAY_BENCH_PEERS}
venv=$work/venv$name requirements=$here/requirements$name.txt
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  mkdir -p "$work"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement "$requirements"
  cp "$requirements" "$venv/requirements.txt"
fi
export PYTHONPATH=$here/..
exec "$venv/bin/python" -m search "$@"
