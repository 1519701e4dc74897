"""A training program in Python, with the one-file helper. Run as: python_trial.py STEPS GOOD.

One whose quality is worse than GOOD ends only when it is told to.
"""
import itertools
import sys
import time

import assay_trial

trial = assay_trial.current()
quality = trial.parameters["quality"]
for step in range(1, int(sys.argv[1]) + 1) if quality <= int(sys.argv[2]) else itertools.count(1):
    print(f"python: step {step}", flush=True)
    if trial.report(step=step, loss=quality):
        print(f"python: told to stop after step {step}: {trial.stop_reason}", flush=True)
        break
    time.sleep(0.02)
else:
    print("python: done", flush=True)
