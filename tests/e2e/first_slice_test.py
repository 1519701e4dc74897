"""Create, search, lease, run, report, store, best: on real parts."""
import json

import pytest

from assay_testing import PYTHON, Gate, Study, Trial, binary, plain, program, wait_until

SPEC = {
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
    "algorithm": {"random": {}},
    "seed": 7,
}


def finished(server, name, deadline=30):
    return wait_until(lambda: server.is_over(name), deadline, f"study {name} is over")


def test_a_worker_runs_a_random_study_to_its_end_and_the_best_trial_is_shown(lab):
    server = lab.server(tcp=True)
    lab.worker(server)
    server.create({**SPEC, "name": "s", "trial": program("quadratic", "{x}", 3), "budget": {"max_trials": 8}})
    study = finished(server, "s")
    assert study.completion == Study.BUDGET_SPENT
    assert (study.counts.completed, study.counts.measurements) == (8, 24)
    trials = server.all_trials("s")
    assert [trial.number for trial in trials] == list(range(8))
    best, = server.best("s")
    losses = {trial.number: trial.final_metrics["loss"] for trial in trials}
    assert best.number == min(losses, key=losses.get)
    assert best.final_metrics["loss"] == pytest.approx((plain(best.parameters)["x"] - 0.3) ** 2 + 1 / 3)
    assert server.check() == []


def test_what_a_worker_did_is_there_after_kill_9_of_the_server(lab):
    server = lab.server()
    lab.worker(server)
    server.create({**SPEC, "name": "s", "trial": program("quadratic", "{x}", 2), "budget": {"max_trials": 3}})
    finished(server, "s")
    before = server.export("s")
    server.restart()
    assert server.export("s") == before
    assert server.best("s")[0].state == Trial.COMPLETED


def test_two_workers_share_a_study(lab):
    server, gate = lab.server(), Gate(lab)
    workers = [lab.worker(server, name) for name in ("a", "b")]
    server.create({**SPEC, "name": "s", "trial": gate.template(), "budget": {"max_trials": 12}})
    gate.wait_any(2)  # One each: they have a slot each.
    gate.open()
    study = finished(server, "s")
    assert study.counts.completed == 12
    holders = set()
    for trial in server.all_trials("s"):
        attempt, = server.trial(trial.id).attempt_list
        assert attempt.by_worker
        holders.add(attempt.holder)
    assert holders == {worker.name for worker in workers}


def test_a_worker_takes_as_many_trials_as_it_has_slots(lab):
    server, gate = lab.server(lease=2), Gate(lab)
    lab.worker(server, slots=3)
    server.create({**SPEC, "name": "s", "trial": gate.template(), "budget": {"max_trials": 7}})
    gate.wait_any(3)
    wait_until(lambda: server.worker_view("worker").busy == 3)
    assert server.study("s").counts.running == 3
    running = [trial.id for trial in server.all_trials("s")]

    def slots(trials):
        return sorted(attempt.slot for trial in trials for attempt in server.trial(trial).attempt_list)

    wait_until(lambda: slots(running) == [1, 2, 3], what="the slots are told")
    gate.open()
    assert finished(server, "s").counts.completed == 7
    assert set(slots(trial.id for trial in server.all_trials("s"))) == {1, 2, 3}
    assert slots(running) == [1, 2, 3]


def test_output_of_a_trial_is_kept(lab):
    server = lab.server()
    lab.worker(server)
    server.create({**SPEC, "name": "s", "trial": program("quadratic", "{x}", 2), "budget": {"max_trials": 1}})
    finished(server, "s")
    trial = server.trial_by_number("s", 0)
    offset, data = wait_until(lambda: [piece for piece in (server.output(trial.id),) if b"step 2" in piece[1]],
                              what="the output")[0]
    assert offset == 0
    assert data.decode().splitlines()[0].startswith("step 1: loss ")


def test_parameters_reach_a_trial_as_they_are(lab):
    server = lab.server()
    lab.worker(server)
    show = ("import json, os; f = json.load(open(os.environ['ASSAY_TRIAL']));"
            "print(json.dumps([f['parameters'], __import__('sys').argv[1:]]))")
    server.create({
        "name": "s", "metrics": SPEC["metrics"], "seed": 1, "algorithm": {"grid": {}},
        "parameters": [
            {"name": "width", "integer": {"min": 1 << 40, "max": 1 << 40}},
            {"name": "rate", "discrete": {"values": [1e-7]}},
            {"name": "word", "categorical": {"values": ["a b; $(touch /tmp/never)"]}},
            {"name": "flag", "categorical": {"values": [True]}}],
        "trial": {"command": {"argv": [PYTHON, "-c", show, "{width}", "{rate}", "--word={word}", "{flag}"]},
                  "max_attempts": 1},
        "budget": {"max_trials": 1}})
    finished(server, "s")
    trial = server.trial_by_number("s", 0)
    assert "without reporting" in trial.reason
    text = wait_until(lambda: server.output(trial.id)[1].decode())
    parameters, argv = json.loads(text)
    assert parameters == {"width": 1 << 40, "rate": 1e-7, "word": "a b; $(touch /tmp/never)", "flag": True}
    assert argv == [str(1 << 40), argv[1], "--word=a b; $(touch /tmp/never)", "true"]
    assert float(argv[1]) == 1e-7


@pytest.mark.deadline(120)
def test_the_builtin_trainer_trains_a_network_on_a_synthetic_set(lab):
    if binary("assay-trainer") is None:
        pytest.skip("assay-trainer is not built")
    server = lab.server()
    lab.worker(server, flags=["--trainer", binary("assay-trainer")])
    server.create({
        "name": "s", "metrics": [{"name": "accuracy", "goal": "MAXIMIZE"}], "seed": 3,
        "parameters": [{"name": "optimizer.learning_rate", "double": {"min": 1e-3, "max": 0.3, "scale": "LOG"}}],
        "algorithm": {"quasi_random": {}},
        "trial": {"builtin": {"config": TRAINER_CONFIG}},
        "budget": {"max_trials": 3}})
    study = finished(server, "s", 100)
    assert study.counts.completed == 3, [trial.reason for trial in server.all_trials("s")]
    best, = server.best("s")
    assert best.final_metrics["accuracy"] > 0.6
    assert best.last_step == TRAINER_CONFIG["epochs"]
    assert "accuracy" in server.curve(best.id)[0].metrics


def test_a_configuration_that_the_trainer_refuses_is_failed_at_once_and_names_the_key(lab):
    if binary("assay-trainer") is None:
        pytest.skip("assay-trainer is not built")
    server = lab.server()
    lab.worker(server, flags=["--trainer", binary("assay-trainer")])
    config = {**TRAINER_CONFIG, "model": {"name": "mlp", "width": -3}}
    server.create({**SPEC, "name": "s", "trial": {"builtin": {"config": config}}, "budget": {"max_trials": 1}})
    finished(server, "s")
    trial = server.trial_by_number("s", 0)
    assert (trial.state, trial.attempts) == (Trial.FAILED, 1)
    assert "model.width" in trial.reason


TRAINER_CONFIG = {
    "data": {"name": "synthetic", "synthetic": {"kind": "blobs", "examples": 600, "features": 8, "classes": 3}},
    "model": {"name": "mlp", "width": 16, "depth": 1},
    "batch_size": 32,
    "epochs": 3,
}
