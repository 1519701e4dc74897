"""Studies that follow gradients: what trials are asked for, and what becomes of what they tell."""
import grpc
import pytest

from assay_testing import Study, Trial, binary, plain, program, trial_pb2, wait_until
from schedule_test import take

OPTIMUM = 0.7
SPEC = {"name": "s", "metrics": [{"name": "accuracy", "goal": "MAXIMIZE"}], "seed": 5,
        "parameters": [{"name": "x", "double": {"min": 0, "max": 1}},
                       {"name": "width", "integer": {"min": 1, "max": 64}}],
        "algorithm": {"quasi_random": {}}, "budget": {"max_trials": 5},
        "gradients": {"metric": "validation_loss", "parameters": ["x"], "method": "mine", "splits": 3},
        "schedule": {"max_steps": 20, "gradient": {"chains": 3, "interval": 1}}}


def train(server, held):
    """A program whose loss has a gradient and whose objective has none."""
    x, step = plain(held.trial.parameters)["x"], held.trial.to_step
    loss = (x - OPTIMUM) ** 2 + 1 / step
    measurement = trial_pb2.Measurement(sequence=1, step=step,
                                        metrics={"validation_loss": loss, "accuracy": round(1 - loss, 3)})
    measurement.gradients["validation_loss"].by_parameter["x"] = 2 * (x - OPTIMUM)
    measurement.gradients["validation_loss"].deviation_by_parameter["x"] = 0.01
    server.trials.Report(trial_pb2.ReportRequest(
        trial_id=held.trial.id, attempt=held.attempt, measurement=measurement))
    server.trials.Complete(trial_pb2.CompleteRequest(trial_id=held.trial.id, attempt=held.attempt))


def is_audit(trial):
    return trial.origin.why.startswith("gradient: audits")


def check_chains(trials):
    by_id = {trial.id: trial for trial in trials}
    for trial in trials:
        if not trial.continues:
            continue
        before = by_id[trial.continues]
        assert before.state == Trial.COMPLETED and before.to_step == trial.from_step
        assert plain(before.parameters)["width"] == plain(trial.parameters)["width"]
    runs = {(trial.continues, trial.from_step, trial.to_step, str(sorted(plain(trial.parameters).items())))
            for trial in trials}
    assert len(runs) == len(trials), "no run is made twice"


def test_chains_reach_the_optimum_through_kills_and_are_trained_from_nothing(lab):
    server = lab.server()
    server.create(SPEC)
    count = 0
    while held := take(server, "s"):
        assert held.gradients.metric == "validation_loss" and list(held.gradients.parameters) == ["x"]
        assert held.gradients.method == "mine" and held.gradients.splits == 3
        train(server, held)
        count += 1
        if count % 17 == 0:
            server.restart()
    study, trials = server.study("s"), server.all_trials("s")
    assert study.state == Study.COMPLETED
    check_chains(trials)
    audits = [trial for trial in trials if is_audit(trial)]
    assert len(audits) == 6, "three gradients, both sides of each"
    ends = [trial for trial in trials if trial.to_step == 20 and trial.continues and not is_audit(trial)]
    assert min(abs(plain(trial.parameters)["x"] - OPTIMUM) for trial in ends) < 0.08, "others were replaced late"
    from_nothing = [trial for trial in trials if not trial.continues]
    assert len(from_nothing) <= 5 == study.spec.budget.max_trials
    retrained = [trial for trial in from_nothing if trial.to_step == 20]
    assert retrained and all(abs(plain(trial.parameters)["x"] - OPTIMUM) < 0.25 for trial in retrained), "means of paths"
    assert retrained[0].origin.strategy == "gradient"
    assert server.check() == []


def test_a_wrong_gradient_is_found_out(lab):
    """Its sign is wrong: audits end the descent, and the chains stay where they are."""
    server = lab.server()
    server.create({**SPEC, "gradients": {"metric": "gain"},
                   "schedule": {"max_steps": 20, "gradient": {"chains": 3, "interval": 1, "goal": "MAXIMIZE"}}})
    while held := take(server, "s"):
        x, step = plain(held.trial.parameters)["x"], held.trial.to_step
        gain = -(x - OPTIMUM) ** 2 - 1 / step
        measurement = trial_pb2.Measurement(sequence=1, step=step, metrics={"gain": gain, "accuracy": gain})
        measurement.gradients["gain"].by_parameter["x"] = 2 * (x - OPTIMUM)
        server.trials.Report(trial_pb2.ReportRequest(
            trial_id=held.trial.id, attempt=held.attempt, measurement=measurement))
        server.trials.Complete(trial_pb2.CompleteRequest(trial_id=held.trial.id, attempt=held.attempt))
    assert any("audited gradients were wrong" in trial.origin.why for trial in server.all_trials("s"))


def test_any_command_finds_in_its_file_what_is_asked_for(lab):
    server = lab.server()
    lab.worker(server)
    server.create({**SPEC, "name": "c", "trial": program("gradient"),
                   "budget": {"max_trials": 2}})
    wait_until(lambda: server.is_over("c"), 60, "the study is over")
    trials = server.all_trials("c")
    assert {trial.state for trial in trials} == {Trial.COMPLETED}, [trial.reason for trial in trials]
    check_chains(trials)
    moved = [trial for trial in trials if " -> " in trial.origin.why]
    assert moved, "its gradients were followed"


@pytest.mark.deadline(120)
def test_the_builtin_trainer_tells_gradients_at_the_end_of_each_run(lab):
    if binary("assay-trainer") is None:
        pytest.skip("assay-trainer is not built")
    server = lab.server()
    lab.worker(server, slots=2, flags=["--trainer", binary("assay-trainer")])
    server.create({
        "name": "b", "metrics": [{"name": "loss", "goal": "MINIMIZE"}], "seed": 3,
        "parameters": [{"name": "optimizer.learning_rate", "double": {"min": 1e-3, "max": 1e-1, "scale": "LOG"}},
                       {"name": "regularization.l2", "double": {"min": 1e-5, "max": 1e-1, "scale": "LOG"}}],
        "algorithm": {"quasi_random": {}}, "budget": {"max_trials": 3}, "gradients": {"work": 5},
        "schedule": {"max_steps": 6, "gradient": {"chains": 2, "interval": 2}},
        "trial": {"builtin": {"config": {
            "data": {"name": "synthetic", "synthetic": {"kind": "blobs", "examples": 600, "features": 8, "classes": 3}},
            "optimizer": {"name": "sgd"}, "model": {"name": "mlp", "width": 16, "depth": 1}, "batch_size": 32}}}})
    wait_until(lambda: server.is_over("b"), 100, "the study is over")
    trials = server.all_trials("b")
    assert {trial.state for trial in trials} == {Trial.COMPLETED}, [trial.reason for trial in trials]
    for trial in trials:
        curve = server.curve(trial.id)
        assert [m.step for m in curve] == list(range(trial.from_step + 1, trial.to_step + 1))
        assert [("loss" in m.gradients) for m in curve] == [m.step == trial.to_step for m in curve]
        told = curve[-1].gradients["loss"]
        assert set(told.by_parameter) == set(told.deviation_by_parameter) == set(plain(trial.parameters))
        assert curve[-1].metrics["gradient_seconds"] > 0
    assert any(" -> " in trial.origin.why for trial in trials if not is_audit(trial))


def test_a_schedule_of_gradients_without_gradients_is_refused(lab):
    server = lab.server()
    with pytest.raises(grpc.RpcError) as refusal:
        server.create({key: value for key, value in SPEC.items() if key != "gradients"})
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "schedule.gradient: without gradients; say in `gradients`" in refusal.value.details()
