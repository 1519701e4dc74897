"""A training program in Python, with the one-file helper. Run as: python_trial.py STEPS."""
import sys
import time

import assay_trial

trial = assay_trial.current()
for step in range(1, int(sys.argv[1]) + 1):
    print(f"python: step {step}", flush=True)
    if trial.report(step=step, loss=trial.parameters["quality"]):
        print(f"python: told to stop after step {step}: {trial.stop_reason}", flush=True)
        break
    time.sleep(0.02)
else:
    print("python: done", flush=True)
