#!/bin/sh
# A training program as a shell script: halves a loss that depends on the rate, and reports each epoch.
# Run by a worker (client/examples/shell.yaml), which replaces {rate} by its value: train.sh RATE
set -eu
rate=$1
loss=1
for epoch in 1 2 3 4 5 6 7 8; do
  loss=$(awk -v loss="$loss" -v rate="$rate" 'BEGIN { print loss * (1 - rate) + rate * rate / 4 }')
  echo "epoch $epoch: loss $loss"
  # Exit code 3: an early-stopping rule says enough.
  code=0
  assay report --step "$epoch" "loss=$loss" || code=$?
  if [ "$code" -eq 3 ]; then
    exit 0
  elif [ "$code" -ne 0 ]; then
    exit "$code"
  fi
done
