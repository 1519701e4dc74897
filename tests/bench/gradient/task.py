"""What every search is given: a network, eight parameters, and how its seconds are counted."""

import contextlib
import json
import math
import os
import pathlib
import socket
import subprocess
import tempfile
import threading

EPOCHS = 20
EXAMPLES = 4000
CONFIG = {
    "data": {"name": "fashion-mnist", "train_examples": EXAMPLES, "validation_examples": 2000},
    "model": {"name": "mlp", "depth": 2, "width": 64},
    "optimizer": {"name": "sgd"},
    "batch_size": 64,
}
# Name: (from, to, logarithmic).
PARAMETERS = {
    "optimizer.learning_rate": (1e-3, 1.0, True),
    "optimizer.momentum": (0.0, 0.99, False),
    "regularization.layers.0.l2": (1e-6, 0.1, True),
    "regularization.layers.1.l2": (1e-6, 0.1, True),
    "regularization.layers.2.l2": (1e-6, 0.1, True),
    "label_smoothing": (0.0, 0.3, False),
    "loss_weights.mse": (1e-3, 10.0, True),
    "class_weights.6": (0.2, 5.0, True),  # Shirts, the hardest class.
}
TEST_SEEDS = (101, 102, 103)
GUESSING = math.log(10)  # What a training that diverges counts with.


def training_seconds(measurements):
    """What training and gradients took by the trainer's own clock: batches and hypergradients, without
    loading, measuring and saving, which cost every search the same a run and say nothing of the search."""
    return sum(EXAMPLES / m["examples_per_second"] + m.get("gradient_seconds", 0.0)
               for m in measurements)


def _listen(server, reports, final):
    """Takes what one trainer says, JSON lines, each acknowledged."""
    connection, _ = server.accept()
    with connection, connection.makefile("r") as lines, contextlib.suppress(ConnectionError):
        for count, line in enumerate(lines, 1):
            message = json.loads(line)
            if "report" in message:
                reports.append({name: float(value) for name, value in message["report"]["metrics"].items()})
            if "finish" in message:
                final.update({name: float(value) for name, value in message["finish"]["metrics"].items()})
            connection.sendall(json.dumps({"ack": count}).encode() + b"\n")


def train(trainer, parameters, seed, final_test=False):
    """One whole training by hand; (the metrics of each report, the final ones)."""
    trial = {"config": {**CONFIG, "seed": seed}, "parameters": parameters, "budget": {"to": EPOCHS},
             "final_test": final_test}
    reports, final = [], {}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = pathlib.Path(folder, "trial.json")
        path.write_text(json.dumps(trial))
        server.bind(f"{folder}/socket")
        server.listen(1)
        listener = threading.Thread(target=_listen, args=(server, reports, final))
        listener.start()
        subprocess.run([trainer], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                       env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "ASSAY_TRIAL": str(path),
                            "ASSAY_SOCKET": f"{folder}/socket"})
        listener.join()
    return reports, final


def test_loss(trainer, parameters):
    """Of the configuration trained from scratch, mean over seeds that no search has seen."""
    losses = [train(trainer, parameters, seed, final_test=True)[1].get("test_loss", GUESSING) for seed in TEST_SEEDS]
    return sum(losses) / len(losses)
