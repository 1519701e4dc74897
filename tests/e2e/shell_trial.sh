#!/bin/sh
# A training program in shell: reports with the command line tool until it is told to stop.
#   shell_trial.sh QUALITY STEPS GOOD
# One whose quality is worse than GOOD ends only when it is told to.
quality=$1
steps=$2
good=$3
step=0
while [ "$step" -lt "$steps" ] || [ "$quality" -gt "$good" ]; do
  step=$((step + 1))
  echo "shell: step $step"
  assay report --step "$step" "loss=$quality"
  code=$?
  if [ "$code" -eq 3 ]; then
    echo "shell: told to stop after step $step"
    exit 0
  fi
  [ "$code" -eq 0 ] || exit "$code"
  sleep 0.02
done
echo "shell: done"
