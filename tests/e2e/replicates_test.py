"""Studies that run each configuration several times."""
import csv
import io
import json

import grpc

from assay_testing import Study, Trial, plain, refused, study_pb2, wait_until
from import_test import assay, file_of

SPEC = {"name": "r", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
        "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
        "algorithm": {"random": {}}, "seed": 7, "replicates": {"count": 3}, "budget": {"max_trials": 2}}


def take_all(server, study, value):
    """Runs the study to its end as one client; the trials in the order of their start."""
    taken = []
    while not server.is_over(study):
        held = server.ask(study)
        taken.append(held.trial)
        server.complete(held, loss=value(len(taken) - 1, held.trial))
    return taken


def test_each_configuration_is_run_count_times_before_the_next(lab):
    server = lab.server()
    server.create(SPEC)
    taken = take_all(server, "r", lambda i, trial: i)
    assert [trial.replicate for trial in taken] == [0, 1, 2, 0, 1, 2]
    configurations = [plain(trial.parameters)["x"] for trial in taken]
    assert len(set(configurations)) == 2
    assert configurations == [configurations[0]] * 3 + [configurations[3]] * 3
    assert len({trial.seed for trial in taken}) == 6
    study = server.study("r")
    assert study.completion == Study.BUDGET_SPENT
    assert (study.counts.configurations, study.counts.completed) == (2, 6)


def test_best_is_by_the_mean_and_says_what_cannot_be_told_apart(lab):
    server = lab.server()
    server.create(SPEC)
    # Means 2 (of 0, 2, 4: the lowest single value) and 1.5 (of 1, 1.5, 2).
    values = [0, 2, 4, 1, 1.5, 2]
    take_all(server, "r", lambda i, trial: values[i])
    answer = server.studies.Optimal(study_pb2.OptimalRequest(study="r", count=5))
    assert [trial.number for trial in answer.trials] == [3, 0]
    assert [row.count for row in answer.replicates] == [3, 3]
    assert [row.mean["loss"] for row in answer.replicates] == [1.5, 2]
    assert abs(answer.replicates[1].standard_error["loss"] - 2 / 3 ** 0.5) < 1e-12
    assert "the means of loss differ by 0.5, not more than 2 standard errors" in answer.tie
    shown = assay(server, "study", "best", "r")[0]
    assert "mean of 3 runs" in shown and "1.5 +- 0.288675" in shown
    assert "trials 3 and 0 cannot be told apart" in shown
    assert server.studies.Optimal(study_pb2.OptimalRequest(study="r", where="loss > 1.9")).trials[0].number == 0


def test_a_clear_winner_is_not_tied(lab):
    server = lab.server()
    server.create(SPEC)
    values = [1, 1.1, 0.9, 5, 5.1, 4.9]
    take_all(server, "r", lambda i, trial: values[i])
    answer = server.studies.Optimal(study_pb2.OptimalRequest(study="r"))
    assert [trial.number for trial in answer.trials] == [0]
    assert answer.tie == "" and len(answer.replicates) == 1


def test_replicates_outlive_a_crash_and_a_spent_budget(lab):
    server = lab.server()
    server.create({**SPEC, "budget": {"max_trials": 1}})
    first = server.ask("r")
    server.kill()
    server.restart()
    server.complete(first, loss=1)
    assert server.study("r").state == Study.ACTIVE
    replicates = []
    for _ in range(2):
        held = server.ask("r")
        replicates.append(held.trial.replicate)
        server.complete(held, loss=1)
    assert replicates == [1, 2]
    assert wait_until(lambda: server.is_over("r")).counts.completed == 3


def test_an_enqueued_configuration_is_run_count_times_too(lab):
    server = lab.server()
    server.create({**SPEC, "budget": {"max_trials": 1}})
    server.enqueue("r", {"x": 0.5})
    taken = take_all(server, "r", lambda i, trial: i)
    assert [(plain(t.parameters)["x"], t.replicate) for t in taken] == [(0.5, 0), (0.5, 1), (0.5, 2)]


def test_imported_and_repeated_trials_have_no_replicates(lab):
    server = lab.server()
    server.create({**SPEC, "budget": {"max_trials": 3}})
    assay(server, "trial", "import", "r", file_of(lab, "x,loss\n0.25,1\n"))
    assert server.study("r").counts.pending == 0
    held = server.ask("r")
    server.fail(held, kind="FATAL")
    server.retry(held.trial.id)
    assert server.study("r").counts.pending == 3  # Two replicates and the retry.


def test_the_export_tells_replicates_and_an_import_keeps_them(lab):
    server = lab.server()
    server.create(SPEC)
    take_all(server, "r", lambda i, trial: i)
    text = assay(server, "study", "export", "r")[0]
    assert [row["replicate"] for row in csv.DictReader(io.StringIO(text))] == ["0", "1", "2"] * 2
    server.create({**SPEC, "name": "copy"})
    assay(server, "trial", "import", "copy", file_of(lab, text))
    assert assay(server, "study", "export", "copy")[0] == text
    answer = server.studies.Optimal(study_pb2.OptimalRequest(study="copy"))
    assert answer.replicates[0].count == 3


def test_a_worker_tells_its_trial_which_replicate_it_is(lab):
    server = lab.server()
    server.create({**SPEC, "budget": {"max_trials": 1}, "trial": {"command": {"argv": [
        "sh", "-c", 'assay report --step 1 "loss=$ASSAY_REPLICATE"']}}})
    lab.worker(server)
    wait_until(lambda: server.is_over("r"), deadline=30)
    assert sorted(t.final_metrics["loss"] for t in server.all_trials("r")) == [0, 1, 2]


def test_a_wrong_count_is_refused(lab):
    server = lab.server()
    message = refused(grpc.StatusCode.INVALID_ARGUMENT, server.create, {**SPEC, "replicates": {"count": 101}})
    assert "replicates.count: 101; 1 to 100" in message
    free = {"name": "free", "metrics": SPEC["metrics"], "replicates": {"count": 2}}
    assert "without parameters" in refused(grpc.StatusCode.INVALID_ARGUMENT, server.create, free)
    path = file_of(lab, json.dumps({**SPEC, "replicates": {"cuont": 2}}), "study.json")
    assert "did you mean" in assay(server, "study", "create", "-f", path, code=2)[1]
