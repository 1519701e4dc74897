#!/bin/bash
# Searches that follow gradients beside those that do not: see README.md. Needs Debian's python3-grpcio; for
# Optuna a Python that has it, in $ASSAY_BENCH_PYTHON.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${ASSAY_BUILD_DIR:-$here/../../../build/dev}
export ASSAY_BIN_DIR=${ASSAY_BIN_DIR:-$build/bin} ASSAY_PYTHON_DIR=${ASSAY_PYTHON_DIR:-$build/python}
export OPENBLAS_NUM_THREADS=1
exec /usr/bin/python3 "$here" "$@"
