#!/bin/bash
# The search benchmark in a Python environment of its own, made at the first
# call: see README.md beside this file. PYTHON names a Python 3.11 or newer.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${ASSAY_BENCH_DIR:-$here/../../../build/bench-search}
venv=$work/venv
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  mkdir -p "$work"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
export PYTHONPATH=$here/..
exec "$venv/bin/python" -m search "$@"
