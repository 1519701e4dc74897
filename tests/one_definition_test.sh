#!/bin/bash
# Fails if two headers of one program define a type of the same name: the linker takes one of
# their functions for both, silently.
set -u
cd "$(dirname "$0")/.." && bad=0
defined_twice() {  # defined_twice FOLDER...
  local twice
  twice=$(grep -rhoE '^(struct|class|enum class) [A-Z][A-Za-z0-9]*( final)?( : [^{;]*)?( \{|$)' \
      --include='*.h' "$@" | awk '{sub("^enum ", ""); print $2}' | sort | uniq -d)
  for name in $twice; do
    grep -rnE "^(struct|class|enum class) $name\b[^;]*$" --include='*.h' "$@"
    bad=1
  done
}
defined_twice search proto storage server
defined_twice search proto server/http worker/*.h
defined_twice search proto client
defined_twice worker/trainer
exit $bad
