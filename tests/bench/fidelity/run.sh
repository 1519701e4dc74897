#!/bin/bash
# The simulator in the Python environment of the search benchmark: see README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${ASSAY_BENCH_DIR:-$here/../../../build/bench-search}
venv=$work/venv requirements=$here/../search/requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  mkdir -p "$work"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement "$requirements"
  cp "$requirements" "$venv/requirements.txt"
fi
export PYTHONPATH=$here/..
exec "$venv/bin/python" -m fidelity "$@"
