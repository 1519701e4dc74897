"""`assay study best` and the Optimal RPC: conditions, the front, its knee, bounds."""
import json

import grpc
import pytest

from assay_testing import Trial, refused, study_pb2, trial_pb2
from import_test import assay

PARAMETERS = [{"name": "x", "double": {"min": 0, "max": 1}}]


def add(server, study, x, state=Trial.COMPLETED, **metrics):
    """A trial that was run elsewhere; its number."""
    request = trial_pb2.CreateTrialRequest(study=study, state=state, metrics=metrics)
    request.parameters["x"].number_value = x
    return server.trials.CreateTrial(request).number


def optimal(server, study, **fields):
    return server.studies.Optimal(study_pb2.OptimalRequest(study=study, **fields))


def numbers(answer):
    return [trial.number for trial in answer.trials]


@pytest.fixture
def server(lab):
    server = lab.server()
    server.create({"name": "one", "metrics": [{"name": "loss", "goal": "MINIMIZE"}], "parameters": PARAMETERS})
    server.create({"name": "two", "parameters": PARAMETERS, "metrics": [
        {"name": "accuracy", "goal": "MAXIMIZE"}, {"name": "latency", "goal": "MINIMIZE"}]})
    server.create({"name": "bounded", "parameters": PARAMETERS, "metrics": [
        {"name": "accuracy", "goal": "MAXIMIZE"}, {"name": "latency", "goal": "MINIMIZE", "bound": 20}]})
    return server


def test_where_leaves_out_what_does_not_pass(server):
    for x, loss in ((0.1, 1), (0.5, 2), (0.9, 3)):
        add(server, "one", x, loss=loss, time=10 * x)
    assert numbers(optimal(server, "one", where="x > 0.2", count=5)) == [1, 2]
    assert numbers(optimal(server, "one", where="time >= 9 or loss == 2", count=1)) == [1]
    assert "number 2" in assay(server, "study", "best", "one", "--where", "x > 0.6 and loss <= 3")[0]
    assert 'passes "x > 2"' in assay(server, "study", "best", "one", "--where", "x > 2", code=4)[1]


def test_a_wrong_question_says_what_is_wrong(server):
    add(server, "one", 0.5, loss=1)
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert "where:" in refused(invalid, optimal, server, "one", where="x >")
    assert 'where: "los" is no' in refused(invalid, optimal, server, "one", where="los < 1")
    assert 'prefer: "time" is no metric' in refused(invalid, optimal, server, "one", prefer="time")
    assert "count: -1" in refused(invalid, optimal, server, "one", count=-1)
    assay(server, "study", "best", "one", "--where", "x >", code=2)


def test_the_front_marks_its_knee_and_prefers_a_metric(server):
    for accuracy, latency in ((0.5, 1), (0.9, 2), (0.92, 30), (0.8, 40), (0.95, 100)):
        add(server, "two", 0.5, accuracy=accuracy, latency=latency)
    front = optimal(server, "two")
    assert numbers(front) == [0, 1, 2, 4]
    assert front.metric == "" and not front.infeasible
    assert front.knee_trial_id == front.trials[1].id
    preferred = optimal(server, "two", prefer="accuracy")
    assert (numbers(preferred), preferred.metric) == ([4], "accuracy")
    assert numbers(optimal(server, "two", prefer="latency", count=2)) == [0, 1]
    assert numbers(optimal(server, "two", prefer="accuracy", where="latency <= 20")) == [1]
    shown = assay(server, "study", "best", "two")[0]
    knee, = [line for line in shown.splitlines() if " knee " in line]
    assert knee.split()[0] == "1"
    assert "number 4" in assay(server, "study", "best", "two", "--prefer", "accuracy")[0]
    assert json.loads(assay(server, "--output", "json", "study", "best", "two")[0])["knee_trial_id"] == front.trials[1].id


def test_bounds_come_before_the_objective_and_none_feasible_is_said(server):
    add(server, "bounded", 0.1, accuracy=0.9, latency=30)
    add(server, "bounded", 0.2, accuracy=0.95)
    answer = optimal(server, "bounded", count=5)
    assert numbers(answer) == [1, 0] and answer.infeasible
    shown = assay(server, "study", "best", "bounded")[0]
    assert "no trial keeps every bound: latency is not known, not <= 20" in shown
    add(server, "bounded", 0.3, accuracy=0.7, latency=20)
    add(server, "bounded", 0.4, accuracy=0.6, latency=5)
    answer = optimal(server, "bounded", count=5)
    assert numbers(answer) == [2, 3] and not answer.infeasible
    assert "every bound" not in assay(server, "study", "best", "bounded")[0]


def test_stopped_trials_are_best_only_if_asked_for_or_alone(server):
    add(server, "one", 0.1, state=Trial.STOPPED, loss=0)
    assert numbers(optimal(server, "one")) == [0]
    add(server, "one", 0.2, loss=1)
    assert numbers(optimal(server, "one", count=5)) == [1]
    assert numbers(optimal(server, "one", where="state == 'STOPPED'")) == [0]
