"""Reports a trial to Assay from any Python program. One file, no dependencies.

    import assay_trial

    trial = assay_trial.current()
    for epoch in range(1, 11):
        loss = train_one_epoch(lr=trial.parameters["lr"])
        if trial.report(step=epoch, loss=loss):
            break                      # an early-stopping rule says: enough

A program that writes checkpoints goes on where a lost attempt, or the trial that it continues, ended:

    first = 1
    if trial.resume:
        model.load(trial.resume + "/model.pt")
        first = trial.resume_step + 1
    for epoch in range(first, 11):
        ...
        model.save(trial.checkpoint_folder + "/model.pt")
        trial.checkpoint(step=epoch)

A worker tells the program where the trial lies (ASSAY_TRIAL, a JSON file) and where to report (ASSAY_SOCKET). Outside of a
trial the same program runs too: parameters are the given defaults, reports are printed.

Everything is thread-safe, and a process forked from this one may report too. A worker that goes away does not stop the
training.
"""

import json
import math
import os
import socket
import threading

__all__ = ["Trial", "current"]

_current = None
_current_lock = threading.Lock()


def current(defaults=None):
    """The trial that this process runs; the same object each time. `defaults`: parameters outside of a trial."""
    global _current
    with _current_lock:
        if _current is None:
            _current = Trial.from_environment(os.environ, defaults or {})
        return _current


class Trial:
    """One trial. `parameters`: a dict. `seed`: an integer for every random number. `budget`: (from, to) steps; to is 0 if
    the program decides. `replicate`: which run of its configuration it is, from 0; each has a `seed` of its own. `number`,
    `attempt`, `study`: for people. `stop_reason`: None, or why it should end.

    `checkpoint_folder`: where to write what is needed to go on; None outside of a trial. `resume`: a folder with such files
    to go on from, of step `resume_step`; None: start at the beginning. `final_checkpoint`: a later run may continue from
    the end of this one, so write a checkpoint there.

    `gradients`: None, or what the study wants to know of derivatives, {"metric": "loss", "parameters": [...], "method": "",
    "every": 0, "work": 0, "splits": 0}: see GradientRequest in trial.proto. Who cannot tell it may report without."""

    def __init__(self, description, connection=None):
        trial = description.get("trial", {})
        budget = description.get("budget", {})
        self.parameters = dict(description.get("parameters", {}))
        self.seed = int(description.get("seed", 0))
        self.budget = (int(budget.get("from", 0)), int(budget.get("to", 0)))
        self.number = trial.get("number")
        self.attempt = trial.get("attempt")
        self.replicate = int(trial.get("replicate", 0))
        self.study = description.get("study", {}).get("name")
        self.metrics = list(description.get("metrics", []))
        checkpoint = description.get("checkpoint", {})
        self.checkpoint_folder = checkpoint.get("folder")
        self.final_checkpoint = bool(checkpoint.get("final", False))
        resume = description.get("resume", {})
        self.resume = resume.get("folder")
        self.resume_step = int(resume.get("step", 0))
        self.gradients = description.get("gradients")
        self.stop_reason = None
        self._connection = connection

    @classmethod
    def from_environment(cls, environment, defaults):
        description = {"parameters": defaults}
        if environment.get("ASSAY_TRIAL"):
            with open(environment["ASSAY_TRIAL"], encoding="utf-8") as file:
                description = json.load(file)
        path = environment.get("ASSAY_SOCKET")
        return cls(description, _Connection(path) if path else None)

    @property
    def should_stop(self):
        """True once the trial has been told to stop."""
        self._hear()
        return self.stop_reason is not None

    def report(self, step, instance=None, gradients=None, gradient_deviations=None, **metrics):
        """Reports the values of a step (an epoch, an iteration; >= 0). Returns True if the trial should end now.

        `instance`: the fold or seed that they were measured on. `gradients`: derivatives of metrics by parameters in
        natural units, {"loss": {"lr": -1.5}}; `gradient_deviations`: the standard deviations of these numbers, where they
        are known. NaN and infinity are fine. Raises ValueError if the worker says that the report is wrong."""
        if not metrics:
            raise ValueError("report: give at least one metric, as in report(step=3, loss=0.4)")
        report = {"step": int(step), "metrics": {name: _number(value) for name, value in metrics.items()}}
        if instance is not None:
            report["instance"] = int(instance)
        if gradients:
            report["gradients"] = _by_metric(gradients)
        if gradient_deviations:
            report["gradient_deviations"] = _by_metric(gradient_deviations)
        self._say({"report": report})
        return self.stop_reason is not None

    def checkpoint(self, step):
        """Says that the files in `checkpoint_folder` are complete: `step` is the last one that is in them. Returns once
        they are copied; until then, do not write there. Returns True if the trial should end now. Raises ValueError if
        there are none, or if they cannot be kept (links, names that are no UTF-8)."""
        self._say({"checkpoint": {"step": int(step)}})
        return self.stop_reason is not None

    def attribute(self, key, value):
        """Keeps a text with the trial."""
        self._say({"attribute": {"key": str(key), "value": str(value)}})

    def finish(self, **metrics):
        """Gives final values that differ from the last report's. Not needed otherwise: a program that exits with 0 has
        finished with what it reported last."""
        values = {name: _number(value) for name, value in metrics.items()}
        self._say({"finish": {"state": "COMPLETED", "metrics": values}})

    def fail(self, reason):
        """Says why this attempt failed; it may be tried again."""
        self._say({"finish": {"state": "FAILED", "reason": str(reason)}})

    def infeasible(self, reason):
        """Says that these parameters cannot be trained at all; they are never tried again."""
        self._say({"finish": {"state": "INFEASIBLE", "reason": str(reason)}})

    def _say(self, message):
        if self._connection is None:
            print(json.dumps(message), flush=True)
            return
        error = self._connection.say(message)
        self._hear()
        if error is not None:
            raise ValueError(error)

    def _hear(self):
        if self._connection is not None and self.stop_reason is None:
            self.stop_reason = self._connection.stop_reason


class _Connection:
    """JSON lines to the worker, one answer for each: {"ack": n} or {"error": text}; {"stop": reason} at any time."""

    def __init__(self, path):
        self.stop_reason = None
        self._path = path
        self._forget()
        self._connect()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self):
        """A forked process has neither the thread that reads nor anybody who would release a lock: it connects anew."""
        self._lock = threading.Lock()  # One message and its answer at a time.
        self._arrived = threading.Condition()
        self._answers = []
        self._closed = False
        self._socket = None

    def _connect(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(self._path)
        threading.Thread(target=self._read, name="assay-trial", daemon=True).start()

    def say(self, message):
        """None, or what is wrong with it. A worker that is gone takes nothing and refuses nothing."""
        with self._lock:
            try:
                if self._socket is None:
                    self._connect()
                self._socket.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                return None
            with self._arrived:
                while not self._answers and not self._closed:
                    self._arrived.wait()
                return self._answers.pop(0) if self._answers else None

    def _read(self):
        try:
            with self._socket.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        finally:  # Whatever happens, nobody waits for an answer that cannot come.
            with self._arrived:
                self._closed = True
                self._arrived.notify_all()

    def _take(self, answer):
        if not isinstance(answer, dict):
            return
        with self._arrived:
            if "stop" in answer:
                self.stop_reason = answer["stop"] or "told to stop"
            elif "error" in answer:
                self._answers.append(str(answer["error"]))
            elif "ack" in answer:
                self._answers.append(None)
            self._arrived.notify_all()


def _by_metric(gradients):
    return {
        metric: {parameter: _number(value) for parameter, value in by_parameter.items()}
        for metric, by_parameter in gradients.items()
    }


def _number(value):
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number
