#!/bin/bash
# Installs what is missing, builds everything and runs every test.
#   tests/run.sh [ctest arguments]      tests/run.sh -L unit -R storage
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/install-deps.sh
jobs=$(nproc)
cmake --preset dev >/dev/null || { cmake --preset dev; exit 1; }
cmake --build --preset dev --parallel "$jobs"
exec ctest --preset dev --parallel "$jobs" "$@"
