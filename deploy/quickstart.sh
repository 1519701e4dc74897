#!/bin/bash
# From a fresh clone to a finished study: installs packages, builds, starts a
# coordinator and a worker on this machine, searches networks for Fashion-MNIST
# with early stopping for a few minutes, and prints the best one.
#   deploy/quickstart.sh [FOLDER]       the study stays there; default assay-quickstart
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-assay-quickstart}

deploy/install-deps.sh
echo "quickstart: building (a few minutes the first time)"
cmake --preset release >/dev/null || { cmake --preset release; exit 1; }
cmake --build --preset release --parallel "$(nproc)" -- --quiet
bin=$PWD/build/release/bin

echo "quickstart: searching; the study is deploy/quickstart.yaml"
"$bin/assay" run deploy/quickstart.yaml --data-dir "$folder" --slots "$(nproc)"
cat <<END

Look around:
  build/release/bin/assay-server --data-dir $folder &
  build/release/bin/assay study best fashion-networks
  build/release/bin/assay trial list fashion-networks
  build/release/bin/assay study export fashion-networks > trials.csv
END
