"""kill -9, SIGSTOP and SIGCONT of workers and trials, and restarts of the server, at random: one result a trial."""
import os
import random
import signal
import time

import pytest

from assay_testing import Attempt, Gate, Study, Trial, plain, program, wait_until

LEASE = 1.0
WORKERS = 4
BLOWS = 40
TRIALS = 80
STEPS = 20
SEED = int(os.environ.get("ASSAY_TEST_SEED", "20250101"))
SPEC = {
    "name": "s",
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"name": "x", "integer": {"min": 1, "max": TRIALS}}],
    "algorithm": {"grid": {}},
}


class Blows:
    """What befalls the programs."""

    def __init__(self, lab, server, gate):
        self.lab, self.server, self.gate = lab, server, gate
        self.random = random.Random(SEED)
        self.names = [f"worker{number}" for number in range(WORKERS)]
        self.workers = {name: self.start(name) for name in self.names}
        self.asleep = set()

    def start(self, name):
        return self.lab.worker(self.server, name, slots=2, wait=False)

    def strike(self):
        self.random.choice([self.kill_worker, self.kill_worker, self.sleep_or_wake, self.sleep_or_wake,
                            self.kill_trial, self.kill_trial, self.server.restart])()

    def kill_worker(self):
        name = self.random.choice(self.names)
        self.asleep.discard(name)
        self.workers[name].kill()
        self.workers[name] = self.start(name)

    def sleep_or_wake(self):
        name = self.random.choice(self.names)
        awake = name not in self.asleep
        self.workers[name].signal(signal.SIGSTOP if awake else signal.SIGCONT)
        (self.asleep.add if awake else self.asleep.remove)(name)

    def kill_trial(self):
        pids = list(self.gate.started().values())
        try:
            os.kill(self.random.choice(pids[-4:]), signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            pass  # None runs.

    def wake_all(self):
        for name in self.asleep:
            self.workers[name].signal(signal.SIGCONT)
        self.asleep.clear()


@pytest.mark.deadline(120)
def test_whatever_befalls_workers_each_trial_has_one_result(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    server.create({**SPEC, "trial": {**program("steps_for", gate.folder, STEPS * 0.05), "max_attempts": 100, "max_lost": 100}})
    blows = Blows(lab, server, gate)
    for _ in range(BLOWS):
        time.sleep(blows.random.uniform(0, 0.5))  # The random moment itself, not a wait for something.
        blows.strike()
    blows.wake_all()
    study = wait_until(lambda: server.is_over("s"), 60, "the study is over")

    assert server.check() == []
    assert study.completion == Study.SPACE_EXHAUSTED
    _, trials, measurements = server.export("s")
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert len({plain(trial.parameters)["x"] for trial in trials}) == TRIALS
    curves = {trial.id: [] for trial in trials}
    for each in measurements:
        curves[each.trial_id].append(each.measurement.step)
    ends = []
    for trial in trials:
        *before, last = [attempt.outcome for attempt in trial.attempt_list]
        assert (trial.state, last) == (Trial.COMPLETED, Attempt.COMPLETED)
        assert set(before) <= {Attempt.LOST, Attempt.FAILED}
        assert [attempt.number for attempt in trial.attempt_list] == list(range(1, trial.attempts + 1))
        # The curve of the last attempt has every step, its process's own or adopted, once and in order.
        assert curves[trial.id] == list(range(1, STEPS + 1))
        assert trial.final_metrics["loss"] == 1 / STEPS
        ends += before
    assert ends, "something was lost"
    print(f"{ends.count(Attempt.LOST)} lost, {ends.count(Attempt.FAILED)} failed attempts")
    everyone_is_idle(server, blows)


def everyone_is_idle(server, blows):
    for name in blows.names:
        wait_until(lambda: server.is_connected(name) and server.worker_view(name).busy == 0, what=f"{name} is idle")
