"""Studies with a schedule: configurations are trained in pieces, the best of them longer."""
import json
import os
import random

import grpc
import pytest

from assay_testing import Study, Trial, binary, plain, program, refused, study_pb2, wait_until
from import_test import assay, file_of

SEED = int(os.environ.get("ASSAY_TEST_SEED", "20250101"))
BLOWS = 6
SPEC = {"name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
        "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
        "algorithm": {"random": {}}, "seed": 7, "schedule": {"max_steps": 9}, "budget": {"max_trials": 9}}


def take(server, study):
    """The next trial; None once the study is over."""
    try:
        return server.ask(study)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.OUT_OF_RANGE, error
        return None


def run_all(server, study, more=0):
    """One client runs it to its end. Older trials are better: the best third of a rung is never displaced."""
    while held := take(server, study):
        server.complete(held, loss=held.trial.number + more)
    return server.all_trials(study)


def check_lineages(trials):
    """Each piece goes on from a completed one, with its configuration, where that ended, and nothing goes on twice."""
    by_id = {trial.id: trial for trial in trials}
    continued = [trial for trial in trials if trial.continues]
    for trial in continued:
        before = by_id[trial.continues]
        assert before.state == Trial.COMPLETED and before.to_step == trial.from_step
        assert plain(before.parameters) == plain(trial.parameters)
    assert len({trial.continues for trial in continued}) == len(continued)
    assert all(trial.from_step == 0 for trial in trials if not trial.continues)


def check_ladder_is_done(trials, steps, reduction=3):
    """The best third of each rung went on."""
    continued = {trial.continues for trial in trials}
    for step in steps[:-1]:
        rung = sorted((trial.final_metrics["loss"], trial.number, trial.id) for trial in trials if trial.to_step == step)
        assert all(id_ in continued for _, _, id_ in rung[:len(rung) // reduction]), f"rung {step}"


def test_one_client_climbs_the_ladder_and_the_study_ends(lab):
    server = lab.server()
    server.create(SPEC)
    trials = run_all(server, "s")
    assert sorted(trial.to_step for trial in trials) == [1] * 9 + [3] * 3 + [9]
    check_lineages(trials)
    study = server.study("s")
    assert study.completion == Study.BUDGET_SPENT
    assert study.reason == "max_trials: 9 of 9 started, none is left to go on with"
    assert study.counts.configurations == 9


def test_best_is_the_lineage_that_ran_to_the_end(lab):
    server = lab.server()
    server.create(SPEC)
    held = [server.ask("s", f"client{i}") for i in range(9)]
    for one in held:
        server.complete(one, loss=one.trial.number)
    answer = server.studies.Optimal(study_pb2.OptimalRequest(study="s"))
    assert answer.trials[0].number == 0
    assert answer.shortfall == "no configuration has reached step 9; the best of 9 that reached step 1"
    assert "no configuration has reached step 9" in assay(server, "study", "best", "s")[0]
    run_all(server, "s", more=100)
    answer = server.studies.Optimal(study_pb2.OptimalRequest(study="s", count=3))
    assert [trial.to_step for trial in answer.trials] == [9], "losses of shorter runs are smaller"
    assert answer.shortfall == ""
    runs = answer.lineages[0].runs
    assert [(run.from_step, run.to_step) for run in runs] == [(0, 1), (1, 3), (3, 9)]
    assert [run.continues for run in runs] == [0, runs[0].id, runs[1].id]
    shown = assay(server, "study", "best", "s")[0]
    assert f"trained in trials {runs[0].number} (to step 1), {runs[1].number} (1 to 3), {runs[2].number} (3 to 9)" in shown


def test_show_and_list_tell_the_rungs(lab):
    server = lab.server()
    server.create(SPEC)
    trials = run_all(server, "s")
    lines = assay(server, "study", "show", "s")[0].splitlines()
    assert any("asha, to 9 steps" in line for line in lines)
    table = [line.split() for line in lines[-3:]]
    assert [row[:4] for row in table] == [["1", "9", "0", "0"], ["3", "3", "0", "0"], ["9", "1", "0", "0"]]
    last = next(trial for trial in trials if trial.to_step == 9)
    assert table[2][-1] == str(last.number)
    listed = assay(server, "trial", "list", "s")[0]
    assert f"3 to 9 of id {last.continues}" in listed and "to step 1" in listed


def test_a_population_ends_with_its_last_member(lab):
    server = lab.server()
    server.create({**SPEC, "schedule": {"max_steps": 6, "pbt": {"population": 4, "interval": 2}}, "budget": {}})
    trials = run_all(server, "s")
    assert sum(not trial.continues for trial in trials) == 4
    study = server.study("s")
    assert (study.completion, study.reason) == (Study.BUDGET_SPENT, "every member reached step 6")
    assert any("copies trial" in trial.origin.why for trial in trials)
    by_id = {trial.id: trial for trial in trials}
    assert all(by_id[t.continues].to_step == t.from_step for t in trials if t.continues)


def test_the_best_is_trained_again_with_other_seeds(lab):
    server = lab.server()
    server.create({**SPEC, "trial": program("pieces", 0)})
    lab.worker(server, slots=2)
    wait_until(lambda: server.is_over("s"), 30, "the study is over")
    best = server.best("s")[0]
    name = f"s-best-{best.number}-x3"
    assert f"0 of 3 ended" in assay(server, "study", "best", "s", "--retrain", 3)[0]
    wait_until(lambda: server.is_over(name), 30, "they ended")
    trials = server.all_trials(name)
    assert [(t.from_step, t.to_step, t.continues) for t in trials] == [(0, 9, 0)] * 3
    assert {plain(t.parameters)["x"] for t in trials} == {plain(best.parameters)["x"]}
    assert len({t.seed for t in trials}) == 3
    shown = assay(server, "study", "best", "s", "--retrain", 3)[0]
    assert "3 of 3 ended, 0 failed" in shown
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines()[2:]}
    # The program measures the seed on the test part: its mean and deviation over three runs.
    seeds = [t.seed / 2 ** 53 for t in trials]
    mean = sum(seeds) / 3
    deviation = (sum((seed - mean) ** 2 for seed in seeds) / 2) ** 0.5
    assert abs(float(rows["test_seed"][0]) - mean) < 1e-4 and abs(float(rows["test_seed"][1]) - deviation) < 1e-4


@pytest.mark.deadline(90)
def test_a_ladder_goes_on_whatever_dies(lab):
    server = lab.server(lease=1)
    steps = [1, 3, 9]
    server.create({**SPEC, "budget": {"max_trials": 18}, "trial": {**program("pieces", 0.03), "max_attempts": 20, "max_lost": 100}})
    chance = random.Random(SEED)
    workers = [lab.worker(server, f"w{i}", wait=False) for i in range(3)]
    for blow in range(BLOWS):
        # In the middle of a promotion.
        wait_until(lambda: server.is_over("s") or any(
            trial.continues and trial.state == Trial.RUNNING for trial in server.all_trials("s")), 30, "a promotion runs")
        if blow % 2 == 0:
            victim = chance.randrange(3)
            workers[victim].kill()
            workers[victim] = lab.worker(server, f"w{victim}", wait=False)
        if blow % 3 != 1:
            server.restart()
    study = wait_until(lambda: server.is_over("s"), 60, "the study is over")
    assert study.reason.endswith("none is left to go on with")
    assert server.check() == []
    trials = server.all_trials("s")
    assert {trial.state for trial in trials} == {Trial.COMPLETED}
    assert sum(trial.to_step == 1 for trial in trials) == study.counts.configurations == 18
    check_lineages(trials)
    check_ladder_is_done(trials, steps)
    assert any(trial.attempts > 1 for trial in trials), "something was lost"
    for trial in trials:
        assert [m.step for m in server.curve(trial.id)] == list(range(trial.from_step + 1, trial.to_step + 1))


@pytest.mark.deadline(120)
def test_the_builtin_trainer_goes_on_from_where_its_last_run_ended(lab):
    if binary("assay-trainer") is None:
        pytest.skip("assay-trainer is not built")
    server = lab.server()
    lab.worker(server, slots=2, flags=["--trainer", binary("assay-trainer")])
    server.create({
        "name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}], "seed": 3,
        "parameters": [{"name": "optimizer.learning_rate", "double": {"min": 1e-3, "max": 1e-2, "scale": "LOG"}}],
        "algorithm": {"quasi_random": {}}, "schedule": {"max_steps": 4, "asha": {"reduction": 2}}, "budget": {"max_trials": 4},
        "trial": {"builtin": {"config": {
            "data": {"name": "synthetic", "synthetic": {"kind": "blobs", "examples": 600, "features": 8, "classes": 3}},
            "model": {"name": "mlp", "width": 16, "depth": 1}, "batch_size": 32}}}})
    wait_until(lambda: server.is_over("s"), 100, "the study is over")
    trials = server.all_trials("s")
    assert {trial.state for trial in trials} == {Trial.COMPLETED}, [trial.reason for trial in trials]
    check_lineages(trials)
    by_id = {trial.id: trial for trial in trials}
    continued = [trial for trial in trials if trial.continues]
    assert {trial.to_step for trial in continued} == {2, 4}
    for trial in continued:
        curve = server.curve(trial.id)
        assert [m.step for m in curve] == list(range(trial.from_step + 1, trial.to_step + 1))
        # A slow learner that began anew would be worse than where the last run ended.
        assert curve[0].metrics["loss"] < by_id[trial.continues].final_metrics["loss"]


def test_a_wrong_schedule_is_refused(lab):
    server = lab.server()
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert "schedule.max_steps: 0; 1 to" in refused(invalid, server.create, {**SPEC, "schedule": {}})
    message = refused(invalid, server.create, {**SPEC, "replicates": {"count": 2}})
    assert "schedule: with replicates.count 2" in message
    path = file_of(lab, json.dumps({**SPEC, "schedule": {"max_stepz": 9}}), "study.json")
    assert "did you mean" in assay(server, "study", "create", "-f", path, code=2)[1]
