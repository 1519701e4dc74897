"""A training program in Python: fits y = w x + b by gradient descent and reports each epoch.

Run by a worker (client/examples/python.yaml), or by hand: python3 train.py
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import assay_trial  # noqa: E402


def main():
    trial = assay_trial.current(defaults={"lr": 0.1, "batch": 8})
    lr, batch = trial.parameters["lr"], trial.parameters["batch"]
    rng = random.Random(trial.seed)
    data = [(x, 3 * x - 1 + rng.gauss(0, 0.1)) for x in (rng.uniform(-1, 1) for _ in range(20000))]
    w = b = 0.0
    for epoch in range(1, 21):
        rng.shuffle(data)
        for i in range(0, len(data), batch):
            part = data[i : i + batch]
            errors = [(w * x + b - y, x) for x, y in part]
            w -= lr * sum(e * x for e, x in errors) / len(part)
            b -= lr * sum(e for e, _ in errors) / len(part)
        loss = sum((w * x + b - y) ** 2 for x, y in data) / len(data)
        print(f"epoch {epoch}: loss {loss:.6f}", flush=True)
        if trial.report(step=epoch, loss=loss):
            print("stopping:", trial.stop_reason)
            break


if __name__ == "__main__":
    main()
