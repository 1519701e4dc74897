"""A trial that takes a while: reports steps with a loss, writes to its log, leaves checkpoints.

    train.py [--steps N] [--seconds-a-step S] [--fail-below RATE]
"""
import argparse
import json
import math
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
import assay_trial  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--seconds-a-step", type=float, default=0.05)
parser.add_argument("--fail-below", type=float, default=0.0)
options = parser.parse_args()

trial = assay_trial.current({"learning_rate": 1e-2, "width": 64})
rate, width = trial.parameters["learning_rate"], trial.parameters["width"]
print(f"training with learning rate {rate:.3g} and width {width}", flush=True)
if rate < options.fail_below:
    sys.exit("the loss is not a number: the learning rate is too small for this test")
floor = 0.1 + 0.2 * (math.log10(rate) + 2) ** 2 + 0.05 * abs(math.log2(width) - 6)
for step in range(trial.resume_step + 1, options.steps + 1):
    time.sleep(options.seconds_a_step)  # The training.
    loss = floor + 2 * math.exp(-step / 5)
    print(f"step {step}  loss {loss:.4f}", flush=True)
    if trial.checkpoint_folder and step % 10 == 0:
        pathlib.Path(trial.checkpoint_folder, "state.json").write_text(json.dumps({"step": step}))
        trial.checkpoint(step)
    if trial.report(step=step, loss=loss, examples=step * 1000):
        print(f"stopped: {trial.stop_reason}", flush=True)
        break
