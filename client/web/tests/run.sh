#!/bin/bash
# Runs the tests of the web page in Chromium against the programs of a build.
#   run.sh FOLDER     where the page was built: a copy of client/web with its node_modules
# Exit code 77: something that they need is not there.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
built=$1
skip() { echo "skipped: $1" >&2; exit 77; }

command -v node >/dev/null || skip "no node"
chromium=${ASSAY_CHROMIUM:-$(command -v chromium)} || skip "no chromium"
[[ -x $built/node_modules/.bin/playwright ]] || skip "the page was not built (npm was not there, or had no network)"

rm -rf "$built/tests"
cp -r "$here/tests" "$here/playwright.config.ts" "$built"
cd "$built"
ASSAY_CHROMIUM=$chromium ASSAY_SOURCE_DIR=$here/../.. exec node_modules/.bin/playwright test
